// weir/simd/find.hpp: where a byte, one of several, or a sequence stands in a text, and how often a byte occurs.
// Reads no byte outside the text, and works at any alignment and length. A result is an index, or npos.
// Not:      for letters regardless of case, nor for patterns.
// Source:   sequences by their first and last byte: W. Muła, "SIMD-friendly algorithms for substring searching", 2016.
#pragma once

#include <weir/simd/lanes.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace weir::inline v0::simd {

inline constexpr std::size_t npos = std::string_view::npos;

// The first `byte`.
template <class Lanes = byte_lanes>
std::size_t find_byte(std::string_view in, char byte) noexcept;

// The first byte that is also in `set`.  Cost: a comparison a byte of the set; beyond eight, one byte at a time.
template <class Lanes = byte_lanes>
std::size_t find_any_of(std::string_view in, std::string_view set) noexcept;

// The beginning of the first `sequence`; an empty one stands at 0.
// Cost: one comparison more for each place where its first and last byte match, so at worst the product of the lengths.
template <class Lanes = byte_lanes>
std::size_t find_sequence(std::string_view in, std::string_view sequence) noexcept;

// How many bytes are `byte`.
template <class Lanes = byte_lanes>
std::size_t count_byte(std::string_view in, char byte) noexcept;

namespace detail {

// The first of `Count` bytes: one loop for a byte and for several.
template <class Lanes, std::size_t Count>
std::size_t find_first(std::string_view in, char const (&wanted)[Count]) noexcept {
    constexpr auto width = Lanes::width;
    auto const* const at = in.data();
    auto const size = in.size();
    if (size < width) {
        if constexpr (!std::is_void_v<typename Lanes::narrower>) {
            return find_first<typename Lanes::narrower>(in, wanted);
        } else {
            for (std::size_t n = 0; n < size; ++n)
                if (std::find(wanted, wanted + Count, at[n]) != wanted + Count) return n;
            return npos;
        }
    }
    auto const test = [&wanted, at](std::size_t from) noexcept {
        auto const lanes = Lanes::load(at + from);
        auto found = lanes == Lanes::fill(wanted[0]);
        for (std::size_t n = 1; n < Count; ++n) found = found | (lanes == Lanes::fill(wanted[n]));
        return found;
    };
    auto const first = [](auto found) noexcept { return static_cast<std::size_t>(std::countr_zero(found.mask())); };

    std::size_t n = 0;
    // The first lanes alone: in a parser's text what is sought is mostly near.
    if (auto const found = test(0); found.any()) return first(found);
    n = width;
    for (; size - n >= 4 * width; n += 4 * width) {
        auto const a = test(n);
        auto const b = test(n + width);
        auto const c = test(n + 2 * width);
        auto const d = test(n + 3 * width);
        if (!(a | b | (c | d)).any()) continue;
        if (a.any()) return n + first(a);
        if (b.any()) return n + width + first(b);
        if (c.any()) return n + 2 * width + first(c);
        return n + 3 * width + first(d);
    }
    for (; size - n >= width; n += width)
        if (auto const found = test(n); found.any()) return n + first(found);
    if (n == size) return npos;
    n = size - width; // again over some bytes, which are known not to match
    if (auto const found = test(n); found.any()) return n + first(found);
    return npos;
}

// The first of the starts in [from, to) that is one of the sequence.
// Needs: at least `width` starts in the text, and a sequence of two bytes.
template <class Lanes>
std::size_t find_start(std::string_view in, std::string_view sequence, std::size_t from, std::size_t to) noexcept {
    constexpr auto width = Lanes::width;
    auto const* const at = in.data();
    auto const to_last = sequence.size() - 1;
    auto const front = Lanes::fill(sequence.front());
    auto const back = Lanes::fill(sequence.back());
    for (; from < to; from += width) {
        // The last lanes of the text are again over some starts, which are known not to match.
        auto const first = std::min(from, in.size() - to_last - width);
        auto const likely = (Lanes::load(at + first) == front) & (Lanes::load(at + first + to_last) == back);
        if (!likely.any()) continue;
        for (auto mask = likely.mask(); mask != 0; mask &= mask - 1) {
            auto const start = first + static_cast<std::size_t>(std::countr_zero(mask));
            if (std::memcmp(at + start + 1, sequence.data() + 1, to_last - 1) == 0) return start;
        }
    }
    return npos;
}

} // namespace detail

