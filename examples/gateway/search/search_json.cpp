// examples/gateway/search/search_json.cpp: reading requests strictly, and writing what was found.
#include "search_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

namespace gateway {
namespace {

using json = nlohmann::ordered_json;
using limits = search_limits;

// What the parts of a request throw at each other inside this file.
struct refusal {
    api_error why;
};

[[noreturn]] void refuse(std::string const& field, std::string const& message, std::string code = {}) {
    throw refusal{invalid_field(field, "'" + field + "' " + message, std::move(code))};
}

std::string of_bytes(std::size_t most) { return std::to_string(most) + " bytes"; }

// The members of an object, each of which must be among `known`.
void expect_object(json const& value, std::string const& field, std::initializer_list<std::string_view> known) {
    if (!value.is_object()) refuse(field, "is not an object.", "invalid_type");
    for (auto const& [name, _] : value.items())
        if (std::find(known.begin(), known.end(), name) == known.end())
            refuse(field + "." + name, "is not a field of this request.", "unknown_parameter");
}

json parse_body(std::string_view body, std::initializer_list<std::string_view> known) {
    json root;
    try {
        root = json::parse(body);
    } catch (json::parse_error const& fault) {
        auto const at = std::to_string(fault.byte);
        throw refusal{invalid_field("", "The body is not valid JSON: it goes wrong at byte " + at + ".", "invalid_json")};
    }
    if (!root.is_object()) throw refusal{invalid_field("", "The body is not a JSON object.", "invalid_json")};
    for (auto const& [name, _] : root.items())
        if (std::find(known.begin(), known.end(), name) == known.end())
            refuse(name, "is not a field of this request.", "unknown_parameter");
    return root;
}

json const& member(json const& of, std::string const& name, std::string const& field) {
    auto const at = of.find(name);
    if (at == of.end()) refuse(field, "is missing.", "missing_required_parameter");
    return *at;
}

json const& array(json const& of, std::string const& name) {
    auto const& all = member(of, name, name);
    if (!all.is_array()) refuse(name, "must be an array.", "invalid_type");
    if (all.empty()) refuse(name, "is an empty array.", "empty_array");
    if (all.size() > limits::most_points)
        refuse(name, "has " + std::to_string(all.size()) + " elements; at most " + std::to_string(limits::most_points) +
                         " are accepted.", "array_above_max_length");
    return all;
}

std::string text_of(json const& value, std::string const& field, std::size_t most) {
    if (!value.is_string()) refuse(field, "must be a string.", "invalid_type");
    auto const& text = value.get_ref<std::string const&>();
    if (text.empty()) refuse(field, "is an empty string.");
    if (text.size() > most) refuse(field, "is longer than " + of_bytes(most) + ".");
    return text;
}

// Twice the same is an error, as nobody can say which one is meant.
std::string new_id(json const& value, std::string const& field, std::unordered_set<std::string>& seen) {
    auto id = text_of(value, field, limits::most_id_bytes);
    if (!seen.insert(id).second) refuse(field, "is given twice in this request.");
    return id;
}

std::vector<float> vector_of(json const& value, std::string const& field) {
    if (!value.is_array()) refuse(field, "must be an array of numbers.", "invalid_type");
    if (value.empty() || value.size() > limits::most_dimensions)
        refuse(field, "has " + std::to_string(value.size()) + " numbers; it must have 1 to " +
                          std::to_string(limits::most_dimensions) + ".");
    std::vector<float> all;
    all.reserve(value.size());
    bool has_direction = false;
    for (std::size_t n = 0; n < value.size(); ++n) {
        auto const place = [&] { return field + "[" + std::to_string(n) + "]"; };
        if (!value[n].is_number()) refuse(place(), "is not a number.", "invalid_type");
        all.push_back(static_cast<float>(value[n].get<double>()));
        if (!std::isfinite(all.back())) refuse(place(), "is too large for a number of 32 bits.");
        has_direction = has_direction || all.back() != 0;
    }
    if (!has_direction) refuse(field, "has only zeros, and so no direction.");
    return all;
}

// The fact that a member is, or nothing where its value is an array or an object.
std::optional<std::string> fact_of(std::string const& name, json const& value) {
    constexpr double most_whole = 9007199254740992.0; // 2^53: below, a double tells whole numbers apart
    if (value.is_structured()) return std::nullopt;
    auto written = value;
    if (value.is_number_float()) {
        auto const number = value.get<double>();
        if (std::abs(number) <= most_whole && std::trunc(number) == number) written = static_cast<std::int64_t>(number);
    }
    return json(name).dump() + ':' + written.dump();
}

std::shared_ptr<payload const> payload_of(json const& value, std::string const& field) {
    if (!value.is_object()) refuse(field, "must be an object.", "invalid_type");
    auto text = value.dump();
    constexpr auto most = limits::most_payload_bytes;
    if (text.size() > most) refuse(field, "is longer than " + of_bytes(most) + ".");
    std::vector<std::string> facts;
    for (auto const& [name, each] : value.items())
        if (auto fact = fact_of(name, each)) facts.push_back(std::move(*fact));
    return std::make_shared<payload const>(std::move(text), std::move(facts));
}

std::vector<std::string> filter_of(json const& value) {
    if (!value.is_object()) refuse("filter", "must be an object.", "invalid_type");
    if (value.size() > limits::most_facts)
        refuse("filter", "has more than " + std::to_string(limits::most_facts) + " members.");
    std::vector<std::string> facts;
    for (auto const& [name, each] : value.items()) {
        auto fact = fact_of(name, each);
        if (!fact) refuse("filter." + name, "must be a string, a number, true, false or null.", "invalid_type");
        facts.push_back(std::move(*fact));
    }
    return facts;
}

// A vector or a text, and not both.  Returns: whether it is a text.
bool is_by_text(json const& value, std::string const& prefix) {
    bool const text = value.contains("text");
    bool const vector = value.contains("vector");
    if (text && vector) refuse(prefix + "text", "and 'vector' exclude each other.");
    if (!text && !vector) refuse(prefix + "vector", "is missing, and so is 'text'.", "missing_required_parameter");
    return text;
}

upsert_request read_upsert(std::string_view body) {
    auto const root = parse_body(body, {"points"});
    auto const& all = array(root, "points");
    upsert_request request;
    std::unordered_set<std::string> seen;
    for (std::size_t n = 0; n < all.size(); ++n) {
        auto const field = "points[" + std::to_string(n) + "]";
        auto const& each = all[n];
        expect_object(each, field, {"id", "vector", "text", "payload"});
        auto& made = request.points.emplace_back();
        made.id = new_id(member(each, "id", field + ".id"), field + ".id", seen);
        if (is_by_text(each, field + "."))
            request.texts.push_back(text_of(each["text"], field + ".text", limits::most_text_bytes));
        else made.vector = vector_of(each["vector"], field + ".vector");
        if (each.contains("payload")) made.about = payload_of(each["payload"], field + ".payload");
    }
    return request;
}

std::vector<std::string> read_remove(std::string_view body) {
    auto const root = parse_body(body, {"ids"});
    auto const& all = array(root, "ids");
    std::vector<std::string> ids;
    std::unordered_set<std::string> seen;
    for (std::size_t n = 0; n < all.size(); ++n) ids.push_back(new_id(all[n], "ids[" + std::to_string(n) + "]", seen));
    return ids;
}

search_request read_search(std::string_view body) {
    auto const root = parse_body(body, {"vector", "text", "top_k", "filter", "score_threshold", "with_payload"});
    search_request request;
    auto& asked = request.asked;
    if (is_by_text(root, "")) request.text = text_of(root["text"], "text", limits::most_text_bytes);
    else asked.vector = vector_of(root["vector"], "vector");
    if (auto const at = root.find("top_k"); at != root.end()) {
        if (!at->is_number_unsigned() || *at < 1 || *at > limits::most_hits)
            refuse("top_k", "must be a whole number from 1 to " + std::to_string(limits::most_hits) + ".");
        asked.most = at->get<std::size_t>();
    }
    if (auto const at = root.find("filter"); at != root.end()) asked.facts = filter_of(*at);
    if (auto const at = root.find("score_threshold"); at != root.end()) {
        if (!at->is_number()) refuse("score_threshold", "must be a number.", "invalid_type");
        asked.least = at->get<double>();
    }
    if (auto const at = root.find("with_payload"); at != root.end()) {
        if (!at->is_boolean()) refuse("with_payload", "must be true or false.", "invalid_type");
        asked.with_payload = at->get<bool>();
    }
    return request;
}

template <class Read>
auto or_refusal(Read read, std::string_view body) -> std::variant<decltype(read(body)), api_error> {
    try {
        return read(body);
    } catch (refusal& refused) {
        return std::move(refused.why);
    }
}

json card(collection_card const& one) {
    json out;
    out["name"] = one.name;
    out["dimensions"] = one.dimensions;
    out["points"] = one.points;
    out["bytes"] = one.bytes;
    return out;
}

} // namespace

api_error invalid_field(std::string param, std::string message, std::string code) {
    return {400, std::move(message), "invalid_request_error", std::move(param), std::move(code)};
}

std::variant<upsert_request, api_error> parse_upsert_request(std::string_view body) {
    return or_refusal(&read_upsert, body);
}
std::variant<std::vector<std::string>, api_error> parse_remove_request(std::string_view body) {
    return or_refusal(&read_remove, body);
}
std::variant<search_request, api_error> parse_search_request(std::string_view body) {
    return or_refusal(&read_search, body);
}

bool is_collection_name(std::string_view name) noexcept {
    auto const fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    };
    return !name.empty() && name.size() <= limits::most_name_bytes && std::all_of(name.begin(), name.end(), fits);
}

void append_hits(std::string& out, hits const& found) {
    out.append(R"({"hits":[)");
    for (std::size_t n = 0; n < found.size(); ++n) {
        char number[32];
        auto const end = std::to_chars(number, number + sizeof number, found[n].score).ptr;
        out.append(n == 0 ? "" : ",").append(R"({"id":)").append(json(found[n].id).dump());
        out.append(R"(,"score":)").append(number, end);
        if (found[n].about) out.append(R"(,"payload":)").append(found[n].about->json());
        out.push_back('}');
    }
    out.append("]}");
}

std::string collection_json(collection_card const& one) { return card(one).dump(); }

std::string collection_list_json(std::span<collection_card const> all) {
    json out;
    out["collections"] = json::array();
    for (auto const& each : all) out["collections"].push_back(card(each));
    return out.dump();
}

} // namespace gateway
