// bench/tasks/contenders/tbb.hpp: oneTBB's task_group, whose tasks are functions.
#pragma once

#include "shape.hpp"

#if WEIR_BENCH_TBB
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
#endif

#include <atomic>
#include <cstdint>

namespace bench {

template <unsigned Workers>
class tbb_tasks {
public:
    static constexpr auto name = "TBB task_group";
#if WEIR_BENCH_TBB
    std::uint64_t join(std::uint64_t times) {
        std::atomic<std::uint64_t> sum{0};
        arena_.execute([&] {
            for (std::uint64_t left = times; left > 0;) {
                std::uint64_t const now = left < at_once ? left : at_once;
                tbb::task_group group;
                for (std::uint64_t n = 0; n < now; ++n)
                    group.run([&sum] { sum.fetch_add(1, std::memory_order_relaxed); }); // a tally
                group.wait();
                left -= now;
            }
        });
        return sum;
    }

private:
    tbb::task_arena arena_{static_cast<int>(Workers)};
#else
    static constexpr auto absent = "no TBB";
#endif
};

} // namespace bench
