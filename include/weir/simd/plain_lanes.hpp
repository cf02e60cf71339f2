// weir/simd/plain_lanes.hpp: the bytes of a word, compared in one step without any vectors.
// For:      authors of primitives.
// Source:   the exact zero-byte test: H. Warren, "Hacker's Delight", 2nd ed., 2012, section 6-1.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace weir::inline v0::simd {

// The bytes of a word.
// Each kind of lanes has: width; narrower, the lanes for what is too short for these, or void; load and store, which need
// no alignment; fill; `|`, `^` and without; is_zero; `==` and within, which give a match; and a tally.
// A match has: `|` and `&`; any(), all(); mask(), whose bit n tells of the nth byte; and bytes(), the lanes with a byte
// where it matches and 0 elsewhere.
class plain_lanes {
    static constexpr std::uint64_t low_bits = 0x0101010101010101;
    static constexpr std::uint64_t high_bits = 0x8080808080808080;

public:
    static constexpr std::size_t width = 8;
    using narrower = void;

    static plain_lanes load(char const* from) noexcept {
        std::uint64_t word;
        std::memcpy(&word, from, width);
        return plain_lanes{turned(word)};
    }
    void store(char* to) const noexcept {
        auto const word = turned(word_);
        std::memcpy(to, &word, width);
    }
    // All bytes of a text of 1 to 7, some twice, and 0s, at places that follow from the size.
    static plain_lanes load_short(char const* from, std::size_t size) noexcept {
        if (size >= 4) {
            std::uint32_t front, back;
            std::memcpy(&front, from, 4);
            std::memcpy(&back, from + size - 4, 4);
            return plain_lanes{std::uint64_t{front} << 32 | back};
        }
        auto const byte = [from](std::size_t n) { return std::uint64_t{static_cast<unsigned char>(from[n])}; };
        return plain_lanes{byte(0) << 16 | byte(size / 2) << 8 | byte(size - 1)};
    }
    static plain_lanes fill(char byte) noexcept { return plain_lanes{low_bits * static_cast<unsigned char>(byte)}; }

    class match {
    public:
        bool any() const noexcept { return tops_ != 0; }
        bool all() const noexcept { return tops_ == high_bits; }
        // The product moves the top bit of byte n to bit 56 + n, and no two sums meet there.
        std::uint64_t mask() const noexcept { return (tops_ >> 7) * 0x0102040810204080 >> 56; }
        plain_lanes bytes(char byte) const noexcept {
            return plain_lanes{(tops_ >> 7) * static_cast<unsigned char>(byte)};
        }
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
    // Which bytes are among those from `First` to `Last`.
    template <char First, char Last>
    match within() const noexcept {
        static_assert(0 <= First && First <= Last, "a range of ASCII");
        auto const rest = word_ & ~high_bits; // and so no carry leaves a byte here either
        auto const from_first = rest + low_bits * static_cast<std::uint64_t>(0x80 - First);
        auto const past_last = rest + low_bits * static_cast<std::uint64_t>(0x7F - Last);
        return match{from_first & ~past_last & ~word_ & high_bits};
    }
    bool is_zero() const noexcept { return word_ == 0; }
    // The bits that `other` does not have.
    plain_lanes without(plain_lanes other) const noexcept { return plain_lanes{word_ & ~other.word_}; }
    friend plain_lanes operator|(plain_lanes a, plain_lanes b) noexcept { return plain_lanes{a.word_ | b.word_}; }
    friend plain_lanes operator^(plain_lanes a, plain_lanes b) noexcept { return plain_lanes{a.word_ ^ b.word_}; }

    static std::size_t sum_of_bytes(std::uint64_t word) noexcept {
        constexpr std::uint64_t even = 0x00FF00FF00FF00FF;
        // In four parts of 16 bits, which the product adds up in the highest.
        return static_cast<std::size_t>(((word & even) + (word >> 8 & even)) * 0x0001000100010001 >> 48);
    }

    // Counts matches by lane.  Needs: at most 255 matches between two calls of take().
    class tally {
    public:
        void add(match found) noexcept { counts_ += found.tops_ >> 7; }
        // The sum over the lanes; the tally begins anew.
        std::size_t take() noexcept {
            auto const sum = sum_of_bytes(counts_);
            counts_ = 0;
            return sum;
        }

    private:
        std::uint64_t counts_ = 0;
    };

private:
    explicit plain_lanes(std::uint64_t word) noexcept : word_{word} {}

    // Memory's order to that of the word, whose lowest byte is the first, and back.
    static std::uint64_t turned(std::uint64_t word) noexcept {
        if constexpr (std::endian::native == std::endian::little) return word;
        std::uint64_t other = 0;
        for (std::size_t n = 0; n < width; ++n) other |= (word >> (8 * n) & 0xFF) << (56 - 8 * n);
        return other;
    }

    std::uint64_t word_;
};

} // namespace weir::simd
