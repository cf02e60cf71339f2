// weir/metrics/counter.hpp: numbers that many threads change and few read.
// Progress: wait-free where the processor adds in one instruction (x86; arm64 with LSE), else lock-free.
// Order:    none. A change that happened before a read is in it; beyond that a read is a sum of what each copy held.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/metrics/shard.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace weir::inline v0 {

// Counts what has happened; never goes back, but wraps at 2^64.
// Cost: a cache line a copy, shard_count() copies, one allocation.
class counter : immovable {
public:
    counter() : cells_{new cell[shard_count()]} {}

    // Cost: one locked addition on a line that threads share only where there are more of them than copies.
    void add(std::uint64_t n = 1) noexcept {
        cells_[this_shard()].n.fetch_add(n, relaxed); // a tally: nothing is published with it
    }

    // Two reads by one thread never see it fall.  Cost: a cache line a copy.
    std::uint64_t value() const noexcept {
        std::uint64_t sum = 0;
        for (std::size_t shard = 0; shard < shard_count(); ++shard)
            sum += cells_[shard].n.load(relaxed); // each copy only grows, so the sum does, in whatever order
        return sum;
    }

private:
    struct alignas(cache_line) cell {
        atomic<std::uint64_t> n{0};
    };
    static_assert(sizeof(cell) == cache_line);

    std::unique_ptr<cell[]> const cells_;
};

// A level that rises and falls, such as what is in flight. One word, so that set() has a meaning.
class gauge : immovable {
public:
    void set(std::int64_t level) noexcept { level_.store(level, relaxed); }   // the last one wins; orders nothing
    void add(std::int64_t n = 1) noexcept { level_.fetch_add(n, relaxed); }   // a tally
    void sub(std::int64_t n = 1) noexcept { level_.fetch_sub(n, relaxed); }   // a tally
    std::int64_t value() const noexcept { return level_.load(relaxed); }      // a figure to show, not to decide by

private:
    alignas(cache_line) atomic<std::int64_t> level_{0};
};

// Raises a gauge for the length of a scope.
class gauge_guard : immovable {
public:
    explicit gauge_guard(gauge& level) noexcept : level_{level} { level_.add(); }
    ~gauge_guard() { level_.sub(); }

private:
    gauge& level_;
};

static_assert(sizeof(gauge) == cache_line);

} // namespace weir
