// examples/gateway/openai.cpp: reading requests strictly, and writing vectors fast.
#include "openai.hpp"

#include "base64.hpp"
#include "echo_model.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <utility>

namespace gateway {
namespace {

using json = nlohmann::ordered_json;

std::string dump(json const& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json card(model_card const& model) {
    json out;
    out["id"] = model.id;
    out["object"] = "model";
    out["created"] = model.created;
    out["owned_by"] = model.owned_by;
    return out;
}

api_error invalid(std::string param, std::string message, std::string code = {}) {
    return {400, std::move(message), "invalid_request_error", std::move(param), std::move(code)};
}

// Empty if all is well.
std::string fault_of(std::string const& input) {
    if (input.empty()) return " is an empty string.";
    if (input.size() > embeddings_request::most_bytes)
        return " is longer than " + std::to_string(embeddings_request::most_bytes) + " bytes.";
    return {};
}

std::variant<std::vector<std::string>, api_error> read_inputs(json& input) {
    if (input.is_string()) {
        std::vector<std::string> one{std::move(input.get_ref<std::string&>())};
        if (auto const fault = fault_of(one[0]); !fault.empty()) return invalid("input", "'input'" + fault);
        return one;
    }
    if (!input.is_array()) return invalid("input", "'input' must be a string or an array of strings.", "invalid_type");
    if (input.empty()) return invalid("input", "'input' is an empty array.", "empty_array");
    if (input.size() > embeddings_request::most_inputs)
        return invalid("input",
                       "'input' has " + std::to_string(input.size()) + " elements; at most " +
                           std::to_string(embeddings_request::most_inputs) + " are accepted.",
                       "array_above_max_length");
    std::vector<std::string> all;
    all.reserve(input.size());
    for (std::size_t i = 0; i < input.size(); ++i) {
        auto const name = "'input[" + std::to_string(i) + "]'";
        if (input[i].is_number() || input[i].is_array())
            return invalid("input", name + " is not a string: arrays of tokens are not supported.",
                           "unsupported_value");
        if (!input[i].is_string()) return invalid("input", name + " is not a string.", "invalid_type");
        auto& text = input[i].get_ref<std::string&>();
        if (auto const fault = fault_of(text); !fault.empty()) return invalid("input", name + fault);
        all.push_back(std::move(text));
    }
    return all;
}

void append_numbers(std::string& out, embedding const& vector) {
    constexpr std::size_t longest = 16; // "-1.17549435e-38" and a comma
    out.push_back('[');
    auto const begin = out.size();
    out.resize(begin + vector.size() * longest);
    auto* at = out.data() + begin;
    for (float const x : vector) {
        at = std::to_chars(at, at + longest, x).ptr;
        *at++ = ',';
    }
    out.resize(static_cast<std::size_t>(at - out.data()) - 1);
    out.push_back(']');
}

void append_floats(std::string& out, embedding const& vector) {
    std::array<std::byte, 4 * std::tuple_size_v<embedding>> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(std::bit_cast<std::uint32_t>(vector[i / 4]) >> i % 4 * 8 & 0xff);
    out.push_back('"');
    append_base64(out, bytes);
    out.push_back('"');
}

constexpr std::int64_t model_created = 1'767'225'600; // the first day of 2026

} // namespace

model_card embedding_model_card() { return {"weir-ngram-384", model_created, "weir"}; }
model_card echo_model_card() { return {echo_model_name, model_created, "weir"}; }

api_error model_not_found(std::string_view id) {
    return {404, "The model '" + std::string{id} + "' does not exist.", "invalid_request_error", "model",
            "model_not_found"};
}

std::string model_list_json(std::span<model_card const> models) {
    json out;
    out["object"] = "list";
    out["data"] = json::array();
    for (auto const& model : models) out["data"].push_back(card(model));
    return dump(out);
}

std::string model_json(model_card const& model) { return dump(card(model)); }

std::variant<embeddings_request, api_error> parse_embeddings_request(std::string_view body,
                                                                     std::span<model_card const> models) {
    json root;
    try {
        root = json::parse(body);
    } catch (json::parse_error const& fault) {
        return invalid("", "The body is not valid JSON: it goes wrong at byte " + std::to_string(fault.byte) + ".",
                       "invalid_json");
    }
    if (!root.is_object()) return invalid("", "The body is not a JSON object.", "invalid_json");
    embeddings_request request;
    for (auto const& [name, value] : root.items()) {
        if (name == "encoding_format") {
            if (value == "base64") request.format = vector_format::base64;
            else if (value != "float")
                return invalid(name, "'encoding_format' must be \"float\" or \"base64\".", "unsupported_value");
        } else if (name == "dimensions") {
            if (value != embedding_model::dimensions)
                return invalid(name, "'dimensions' must be 384; nothing else is supported.", "unsupported_value");
        } else if (name == "user") {
            if (!value.is_string()) return invalid(name, "'user' must be a string.", "invalid_type");
        } else if (name != "input" && name != "model") {
            return invalid(name, "'" + name + "' is not a field of this request.", "unknown_parameter");
        }
    }
    auto const model = root.find("model");
    if (model == root.end()) return invalid("model", "'model' is missing.", "missing_required_parameter");
    if (!model->is_string()) return invalid("model", "'model' must be a string.", "invalid_type");
    request.model = model->get<std::string>();
    if (std::none_of(models.begin(), models.end(), [&](auto const& each) { return each.id == request.model; }))
        return model_not_found(request.model);

    auto const input = root.find("input");
    if (input == root.end()) return invalid("input", "'input' is missing.", "missing_required_parameter");
    auto inputs = read_inputs(*input);
    if (auto* const fault = std::get_if<api_error>(&inputs)) return std::move(*fault);
    request.inputs = std::move(std::get<0>(inputs));
    return request;
}

std::size_t approximate_tokens(std::string_view text) noexcept { return (text.size() + 3) / 4; }

embeddings_writer::embeddings_writer(std::string& out, vector_format format) : out_{out}, format_{format} {
    out_.append(R"({"object":"list","data":[)");
}

void embeddings_writer::add(embedding const& vector) {
    out_.append(count_ == 0 ? "" : ",").append(R"({"object":"embedding","index":)").append(std::to_string(count_));
    out_.append(R"(,"embedding":)");
    if (format_ == vector_format::base64) append_floats(out_, vector);
    else append_numbers(out_, vector);
    out_.push_back('}');
    ++count_;
}

void embeddings_writer::finish(std::string_view model, std::size_t prompt_tokens) {
    auto const tokens = std::to_string(prompt_tokens);
    out_.append(R"(],"model":)").append(dump(json(model)));
    out_.append(R"(,"usage":{"prompt_tokens":)")
        .append(tokens)
        .append(R"(,"total_tokens":)")
        .append(tokens)
        .append("}}");
}

} // namespace gateway
