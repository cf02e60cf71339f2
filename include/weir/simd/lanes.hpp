// weir/simd/lanes.hpp: a handful of bytes compared in one step: the words in which the kernels are written.
// The only file that sees xsimd. Where xsimd is absent or older than 10, or knows no vectors of the target, plain_lanes
// stands in. The width is a type's, and so part of a kernel's name: translation units with other -m flags link together.
// For:      authors of primitives.
// Source:   the stand-in's exact zero-byte test: H. Warren, "Hacker's Delight", 2nd ed., 2012, section 6-1.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if __has_include(<xsimd/xsimd.hpp>)
#include <xsimd/xsimd.hpp>
#endif

namespace weir::simd {

// The bytes of a word.
// Each kind of lanes has: width; load, which needs no alignment; fill; `==`, which gives a match; and a tally.
// A match has: `|` and `&`; any(); and mask(), whose bit n tells of the nth byte.
class plain_lanes {
    static constexpr std::uint64_t low_bits = 0x0101010101010101;
    static constexpr std::uint64_t high_bits = 0x8080808080808080;

public:
    static constexpr std::size_t width = 8;

    static plain_lanes load(char const* from) noexcept {
        plain_lanes lanes;
        std::memcpy(&lanes.word_, from, width);
        if constexpr (std::endian::native == std::endian::big) { // the first byte is the lowest of the word
            std::uint64_t turned = 0;
            for (std::size_t n = 0; n < width; ++n) turned |= (lanes.word_ >> (8 * n) & 0xFF) << (56 - 8 * n);
            lanes.word_ = turned;
        }
        return lanes;
    }
    static plain_lanes fill(char byte) noexcept {
        plain_lanes lanes;
        lanes.word_ = low_bits * static_cast<unsigned char>(byte);
        return lanes;
    }

    class match {
    public:
        bool any() const noexcept { return tops_ != 0; }
        // The product moves the top bit of byte n to bit 56 + n, and no two sums meet there.
        std::uint64_t mask() const noexcept { return (tops_ >> 7) * 0x0102040810204080 >> 56; }
        friend match operator|(match a, match b) noexcept { return match{a.tops_ | b.tops_}; }
        friend match operator&(match a, match b) noexcept { return match{a.tops_ & b.tops_}; }

    private:
        friend plain_lanes;
        explicit match(std::uint64_t tops) noexcept : tops_{tops} {}
        std::uint64_t tops_; // the top bit of each byte that matches, and no other
    };

    match operator==(plain_lanes other) const noexcept {
        auto const differs = word_ ^ other.word_;
        // No carry leaves a byte, so that unlike the shorter test this one tells of every byte and not of the first only.
        auto const tops = ((differs & ~high_bits) + ~high_bits) | differs;
        return match{~tops & high_bits};
    }

    // Counts matches by lane.  Needs: at most 255 matches between two calls of take().
    class tally {
    public:
        void add(match found) noexcept { counts_ += found.tops_ >> 7; }
        // The sum over the lanes; the tally begins anew.
        std::size_t take() noexcept {
            std::size_t sum = 0;
            for (; counts_ != 0; counts_ >>= 8) sum += counts_ & 0xFF;
            return sum;
        }

    private:
        std::uint64_t counts_ = 0;
    };

private:
    plain_lanes() = default;
    std::uint64_t word_ = 0;
};

#if defined(XSIMD_VERSION_MAJOR) && !defined(XSIMD_NO_SUPPORTED_ARCHITECTURE)
#if XSIMD_VERSION_MAJOR >= 10

// The bytes of one of the processor's vectors.
template <class Arch>
class vector_lanes {
    using batch = xsimd::batch<std::uint8_t, Arch>;

public:
    static constexpr std::size_t width = batch::size;
    static_assert(width <= 64, "a mask has a bit for each lane");

    static vector_lanes load(char const* from) noexcept {
        return vector_lanes{batch::load_unaligned(reinterpret_cast<std::uint8_t const*>(from))};
    }
    static vector_lanes fill(char byte) noexcept { return vector_lanes{batch(static_cast<std::uint8_t>(byte))}; }

    class match {
    public:
        bool any() const noexcept { return xsimd::any(lanes_); }
        std::uint64_t mask() const noexcept { return lanes_.mask(); }
        friend match operator|(match a, match b) noexcept { return match{a.lanes_ | b.lanes_}; }
        friend match operator&(match a, match b) noexcept { return match{a.lanes_ & b.lanes_}; }

    private:
        friend vector_lanes;
        explicit match(typename batch::batch_bool_type lanes) noexcept : lanes_{lanes} {}
        typename batch::batch_bool_type lanes_;
    };

    match operator==(vector_lanes other) const noexcept { return match{bytes_ == other.bytes_}; }

    // As that of plain_lanes.
    class tally {
    public:
        void add(match found) noexcept { counts_ += batch(found.lanes_); } // a match is a one
        std::size_t take() noexcept {
            std::uint8_t counts[width];
            counts_.store_unaligned(counts);
            counts_ = batch(std::uint8_t{0});
            std::size_t sum = 0;
            for (auto const count : counts) sum += count;
            return sum;
        }

    private:
        batch counts_ = batch(std::uint8_t{0});
    };

private:
    explicit vector_lanes(batch bytes) noexcept : bytes_{bytes} {}
    batch bytes_;
};

// The widest that the flags of this translation unit allow.
using byte_lanes = vector_lanes<xsimd::default_arch>;
#define WEIR_SIMD_HAS_VECTORS 1

#endif
#endif

#if defined(WEIR_SIMD_HAS_VECTORS)
#undef WEIR_SIMD_HAS_VECTORS
#else
using byte_lanes = plain_lanes;
#endif

} // namespace weir::simd
