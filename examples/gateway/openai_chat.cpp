// examples/gateway/openai_chat.cpp: reading requests for chat completions, in outline and in full.
#include "openai_chat.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace gateway {

namespace {

using json = nlohmann::json;

api_error invalid(std::string param, std::string message, std::string code = {}) {
    return {400, std::move(message), "invalid_request_error", std::move(param), std::move(code)};
}

api_error not_json(std::size_t byte) {
    return invalid("", "The body is not valid JSON: it goes wrong at byte " + std::to_string(byte) + ".", "invalid_json");
}

api_error missing(std::string const& name) {
    return invalid(name, "'" + name + "' is missing.", "missing_required_parameter");
}

api_error wrong_type(std::string const& name, std::string_view wanted) {
    return invalid(name, "'" + name + "' must be " + std::string{wanted} + ".", "invalid_type");
}

api_error unsupported(std::string const& name, std::string_view what) {
    return invalid(name, "'" + name + "' " + std::string{what} + ".", "unsupported_value");
}

// Sees the values of a request pass by, and keeps those of the outermost object that matter. Each function is called by
// the parser; where it says false, parsing ends.
class outline_reader final : public nlohmann::json_sax<json> {
public:
    bool null() override { return value(nullptr); }
    bool boolean(bool on) override {
        if (depth_ == 1 && field_ == "stream") {
            outline.stream = on;
            return true;
        }
        return value("a boolean");
    }
    bool number_integer(number_integer_t) override { return value("a number"); }
    bool number_unsigned(number_unsigned_t) override { return value("a number"); }
    bool number_float(number_float_t, string_t const&) override { return value("a number"); }
    bool string(string_t& text) override {
        if (depth_ == 1 && field_ == "model") {
            outline.model = std::move(text);
            has_model = true;
            return true;
        }
        return value("a string");
    }
    bool binary(binary_t&) override { return false; } // not in JSON text
    bool start_object(std::size_t) override { return (depth_ == 0 || value("an object")) && ++depth_ > 0; }
    bool end_object() override { return depth_-- > 0; }
    bool start_array(std::size_t) override {
        bool const messages = depth_ == 1 && field_ == "messages";
        if (messages) has_messages = true;
        return (messages || value("an array")) && ++depth_ > 0;
    }
    bool end_array() override { return depth_-- > 0; }
    bool key(string_t& name) override {
        if (depth_ == 1) field_ = std::move(name);
        return true;
    }
    bool parse_error(std::size_t position, std::string const&, nlohmann::detail::exception const&) override {
        fault = not_json(position);
        return false;
    }

    chat_outline outline;
    bool has_model = false;
    bool has_messages = false;
    bool has_message = false; // one at least
    std::optional<api_error> fault;

private:
    // A value of that kind begins, or is all there; null for null.
    bool value(char const* kind) {
        if (depth_ == 0) fault = invalid("", "The body is not a JSON object.", "invalid_json");
        else if (depth_ == 2 && field_ == "messages") has_message = true;
        else if (depth_ != 1) return true;
        else if (field_ == "model") fault = wrong_type("model", "a string");
        else if (field_ == "messages") fault = wrong_type("messages", "an array");
        else if (field_ == "stream" && kind) fault = wrong_type("stream", "a boolean");
        return !fault;
    }

