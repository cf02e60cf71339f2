// weir/cpu/prefetch.hpp: asking for a cache line before it is needed.
// Not:      a promise: the processor may drop the wish, and does so where the address is not mapped.
#pragma once

#include <weir/base/cache_line.hpp>
#include <weir/base/platform.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <ranges>
#include <type_traits>

namespace weir::inline v0 {

// How soon the line will be needed again, and so how near it is kept.
enum class locality {
    none = 0, // once: passes the caches by where the processor can
    low = 1,
    moderate = 2,
    high = 3, // again and again: into every level
};

// Any address will do, a null pointer and the end of an array included.  Cost: one instruction.
template <locality Keep = locality::high>
WEIR_INLINE void prefetch_read(void const* at) noexcept {
    __builtin_prefetch(at, 0, static_cast<int>(Keep));
}

// Takes the line away from other cores, so that a write need not wait for it. x86 before 2014 takes it as a read.
template <locality Keep = locality::high>
WEIR_INLINE void prefetch_write(void const* at) noexcept {
    __builtin_prefetch(at, 1, static_cast<int>(Keep));
}

// Every line that holds one of `size` bytes from `at`.
// Cost: one instruction a line; a core follows some ten to sixteen misses at once, and lets further wishes wait or drop.
template <locality Keep = locality::high>
void prefetch_range(void const* at, std::size_t size) noexcept;

// Calls `use(element)` for each element in order, and has by then asked for `where(element)`, an address that use will
// read, `Distance` elements ago. It pays where `use` alone would wait for memory: gathering by index, hash tables.
// The right distance is the time of a miss over the time of one use; 8 to 16 fits most. For what needs several misses
// one after the other, such as a walk down a tree, see interleave.hpp.
// Needs: `where` reads nothing that is itself far away.  Cost: one instruction an element, and the call of `where`.
template <std::size_t Distance = 12, locality Keep = locality::high, std::ranges::random_access_range Range, class Where,
          class Use>
    requires std::ranges::sized_range<Range>
void for_each_prefetched(Range&& range, Where where, Use use) {
    static_assert(Distance >= 1 && std::is_convertible_v<decltype(where(*std::ranges::begin(range))), void const*>,
                  "`where` tells the address that `use` will read");
    using index = std::ranges::range_difference_t<Range>;
    auto const first = std::ranges::begin(range);
    auto const size = static_cast<index>(std::ranges::size(range));
    auto const distance = size < static_cast<index>(Distance) ? size : static_cast<index>(Distance);
    for (index n = 0; n < distance; ++n) prefetch_read<Keep>(where(first[n]));
    index n = 0;
    for (; n < size - distance; ++n) {
        prefetch_read<Keep>(where(first[n + distance]));
        use(first[n]);
    }
    for (; n < size; ++n) use(first[n]);
}

template <locality Keep>
void prefetch_range(void const* at, std::size_t size) noexcept {
    if (size == 0) return;
    // Counted in addresses, as the first line may begin before the object.
    auto const begin = reinterpret_cast<std::uintptr_t>(at);
    auto const last = (begin + size - 1) / cache_line;
    for (auto line = begin / cache_line; line <= last; ++line)
        prefetch_read<Keep>(reinterpret_cast<void const*>(line * cache_line));
}

} // namespace weir
