// bench/queue/contenders/tbb.hpp: oneTBB's two queues.
#pragma once

#include "contender.hpp"

#if WEIR_BENCH_TBB
#include <tbb/concurrent_queue.h>

#include <cstddef>
#endif

namespace bench {

// Never full.
struct tbb_queue {
    static constexpr auto name = "TBB concurrent_queue";
#if WEIR_BENCH_TBB
    tbb::concurrent_queue<item> queue;

    bool push(item value) {
        queue.push(value);
        return true;
    }
    bool pop(item& value) { return queue.try_pop(value); }
#else
    static constexpr auto absent = "no libtbb-dev";
#endif
};

struct tbb_bounded {
    static constexpr auto name = "TBB concurrent_bounded_queue";
#if WEIR_BENCH_TBB
    tbb::concurrent_bounded_queue<item> queue;

    tbb_bounded() { queue.set_capacity(static_cast<std::ptrdiff_t>(room)); }
    bool push(item value) { return queue.try_push(value); }
    bool pop(item& value) { return queue.try_pop(value); }
#else
    static constexpr auto absent = "no libtbb-dev";
#endif
};

} // namespace bench
