// weir/metrics/histogram.hpp: the sizes of numbers that many threads record, such as latencies in nanoseconds.
// Progress: record is wait-free but for the first number of an octave on a copy, which allocates.
// Order:    none. What was recorded before a snapshot is in it; what is recorded during one may be.
// Not:      exact: a number is known within 0.8 %, and so is their sum. Below 128 it is exact.
// Source:   log-linear buckets after G. Tene, HdrHistogram, 2012; we shard them and allocate octaves as they are met.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/platform.hpp>
#include <weir/metrics/distribution.hpp>
#include <weir/metrics/log_linear.hpp>
#include <weir/metrics/shard.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

namespace weir::inline v0 {

// Cost: 512 bytes a copy, shard_count() copies, and 512 more for each octave that a copy meets: latencies between 1 µs
// and 1 s meet twenty. At most 30 KiB a copy.
class histogram : immovable {
public:
    histogram() : copies_{new copy[shard_count()]} {}
    ~histogram();

    // Cost: one locked addition on a line that threads share only where there are more of them than copies.
    void record(std::uint64_t value) noexcept;
    // In nanoseconds; what is negative counts as 0, and what is beyond 292 years as that.
    template <class Rep, class Period>
    void record(std::chrono::duration<Rep, Period> time) noexcept;

    // Cost: reads the octaves that were met; one allocation.
    distribution snapshot() const;
    // Numbers that were not counted because their octave's memory was refused.
    std::uint64_t dropped() const noexcept { return dropped_.load(relaxed); } // a tally

private:
    // One octave of one copy.
    struct alignas(cache_line) octave {
        atomic<std::uint64_t> counts[log_linear::octave_size]{};
    };
    // One copy.  G1: a pointer changes once, from null to an octave that lives as long as the histogram.
    struct alignas(cache_line) copy {
        atomic<octave*> octaves[log_linear::octaves]{};
    };
    static_assert(sizeof(octave) == 8 * cache_line && sizeof(copy) == 8 * cache_line);

    // The octave that stands there in the end, ours or another thread's; null when memory is refused.
    WEIR_COLD static inline octave* install(atomic<octave*>& place) noexcept;

    std::unique_ptr<copy[]> const copies_;
    atomic<std::uint64_t> dropped_{0};
};

inline histogram::~histogram() {
    for (std::size_t shard = 0; shard < shard_count(); ++shard)
        for (auto& place : copies_[shard].octaves) delete place.load(relaxed); // the owner has joined all who record
}

inline void histogram::record(std::uint64_t value) noexcept {
    auto const index = log_linear::octave_of(value);
    auto& place = copies_[this_shard()].octaves[index];
    octave* found = place.load(acquire); // [octave] its counts are zeroed
    if (!found) [[unlikely]] {
        found = install(place);
        if (!found) {
            dropped_.fetch_add(1, relaxed); // a tally
            return;
        }
    }
    found->counts[log_linear::place_of(value, index)].fetch_add(1, relaxed); // a tally: nothing is published with it
}

template <class Rep, class Period>
void histogram::record(std::chrono::duration<Rep, Period> time) noexcept {
    using nanoseconds = std::chrono::nanoseconds;
    if (!(time > time.zero())) return record(std::uint64_t{0}); // so put, no number is negative too
    if constexpr (std::is_same_v<std::chrono::duration<Rep, Period>, nanoseconds>) {
        record(static_cast<std::uint64_t>(time.count()));
    } else {
        // Compared as floating-point seconds, in which no duration overflows.
        using seconds = std::chrono::duration<double>;
        if (seconds{time} >= seconds{nanoseconds::max()}) return record(nanoseconds::max());
        record(std::chrono::duration_cast<nanoseconds>(time));
    }
}

histogram::octave* histogram::install(atomic<octave*>& place) noexcept {
    octave* const fresh = new (std::nothrow) octave;
    if (!fresh) return nullptr;
    octave* there = nullptr;
    // [octave] hands the zeroed counts over; where another thread of this copy was first, takes over its own
    if (place.compare_exchange_strong(there, fresh, acq_rel, acquire)) return fresh; // keeps G1
    delete fresh;
    return there;
}

inline distribution histogram::snapshot() const {
    distribution found;
    for (std::size_t index = log_linear::octaves; index-- > 0;) { // downwards: the first to be added sizes the rest
        for (std::size_t shard = 0; shard < shard_count(); ++shard) {
            octave const* const from = copies_[shard].octaves[index].load(acquire); // [octave]
            if (!from) continue;
            for (std::size_t place = log_linear::octave_size; place-- > 0;)
                found.add(index * log_linear::octave_size + place, from->counts[place].load(relaxed)); // a tally
        }
    }
    return found;
}

} // namespace weir
