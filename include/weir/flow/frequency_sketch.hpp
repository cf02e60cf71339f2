// weir/flow/frequency_sketch.hpp: about how often each of many keys was met lately, in eight bytes a key.
// Counters of four bits, sixteen to a word; a key has four of them, in one cache line, and the least is the estimate.
// After ten times as many sightings as there is room for, every counter has been halved once, a line at a time.
// Threads:  one at a time; its owner locks.
// For:      authors of primitives.
// Source:   G. Cormode, S. Muthukrishnan, "An Improved Data Stream Summary: The Count-Min Sketch", LATIN 2004, with the
//           minimal increment and the ageing of G. Einziger, R. Friedman, B. Manes, "TinyLFU: A Highly Efficient Cache
//           Admission Policy", ACM ToS 2017. They halve all counters at once; we do a line of them every so often, so
//           that no single sighting takes long.
#pragma once

#include <weir/base/immovable.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace weir::inline v0::detail {

class frequency_sketch : immovable {
public:
    static constexpr unsigned most = 15; // what a counter holds

    // For about `keys` that matter.  Cost: eight bytes for each, rounded up to a power of two.
    explicit frequency_sketch(std::size_t keys)
        : lines_{std::bit_ceil(std::max<std::size_t>(1, keys / words))},
          between_{std::max<std::size_t>(1, 10 * keys / lines_)},
          table_{new line[lines_]{}} {}

    // Met once more.
    void add(std::uint64_t hash) noexcept {
        std::array<place, 4> const places = places_of(hash);
        // Only those that are the least: the others count some other key besides.
        std::uint64_t const least = least_of(places);
        if (least < most)
            for (place const one : places) *one.word += std::uint64_t{one.read() == least} << one.shift;
        if (++sightings_ == between_) age();
    }
    // Asks for what add will touch.  Threads: any.
    void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&line_of(spread(hash)), 1); }
    unsigned estimate(std::uint64_t hash) const noexcept { return static_cast<unsigned>(least_of(places_of(hash))); }

private:
    static constexpr std::size_t words = 8; // in a line
    using line = std::array<std::uint64_t, words>;

    struct place {
        std::uint64_t* word;
        unsigned shift;
        std::uint64_t read() const noexcept { return *word >> shift & most; }
    };

    static std::uint64_t least_of(std::array<place, 4> const& places) noexcept {
        std::uint64_t least = most;
        for (place const one : places) least = std::min(least, one.read());
        return least;
    }
    // The table of entries has taken the low bits as they are.
    static std::uint64_t spread(std::uint64_t hash) noexcept { return hash * 0x9E3779B97F4A7C15u; }
    line& line_of(std::uint64_t spread_hash) const noexcept { return table_[(spread_hash >> 32) & (lines_ - 1)]; }
    // Each of the four lies in a pair of words of its own.
    std::array<place, 4> places_of(std::uint64_t hash) const noexcept {
        hash = spread(hash);
        line& in = line_of(hash);
        std::array<place, 4> places;
        for (unsigned n = 0; n < 4; ++n) {
            auto const bits = static_cast<unsigned>(hash >> (8 * n)) & 0xff;
            places[n] = {&in[2 * n + (bits & 1)], (bits >> 1 & 15) * 4};
        }
        return places;
    }
    void age() noexcept {
        sightings_ = 0;
        for (std::uint64_t& word : table_[next_]) word = (word >> 1) & 0x7777777777777777u;
        next_ = (next_ + 1) & (lines_ - 1);
    }

    std::size_t const lines_;
    std::size_t const between_; // sightings from one line's turn to the next one's
    std::size_t sightings_ = 0;
    std::size_t next_ = 0;
    std::unique_ptr<line[]> const table_;
};

} // namespace weir::detail
