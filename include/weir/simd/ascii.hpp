// weir/simd/ascii.hpp: letters regardless of case, tokens and decimal numbers, in ASCII whatever the locale.
// Bytes above 127 are no letters, no digits and in no token. No byte is read outside the text.
// Not:      for UTF-8 beyond its ASCII, whose letters have other cases.
// Source:   R. Fielding et al., "HTTP Semantics", RFC 9110, 2022, section 5.6.2 (token).
#pragma once

#include <weir/base/platform.hpp>
#include <weir/simd/lanes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace weir::inline v0::simd {

// Whether a and b are the same but for the case of their letters.
template <class Lanes = byte_lanes>
bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

// Whether `text` is a token: a method, a header's name, a transfer coding. An empty text is none.
template <class Lanes = byte_lanes>
bool is_token(std::string_view text) noexcept;

// Makes the capital letters small, in place.
template <class Lanes = byte_lanes>
void to_lower(std::span<char> text) noexcept;

// The number that `text` spells in digits and nothing else; leading zeros are allowed.
// Returns: nothing where there is no digit or anything else than digits, or where the number needs more than 64 bits.
inline std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept;

namespace detail {

inline constexpr std::array<bool, 256> token_bytes = [] {
    std::array<bool, 256> table{};
    for (char const byte : std::string_view{"!#$%&'*+-.^_`|~0123456789"
                                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"})
        table[static_cast<unsigned char>(byte)] = true;
    return table;
}();

constexpr char lower(char byte) noexcept { return 'A' <= byte && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte; }

// The bits in which a and b differ, without those that are a letter's case.
template <class Lanes>
WEIR_INLINE Lanes difference(Lanes a, Lanes b) noexcept {
    auto const letters = (a | Lanes::fill(0x20)).template within<'a', 'z'>();
    return (a ^ b).without(letters.bytes(0x20));
}

template <class Lanes>
WEIR_INLINE Lanes difference_at(char const* a, char const* b) noexcept {
    return difference(Lanes::load(a), Lanes::load(b));
}

template <class Lanes>
WEIR_INLINE Lanes lower_at(char const* from) noexcept {
    auto const bytes = Lanes::load(from);
    return bytes | bytes.template within<'A', 'Z'>().bytes(0x20);
}

template <class Lanes>
WEIR_INLINE bool is_token_at(char const* from) noexcept {
    auto const bytes = Lanes::load(from);
    auto const pair = bytes | Lanes::fill(1);
    // What is visible and in no token.
    auto const delimits = (bytes == Lanes::fill('"')) | (pair == Lanes::fill(')')) | (bytes == Lanes::fill(',')) |
                          (bytes == Lanes::fill('/')) | bytes.template within<':', '@'>() |
                          bytes.template within<'[', ']'>() | (bytes == Lanes::fill('{')) | (bytes == Lanes::fill('}'));
    return bytes.template within<'!', '~'>().all() && !delimits.any();
}

// The value of eight digits, or nothing.  Source: D. Lemire, "Quickly parsing eight digits", 2018.
inline std::optional<std::uint32_t> eight_digits(char const* from) noexcept {
    if (!plain_lanes::load(from).within<'0', '9'>().all()) return std::nullopt;
    std::uint64_t word = 0;
    for (int n = 0; n < 8; ++n) word |= std::uint64_t{static_cast<unsigned char>(from[n])} << (8 * n); // one load
    word -= 0x3030303030303030;
    // Neighbours are joined: digits to pairs of 8 bits, those to fours of 16, and those to the eight.
    word = word * 10 + (word >> 8);
    auto const ends = (word & 0x000000FF000000FF) * (100 + (std::uint64_t{1'000'000} << 32));
    auto const middles = (word >> 16 & 0x000000FF000000FF) * (1 + (std::uint64_t{10'000} << 32));
    return static_cast<std::uint32_t>((ends + middles) >> 32);
}

} // namespace detail

template <class Lanes>
bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    constexpr auto width = Lanes::width;
    if (a.size() != b.size()) return false;
    auto const size = a.size();
    if (size < plain_lanes::width) {
        if (size == 0) return true;
        auto const short_text = [size](std::string_view text) { return plain_lanes::load_short(text.data(), size); };
        return detail::difference(short_text(a), short_text(b)).is_zero();
    }
    if constexpr (!std::is_void_v<typename Lanes::narrower>) {
        if (size < width) return equal_ignoring_case<typename Lanes::narrower>(a, b);
    }
    auto const* x = a.data();
    auto const* y = b.data();
    auto left = size;
    for (; left > 4 * width; left -= 4 * width, x += 4 * width, y += 4 * width) {
        auto const front = detail::difference_at<Lanes>(x, y) | detail::difference_at<Lanes>(x + width, y + width);
        auto const back = detail::difference_at<Lanes>(x + 2 * width, y + 2 * width) |
                          detail::difference_at<Lanes>(x + 3 * width, y + 3 * width);
        if (!(front | back).is_zero()) return false;
    }
    auto rest = detail::difference_at<Lanes>(x + left - width, y + left - width); // over some bytes again
    for (; left > width; left -= width, x += width, y += width) rest = rest | detail::difference_at<Lanes>(x, y);
    return rest.is_zero();
}

template <class Lanes>
bool is_token(std::string_view text) noexcept {
    constexpr auto width = Lanes::width;
    auto const size = text.size();
    if constexpr (std::is_void_v<typename Lanes::narrower>) { // a look into the table is as cheap as a byte of a word
        for (char const byte : text)
            if (!detail::token_bytes[static_cast<unsigned char>(byte)]) return false;
        return size != 0;
    } else {
        if (size < 16) return is_token<plain_lanes>(text);
        if (size < width) return is_token<typename Lanes::narrower>(text);
        for (std::size_t n = 0; n < size - width; n += width)
            if (!detail::is_token_at<Lanes>(text.data() + n)) return false;
        return detail::is_token_at<Lanes>(text.data() + size - width); // over some bytes again
    }
}

template <class Lanes>
void to_lower(std::span<char> text) noexcept {
    constexpr auto width = Lanes::width;
    auto* const at = text.data();
    auto const size = text.size();
    if (size < width) {
        using narrower = typename Lanes::narrower;
        if constexpr (!std::is_void_v<narrower>) return to_lower<narrower>(text);
        for (char& byte : text) byte = detail::lower(byte);
        return;
    }
    // The ends overlap the aligned lanes between them. Read before those are written and written after, they do not wait
    // for them.
    auto const first = detail::lower_at<Lanes>(at);
    auto const last = detail::lower_at<Lanes>(at + size - width);
    for (auto n = width - reinterpret_cast<std::uintptr_t>(at) % width; n < size - width; n += width)
        detail::lower_at<Lanes>(at + n).store(at + n);
    first.store(at);
    last.store(at + size - width);
}

inline std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept {
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    if (text.empty()) return std::nullopt;
    while (text.size() > 19 && text.front() == '0') text.remove_prefix(1);
    if (text.size() > 20) return std::nullopt;
    auto const sure = text.substr(0, 19); // digits that always fit
    std::uint64_t number = 0;
    std::size_t n = 0;
    for (; sure.size() - n >= 8; n += 8) {
        auto const digits = detail::eight_digits(sure.data() + n);
        if (!digits) return std::nullopt;
        number = number * 100'000'000 + *digits;
    }
    for (; n < text.size(); ++n) {
        auto const digit = static_cast<unsigned char>(text[n] - '0');
        if (digit > 9 || (n == 19 && number > (most - digit) / 10)) return std::nullopt;
        number = number * 10 + digit;
    }
    return number;
}

} // namespace weir::simd
