// weir/metrics/shard.hpp: which copy of a sharded metric this thread writes.
// Progress: wait-free; the first call of a thread takes its number from a shared one.
// For:      authors of primitives.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/current.hpp>
#include <weir/base/platform.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <thread>

namespace weir::inline v0 {

// More copies than this cost more memory and more time to read than the lines that they keep apart are worth.
inline constexpr std::size_t max_shards = 32;

// The number of copies: the hardware threads, rounded up to a power of two, at most max_shards. Never changes.
inline std::size_t shard_count() noexcept {
    static std::size_t const count =
        std::min(std::bit_ceil(std::max<std::size_t>(std::thread::hardware_concurrency(), 1)), max_shards);
    return count;
}

namespace detail {

// A thread's number is kept as an address in here, because a thread keeps pointers to its services and nothing else.
struct shard_mark {};
inline constexpr shard_mark shard_marks[max_shards]{};

WEIR_COLD inline shard_mark const* assign_shard() noexcept {
    static constinit atomic<std::size_t> next{0};
    auto const turn = next.fetch_add(1, relaxed); // only a number; nothing is published with it
    return current_slot<shard_mark const>() = &shard_marks[turn % shard_count()];
}

} // namespace detail

// The copy of this thread, below shard_count(). Threads take the copies in turn, so beyond that number they share.
// Cost: a call and a load.
inline std::size_t this_shard() noexcept {
    detail::shard_mark const* mark = current<detail::shard_mark const>();
    if (!mark) mark = detail::assign_shard();
    return static_cast<std::size_t>(mark - detail::shard_marks);
}

} // namespace weir
