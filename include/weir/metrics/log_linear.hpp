// weir/metrics/log_linear.hpp: 3776 buckets for every 64-bit number, each narrow against the numbers in it.
// For:      authors of primitives.
// Source:   the bucket scheme of G. Tene, HdrHistogram, 2012; we fix 64 buckets an octave.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace weir::inline v0::log_linear {

// An octave spans the numbers of one bit length and is cut into equal parts; octave 0 holds 0 to 63.
// L1: buckets tile [0, 2^64) in order, without gap or overlap.
// L2: a bucket is one number wide below 128, and above at most 1/64 of its lowest number, so that its middle lies
//     within 1/128 (0.8 %) of every number in it.
inline constexpr std::size_t octave_bits = 6;
inline constexpr std::size_t octave_size = std::size_t{1} << octave_bits;
inline constexpr std::size_t octaves = 64 - octave_bits + 1;
inline constexpr std::size_t buckets = octaves * octave_size;

constexpr std::size_t octave_of(std::uint64_t value) noexcept {
    auto const bits = static_cast<std::size_t>(std::bit_width(value));
    return bits <= octave_bits ? 0 : bits - octave_bits;
}

// By how much a number of the octave is shifted to leave the bucket; the buckets are 2^shift numbers wide.
constexpr std::size_t shift_of(std::size_t octave) noexcept { return octave == 0 ? 0 : octave - 1; }

// The place of the bucket within its octave. From octave 1 on the number's top bit is implied, and masked away.
constexpr std::size_t place_of(std::uint64_t value, std::size_t octave) noexcept {
    return static_cast<std::size_t>(value >> shift_of(octave)) & (octave_size - 1);
}

constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
    auto const octave = octave_of(value);
    return octave * octave_size + place_of(value, octave);
}

constexpr std::uint64_t lowest_of(std::size_t bucket) noexcept {
    auto const octave = bucket / octave_size;
    std::uint64_t const place = bucket % octave_size;
    return octave == 0 ? place : (octave_size + place) << shift_of(octave);
}

constexpr std::uint64_t width_of(std::size_t bucket) noexcept {
    return std::uint64_t{1} << shift_of(bucket / octave_size);
}

constexpr std::uint64_t highest_of(std::size_t bucket) noexcept { return lowest_of(bucket) + (width_of(bucket) - 1); }

constexpr std::uint64_t middle_of(std::size_t bucket) noexcept {
    return lowest_of(bucket) + (width_of(bucket) - 1) / 2;
}

static_assert(bucket_of(~std::uint64_t{0}) == buckets - 1 && highest_of(buckets - 1) == ~std::uint64_t{0});
static_assert(bucket_of(127) == 127 && width_of(127) == 1 && width_of(128) == 2);

} // namespace weir::log_linear