    std::size_t depth_ = 0;
    std::string field_; // of the outermost object
};

// Fields of a model that draws its words at random. They are well formed or not for that model to say; here is none.
constexpr std::array tuning{"frequency_penalty", "logit_bias", "metadata", "parallel_tool_calls", "prediction",
                            "presence_penalty", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort",
                            "safety_identifier", "seed", "service_tier", "store", "temperature", "top_p", "user",
                            "verbosity"};
// Fields that ask for another kind of answer.
constexpr std::array unknown_arts{"audio", "function_call", "functions", "tool_choice", "tools", "top_logprobs",
                                  "web_search_options"};

bool is_among(auto const& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Reads a request field by field; the first fault ends it.
class request_reader {
public:
    std::variant<chat_request, api_error> read(json const& root) {
        if (!root.is_object()) return invalid("", "The body is not a JSON object.", "invalid_json");
        for (auto const& [name, value] : root.items())
            if (auto fault = field(name, value)) return std::move(*fault);
        if (made_.model.empty()) return missing("model");
        if (made_.messages.empty()) return missing("messages");
        if (made_.include_usage && !made_.stream)
            return unsupported("stream_options", "is only for answers that are streamed");
        return std::move(made_);
    }

private:
    using wrong = std::optional<api_error>;

    wrong field(std::string const& name, json const& value) {
        if (name == "model") return text(name, value, made_.model);
        if (name == "messages") return messages(value);
        if (value.is_null() || is_among(tuning, name)) return {};
        if (name == "stream") return flag(name, value, made_.stream);
        if (name == "stream_options") return stream_options(value);
        if (name == "n") return count(name, value, chat_request::most_choices, made_.choices);
        if (name == "max_tokens" || name == "max_completion_tokens")
            return count(name, value, std::numeric_limits<std::size_t>::max(), made_.most_tokens);
        if (name == "stop") return stop(value);
        if (name == "logprobs")
            return value == false ? wrong{} : wrong{unsupported(name, "must be false: this model knows none")};
        if (name == "modalities")
            return value == json::array({"text"}) ? wrong{} : wrong{unsupported(name, "must be [\"text\"]")};
        if (name == "response_format") {
            bool const plain = value.is_object() && value.value("type", json{}) == "text";
            return plain ? wrong{} : wrong{unsupported(name, "must be of the type \"text\"")};
        }
        if (is_among(unknown_arts, name)) return unsupported(name, "is not supported by this model");
        return invalid(name, "'" + name + "' is not a field of this request.", "unknown_parameter");
    }

    static wrong text(std::string const& name, json const& value, std::string& into) {
        if (!value.is_string()) return wrong_type(name, "a string");
        into = value.get_ref<std::string const&>();
        return into.empty() ? wrong{invalid(name, "'" + name + "' is an empty string.")} : wrong{};
    }
    static wrong flag(std::string const& name, json const& value, bool& into) {
        if (!value.is_boolean()) return wrong_type(name, "a boolean");
        into = value.get<bool>();
        return {};
    }
    static wrong count(std::string const& name, json const& value, std::size_t most, std::size_t& into) {
        if (!value.is_number_unsigned() || value == 0u) return wrong_type(name, "a whole number of at least 1");
        into = value.get<std::size_t>();
        if (into > most) return unsupported(name, "is " + std::to_string(into) + "; at most " + std::to_string(most));
        return {};
    }

    wrong stream_options(json const& value) {
        if (!value.is_object()) return wrong_type("stream_options", "an object");
        for (auto const& [name, inner] : value.items()) {
            auto const full = "stream_options." + name;
            if (name == "include_usage") {
                if (auto fault = flag(full, inner, made_.include_usage)) return fault;
            } else if (name != "include_obfuscation") { // which hides the length of words; what is echoed is known
                return invalid(full, "'" + full + "' is not a field of this request.", "unknown_parameter");
            }
        }
        return {};
    }

    wrong stop(json const& value) {
        if (!value.is_array()) return text("stop", value, made_.stops.emplace_back());
        if (value.size() > chat_request::most_stops)
            return unsupported("stop", "has " + std::to_string(value.size()) + " elements; at most 4");
        for (auto const& each : value)
            if (auto fault = text("stop", each, made_.stops.emplace_back())) return fault;
        return {};
    }

    wrong messages(json const& value) {
        if (!value.is_array()) return wrong_type("messages", "an array");
        if (value.empty()) return invalid("messages", "'messages' is an empty array.", "empty_array");
        for (std::size_t i = 0; i < value.size(); ++i) {
            auto const name = "messages[" + std::to_string(i) + "]";
            if (!value[i].is_object()) return wrong_type(name, "an object");
            auto const role = value[i].find("role");
            if (role == value[i].end()) return missing(name + ".role");
            auto& message = made_.messages.emplace_back();
            if (auto fault = text(name + ".role", *role, message.role)) return fault;
            auto const content = value[i].find("content");
            if (content == value[i].end() || content->is_null()) continue; // as of an assistant that has called a tool
            if (auto fault = add_content(name + ".content", *content, message.text)) return fault;
        }
        return {};
    }

    static wrong add_content(std::string const& name, json const& value, std::string& into) {
        if (value.is_string()) {
            into = value.get_ref<std::string const&>();
            return {};
        }
        if (!value.is_array()) return wrong_type(name, "a string or an array of parts");
        for (std::size_t i = 0; i < value.size(); ++i) {
            auto const part = name + "[" + std::to_string(i) + "]";
            if (!value[i].is_object()) return wrong_type(part, "an object");
            if (value[i].value("type", json{}) != "text") return unsupported(part + ".type", "must be \"text\"");
            auto const inner = value[i].find("text");
            if (inner == value[i].end()) return missing(part + ".text");
            if (!inner->is_string()) return wrong_type(part + ".text", "a string");
            into += inner->get_ref<std::string const&>();
        }
        return {};
    }

    chat_request made_;
};

} // namespace

std::variant<chat_outline, api_error> parse_chat_outline(std::string_view body) {
    outline_reader reader;
    json::sax_parse(body, &reader);
    if (reader.fault) return std::move(*reader.fault);
    if (!reader.has_model) return missing("model");
    if (!reader.has_messages) return missing("messages");
    if (!reader.has_message) return invalid("messages", "'messages' is an empty array.", "empty_array");
    return std::move(reader.outline);
}

std::variant<chat_request, api_error> parse_chat_request(std::string_view body) {
    try {
        return request_reader{}.read(json::parse(body));
    } catch (json::parse_error const& fault) {
        return not_json(fault.byte);
    }
}

} // namespace gateway
