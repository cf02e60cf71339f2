// examples/gateway/openai_chat_answer.hpp: the JSON of chat completions, whole and in chunks.
// Source:   platform.openai.com, "API reference".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gateway {

struct chat_usage {
    std::size_t prompt_tokens = 0;
    std::size_t completion_tokens = 0;
};

// Writes one answer. Texts are UTF-8; what is not is replaced.
class chat_answer_writer {
public:
    // `created` in seconds of the Unix clock. With `usage_follows` each chunk says that its usage comes at the end.
    struct heading {
        std::string id;
        std::int64_t created = 0;
        std::string model;
        bool usage_follows = false;
    };
    explicit chat_answer_writer(heading of);

    // `choices` times the same answer.
    std::string whole(std::string_view text, std::string_view finish_reason, std::size_t choices, chat_usage usage) const;
    // The first chunk of a choice, one of its tokens, and its last.
    std::string opening(std::size_t choice) const;
    std::string token(std::size_t choice, std::string_view text) const;
    std::string closing(std::size_t choice, std::string_view finish_reason) const;
    // The very last chunk, for who asked for it.
    std::string usage(chat_usage of) const;

private:
    std::string chunk(std::string_view choices, std::string_view usage) const;

    heading const of_;
    std::string const begin_; // of each chunk, up to its choices
};

} // namespace gateway
