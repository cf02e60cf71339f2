// examples/gateway/base64.cpp: three bytes become four letters.
#include "base64.hpp"

#include <cstdint>
#include <string_view>

namespace gateway {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char letter(std::uint32_t group, unsigned shift) noexcept { return alphabet[group >> shift & 63]; }

std::uint32_t at(std::span<std::byte const> what, std::size_t index) noexcept {
    return index < what.size() ? std::to_integer<std::uint32_t>(what[index]) : 0;
}

} // namespace

void append_base64(std::string& out, std::span<std::byte const> what) {
    auto const begin = out.size();
    out.resize(begin + (what.size() + 2) / 3 * 4, '=');
    auto* to = out.data() + begin;
    for (std::size_t i = 0; i < what.size(); i += 3) {
        auto const group = at(what, i) << 16 | at(what, i + 1) << 8 | at(what, i + 2);
        to[0] = letter(group, 18);
        to[1] = letter(group, 12);
        if (i + 1 < what.size()) to[2] = letter(group, 6); // else the padding that is there already
        if (i + 2 < what.size()) to[3] = letter(group, 0);
        to += 4;
    }
}

} // namespace gateway