template <class Lanes>
std::size_t find_byte(std::string_view in, char byte) noexcept {
    constexpr auto width = Lanes::width;
    char const wanted[]{byte};
    // In between, what memchr needs to choose its way is more than what it wins. It has the widest vectors of the
    // processor, of which the flags need not tell.
    if (width <= in.size() && in.size() <= 8 * width) return detail::find_first<Lanes>(in, wanted);
    if (in.empty()) return npos;
    if (in.size() > width) // first the lanes alone: in a parser's text what is sought is mostly near
        if (auto const found = Lanes::load(in.data()) == Lanes::fill(byte); found.any())
            return static_cast<std::size_t>(std::countr_zero(found.mask()));
    auto const* const found = static_cast<char const*>(std::memchr(in.data(), byte, in.size()));
    return found == nullptr ? npos : static_cast<std::size_t>(found - in.data());
}

template <class Lanes>
std::size_t find_any_of(std::string_view in, std::string_view set) noexcept {
    if (set.empty()) return npos;
    if (set.size() > 8) return in.find_first_of(set);
    // A set of another size repeats its last byte up to the next of these.
    auto const with = [&](auto& wanted) noexcept {
        for (std::size_t n = 0; n < sizeof wanted; ++n) wanted[n] = set[std::min(n, set.size() - 1)];
        return detail::find_first<Lanes>(in, wanted);
    };
    char one[1];
    char two[2];
    char three[3];
    char four[4];
    char six[6];
    char eight[8];
    switch (set.size()) {
        case 1: return with(one);
        case 2: return with(two);
        case 3: return with(three);
        case 4: return with(four);
        case 5:
        case 6: return with(six);
        default: return with(eight);
    }
}

template <class Lanes>
std::size_t find_sequence(std::string_view in, std::string_view sequence) noexcept {
    constexpr auto width = Lanes::width;
    if (sequence.empty()) return 0;
    if (sequence.size() > in.size()) return npos;
    if (sequence.size() == 1) return find_byte<Lanes>(in, sequence.front());
    auto const starts = in.size() - sequence.size() + 1; // at least one
    if (starts < width) {
        using narrower = typename Lanes::narrower;
        if constexpr (!std::is_void_v<narrower>) return find_sequence<narrower>(in, sequence);
        else return in.find(sequence);
    }
    auto const* const at = in.data();
    auto const to_last = sequence.size() - 1;
    // Leaps to the next first byte, then tries some starts in lanes: the more of them the shorter the leap was, so that
    // neither a rare first byte nor a common one costs much. memchr has the widest vectors of the processor.
    constexpr auto least = 4 * width;
    constexpr auto most = 128 * width;
    auto steps = least;
    for (std::size_t n = 0; n < starts;) {
        auto const* const next = static_cast<char const*>(std::memchr(at + n, sequence.front(), starts - n));
        if (next == nullptr) return npos;
        auto const leap = static_cast<std::size_t>(next - at) - n;
        n += leap;
        if (next[to_last] == sequence.back() && std::memcmp(next + 1, sequence.data() + 1, to_last - 1) == 0) return n;
        steps = leap < steps ? std::min(2 * steps, most) : least;
        ++n;
        auto const end = n + std::min(steps, starts - n);
        if (auto const found = detail::find_start<Lanes>(in, sequence, n, end); found != npos) return found;
        n = end;
    }
    return npos;
}

template <class Lanes>
std::size_t count_byte(std::string_view in, char byte) noexcept {
    constexpr auto width = Lanes::width;
    auto const* const at = in.data();
    auto const size = in.size();
    if (size < plain_lanes::width) return static_cast<std::size_t>(std::count(in.begin(), in.end(), byte));
    if constexpr (!std::is_void_v<typename Lanes::narrower>) {
        if (size < width) return count_byte<typename Lanes::narrower>(in, byte);
    }
    auto const wanted = Lanes::fill(byte);
    std::size_t count = 0;
    std::size_t n = 0;
    while (size - n >= width) {
        typename Lanes::tally seen;
        auto const end = n + std::min<std::size_t>((size - n) / width, 255) * width; // a lane counts to 255
        for (; n < end; n += width) seen.add(Lanes::load(at + n) == wanted);
        count += seen.take();
    }
    if (n == size) return count;
    // The last lanes overlap those before; of their matches only those from n on are new.
    auto const last = (Lanes::load(at + size - width) == wanted).mask() >> (width - (size - n));
    return count + static_cast<std::size_t>(std::popcount(last));
}

} // namespace weir::simd
