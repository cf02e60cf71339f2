// examples/http/authority.cpp: the recogniser of hosts and ports.
#include "authority.hpp"

#include "ascii.hpp"

#include <array>
#include <cstddef>

namespace http {
namespace {

// The unreserved characters and the sub-delimiters of RFC 3986: what a name may hold unencoded.
constexpr std::array<bool, 256> name_chars = [] {
    std::array<bool, 256> table{};
    for (unsigned c = 0; c < 128; ++c) table[c] = is_digit(static_cast<char>(c)) || is_alpha(static_cast<char>(c));
    for (char const c : std::string_view{"-._~!$&'()*+,;="}) table[static_cast<unsigned char>(c)] = true;
    return table;
}();
bool is_name_char(char c) noexcept { return name_chars[static_cast<unsigned char>(c)]; }

bool is_port(std::string_view text) noexcept {
    unsigned port = 0;
    for (char const c : text) {
        if (!is_digit(c)) return false;
        port = port * 10 + static_cast<unsigned>(c - '0');
        if (port > 65535) return false;
    }
    return true; // an empty port is the scheme's own
}

bool is_registered_name(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (text.size() - i < 3 || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2])) return false;
            i += 2;
        } else if (!is_name_char(text[i])) {
            return false;
        }
    }
    return !text.empty();
}

bool is_ipv4(std::string_view text) noexcept {
    int parts = 0;
    while (true) {
        auto const dot = text.find('.');
        auto const part = text.substr(0, dot);
        if (part.empty() || part.size() > 3) return false;
        unsigned value = 0;
        for (char const c : part) {
            if (!is_digit(c)) return false;
            value = value * 10 + static_cast<unsigned>(c - '0');
        }
        if (value > 255 || (part.size() > 1 && part[0] == '0')) return false;
        ++parts;
        if (dot == std::string_view::npos) return parts == 4;
        text.remove_prefix(dot + 1);
    }
}

// Counts groups of 16 bits: eight without "::", fewer with it, and "::" at most once.
bool is_ipv6(std::string_view text) noexcept {
    int groups = 0;
    bool gap = false;
    if (text.starts_with("::")) {
        gap = true;
        text.remove_prefix(2);
    }
    while (!text.empty()) {
        auto const colon = text.find(':');
        auto const group = text.substr(0, colon);
        if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
            if (!is_ipv4(group)) return false;
            groups += 2;
            break;
        }
        if (group.empty() || group.size() > 4) return false;
        for (char const c : group)
            if (!is_hex_digit(c)) return false;
        ++groups;
        if (colon == std::string_view::npos) break;
        text.remove_prefix(colon + 1);
        if (text.starts_with(':')) {
            if (gap) return false;
            gap = true;
            text.remove_prefix(1);
        } else if (text.empty()) {
            return false;
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

bool is_ip_literal(std::string_view text) noexcept {
    if (text.empty() || to_lower(text[0]) != 'v') return is_ipv6(text);
    auto const dot = text.find('.'); // IPvFuture
    if (dot == std::string_view::npos || dot < 2 || dot + 1 == text.size()) return false;
    for (char const c : text.substr(1, dot - 1))
        if (!is_hex_digit(c)) return false;
    for (char const c : text.substr(dot + 1))
        if (!is_name_char(c) && c != ':') return false;
    return true;
}

} // namespace

bool is_authority(std::string_view text) noexcept {
    if (text.starts_with('[')) {
        auto const end = text.find(']');
        if (end == std::string_view::npos || !is_ip_literal(text.substr(1, end - 1))) return false;
        text.remove_prefix(end + 1);
        return text.empty() || (text[0] == ':' && is_port(text.substr(1)));
    }
    auto const colon = text.find(':');
    return is_registered_name(text.substr(0, colon)) &&
           (colon == std::string_view::npos || is_port(text.substr(colon + 1)));
}

} // namespace http
