// bench/http/load/answers.hpp: finds the answers in what a server has sent, and checks each of them.
// An answer is good when its status is 200, it says how long its body is, and the body is the one expected. That is all
// that this client must know of HTTP: it sends nothing that may be answered in chunks.
#pragma once

#include <io/load/sockets.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <strings.h>

namespace load {

class answers {
public:
    // Without a body, that of the first answer gives the length of all.
    explicit answers(std::string body) : body_{std::move(body)}, length_{body_.size()} {}

    // Bytes of the answer that `text` begins with; 0 while it is not whole. Ends the program where it is not good.
    std::size_t size_of_first(std::string_view text);

private:
    static std::size_t content_length(std::string_view line);
    [[noreturn]] static void refuse(char const* what, std::string_view text) {
        auto const shown = text.substr(0, text.find('\r'));
        std::fprintf(stderr, "the answer begins '%.*s'\n", static_cast<int>(shown.size()), shown.data());
        errno = 0;
        give_up(what);
    }

    std::string const body_;
    std::size_t length_;
};

inline std::size_t answers::size_of_first(std::string_view text) {
    constexpr std::size_t most_head = 16 * 1024;
    constexpr auto none = std::string_view::npos;
    std::size_t length = none;
    for (std::size_t begin = 0; begin < text.size();) {
        auto const* const end = static_cast<char const*>(std::memchr(text.data() + begin, '\n', text.size() - begin));
        if (!end) break;
        auto const line = text.substr(begin, static_cast<std::size_t>(end - text.data()) - begin);
        if (begin == 0 && !line.starts_with("HTTP/1.1 200")) refuse("the server has answered with another status", text);
        begin += line.size() + 1;
        if (line != "\r") {
            if (auto const found = content_length(line); found != none) length = found;
            continue;
        }
        if (length == none) refuse("the server does not say how long its answer is", text);
        if (length_ == 0) length_ = length;
        if (length != length_) refuse("the server's answer has another length", text);
        if (text.size() - begin < length) return 0;
        if (!body_.empty() && text.substr(begin, length) != body_) refuse("the server has sent another body", text);
        return begin + length;
    }
    if (text.size() > most_head + length_) refuse("the server's answer has no end", text);
    return 0;
}

// The length that the line states, or npos when it is another field.
inline std::size_t answers::content_length(std::string_view line) {
    constexpr std::string_view name = "content-length:";
    if (line.size() <= name.size() || ::strncasecmp(line.data(), name.data(), name.size()) != 0) return line.npos;
    auto value = line.substr(name.size());
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    std::size_t length = 0;
    auto const read = std::from_chars(value.data(), value.data() + value.size(), length);
    return read.ec == std::errc{} ? length : line.npos;
}

} // namespace load
