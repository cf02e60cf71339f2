// examples/gateway/openai_chat.hpp: the body of POST /v1/chat/completions.
// Source:   platform.openai.com, "API reference".
#pragma once

#include "api_error.hpp"

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gateway {

// As much of a request as passing it on needs to know: all else is the upstream's to judge.
struct chat_outline {
    std::string model;
    bool stream = false;
};

// Or why it is refused, naming the field.  Cost: one pass over the body, which is not kept.
std::variant<chat_outline, api_error> parse_chat_outline(std::string_view body);

struct chat_message {
    std::string role;
    std::string text; // the texts of its parts, joined
};

// A request read in full, by a model that answers it itself.
struct chat_request {
    static constexpr std::size_t most_choices = 8;
    static constexpr std::size_t most_stops = 4;

    std::string model;
    std::vector<chat_message> messages; // at least one
    std::vector<std::string> stops;     // none of them empty
    std::size_t choices = 1;            // n
    std::size_t most_tokens = std::numeric_limits<std::size_t>::max();
    bool stream = false;
    bool include_usage = false; // of stream_options
};

// The same for all fields. Those that only tune how a model draws its words are taken and have no effect; those that ask
// for another kind of answer (tools, audio, other formats, log probabilities) are refused by name.
std::variant<chat_request, api_error> parse_chat_request(std::string_view body);

} // namespace gateway
