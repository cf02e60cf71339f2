// examples/http/ascii.hpp: the character classes of HTTP's grammar, blind to any locale.
// Source:   RFC 9110, section 5.6.2 (token); RFC 5234, appendix B.1.
#pragma once

#include <weir/simd/ascii.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace http {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr bool is_hex_digit(char c) noexcept { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); }

constexpr bool is_token_char(char c) noexcept;
// Whether a text is a token: a method, a header's name, a transfer coding.
using weir::simd::is_token;
// Whether two texts are the same but for the case of ASCII letters.
using weir::simd::equal_ignoring_case;

// H22: whether `text` may stand in a header's value that we send, where no control character may.
constexpr bool is_field_value(std::string_view text) noexcept;

// `text` without the spaces and tabs at its ends.
constexpr std::string_view trimmed(std::string_view text) noexcept;

// Takes the next element off a comma-separated list, trimmed; empty elements come out as empty views.
constexpr std::string_view take_element(std::string_view& list) noexcept;

namespace detail {

constexpr std::array<bool, 256> token_chars = [] {
    std::array<bool, 256> table{};
    for (unsigned c = 0; c < 128; ++c) table[c] = is_digit(static_cast<char>(c)) || is_alpha(static_cast<char>(c));
    for (char const c : std::string_view{"!#$%&'*+-.^_`|~"}) table[static_cast<unsigned char>(c)] = true;
    return table;
}();

constexpr std::array<bool, 256> value_chars = [] {
    std::array<bool, 256> table{};
    for (unsigned c = 0; c < 256; ++c) table[c] = c == '\t' || (c >= 0x20 && c != 0x7f);
    return table;
}();

} // namespace detail

constexpr bool is_token_char(char c) noexcept { return detail::token_chars[static_cast<unsigned char>(c)]; }

constexpr bool is_field_value(std::string_view text) noexcept {
    bool good = true; // no early end: bad values are rare, and this way a character costs a look-up
    for (char const c : text) good &= detail::value_chars[static_cast<unsigned char>(c)];
    return good;
}

constexpr std::string_view trimmed(std::string_view text) noexcept {
    auto const blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

constexpr std::string_view take_element(std::string_view& list) noexcept {
    auto const comma = list.find(',');
    auto const element = trimmed(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    return element;
}

} // namespace http
