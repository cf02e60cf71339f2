// examples/gateway/echo_model.cpp: cutting a text to tokens.
#include "echo_model.hpp"

#include <algorithm>

namespace gateway {

namespace {

constexpr std::size_t longest_token = 64;

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
// Whether a character of UTF-8 goes on there.
bool is_inside(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Where the token that begins at `begin` ends.  Needs: begin < text.size().
std::size_t token_end(std::string_view text, std::size_t begin) noexcept {
    auto const most = std::min(text.size(), begin + longest_token);
    auto end = begin;
    while (end < most && is_blank(text[end])) ++end;
    while (end < most && !is_blank(text[end])) ++end;
    if (end == text.size() || is_blank(text[end])) return end;
    auto whole = end; // a long word is not cut inside of a character
    while (whole > begin && is_inside(text[whole])) --whole;
    return whole > begin ? whole : end;
}

std::string_view last_of_user(chat_request const& asked) noexcept {
    for (auto at = asked.messages.rbegin(); at != asked.messages.rend(); ++at)
        if (at->role == "user") return at->text;
    return asked.messages.back().text;
}

} // namespace

std::size_t count_tokens(std::string_view text) noexcept {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); at = token_end(text, at)) ++count;
    return count;
}

echo_reply::echo_reply(chat_request const& asked) {
    auto said = last_of_user(asked);
    for (auto const& stop : asked.stops) said = said.substr(0, said.find(stop));
    auto const most = std::min(asked.most_tokens, most_tokens);
    std::size_t end = 0;
    while (end < said.size() && ends_.size() < most) ends_.push_back(end = token_end(said, end));
    cut_ = end < said.size();
    text_ = said.substr(0, end);
    for (auto const& message : asked.messages) prompt_tokens_ += count_tokens(message.text);
}

} // namespace gateway
