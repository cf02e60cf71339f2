// examples/gateway/store/audit_row.cpp: ids, and text that a database takes.
#include "audit_row.hpp"

#include <weir/base/atomic.hpp>

#include <array>
#include <cstdio>
#include <random>

namespace gateway {

namespace {

std::uint64_t random_word() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

// How many bytes the character at the front of `text` has; 0 when it is none, or zero.
std::size_t character_length(std::string_view text) noexcept {
    auto const byte = [&](std::size_t n) { return n < text.size() ? static_cast<unsigned char>(text[n]) : 0u; };
    auto const follows = [&](std::size_t n, unsigned from = 0x80, unsigned to = 0xbf) {
        return byte(n) >= from && byte(n) <= to;
    };
    unsigned const first = byte(0);
    if (first < 0x80) return first != 0;
    if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) { // neither longer than needed nor half of a pair
        bool const second = follows(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf);
        return second && follows(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        bool const second = follows(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf);
        return second && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

} // namespace

std::string audit_row::next_id(std::chrono::system_clock::time_point now) {
    static std::uint64_t const process = random_word();
    static weir::atomic<std::uint32_t> count{static_cast<std::uint32_t>(random_word())};
    auto const since = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    std::array<char, 33> text;
    std::snprintf(text.data(), text.size(), "%012llx%08x%012llx",
                  static_cast<unsigned long long>(since) & 0xffff'ffff'ffff,
                  count.fetch_add(1, weir::relaxed), // only has to differ
                  static_cast<unsigned long long>(process) & 0xffff'ffff'ffff);
    return text.data();
}

std::string storable(std::string_view text) {
    std::string made;
    made.reserve(text.size());
    while (!text.empty()) {
        auto const length = character_length(text);
        if (length == 0) made += '?';
        else made += text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return made;
}

} // namespace gateway
