// examples/gateway/echo_model.hpp: the built-in chat model, which says again what its user has said last, word by word.
// A token is a word with the blanks before it, or a part of at most 64 bytes of a long one.
// Not:      a language model; it is there to try clients with, and to fill a stream.
#pragma once

#include "openai_chat.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

inline constexpr char const* echo_model_name = "weir-echo";

// How many tokens a text has for the echo model.
std::size_t count_tokens(std::string_view text) noexcept;

// What the model says, cut to tokens.
class echo_reply {
public:
    static constexpr std::size_t most_tokens = 4096; // whatever was asked for

    // The answer to `asked`: up to the first of its stops, and of as many tokens as it wants at most.
    explicit echo_reply(chat_request const& asked);

    std::size_t size() const noexcept { return ends_.size(); } // tokens
    std::string_view token(std::size_t index) const noexcept {
        auto const begin = index == 0 ? 0 : ends_[index - 1];
        return std::string_view{text_}.substr(begin, ends_[index] - begin);
    }
    std::string const& text() const noexcept { return text_; }
    // "stop", or "length" where tokens were left out.
    char const* finish_reason() const noexcept { return cut_ ? "length" : "stop"; }
    std::size_t prompt_tokens() const noexcept { return prompt_tokens_; } // of all messages

private:
    std::string text_;
    std::vector<std::size_t> ends_; // of the tokens in text_
    bool cut_ = false;
    std::size_t prompt_tokens_ = 0;
};

} // namespace gateway
