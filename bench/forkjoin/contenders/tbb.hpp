// bench/forkjoin/contenders/tbb.hpp: oneTBB's task_group, within an arena for one thread or two. All parts but the last
// are spawned; the last is a plain call, which is TBB's quickest way.
#pragma once

#include "problem.hpp"

#if WEIR_BENCH_TBB
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
#endif

#include <array>
#include <cstdint>

namespace bench {

template <unsigned Workers>
class tbb_forks {
public:
    static constexpr auto name = Workers == 1 ? "TBB, 1 worker" : "TBB, 2 workers";
#if WEIR_BENCH_TBB
    explicit tbb_forks(problem what) : what_{what} {}

    std::uint64_t solve() {
        return arena_.execute([this]() -> std::uint64_t {
            switch (what_) {
                case problem::fib: return fib(fib_number);
                case problem::skynet: return skynet(0, skynet_leaves);
                case problem::queens: return place(board{});
                case problem::matmul: multiply(data_.begin()); return data_.answer();
            }
            return 0;
        });
    }

private:
    static std::uint64_t fib(std::uint64_t n) {
        if (n < 2) return n;
        std::uint64_t left = 0;
        tbb::task_group group;
        group.run([&left, n] { left = fib(n - 1); });
        std::uint64_t const right = fib(n - 2);
        group.wait();
        return left + right;
    }
    static std::uint64_t skynet(std::uint64_t first, std::uint64_t leaves) {
        if (leaves == 1) return first;
        std::uint64_t const each = leaves / skynet_parts;
        std::array<std::uint64_t, skynet_parts> values;
        tbb::task_group group;
        for (std::uint64_t n = 0; n + 1 < skynet_parts; ++n)
            group.run([&value = values[n], first, each, n] { value = skynet(first + n * each, each); });
        values.back() = skynet(first + (skynet_parts - 1) * each, each);
        group.wait();
        std::uint64_t sum = 0;
        for (std::uint64_t const value : values) sum += value;
        return sum;
    }
    static std::uint64_t place(board const& now) {
        if (now.rows == queens) return 1;
        std::array<std::uint64_t, queens> values;
        std::array<unsigned, queens> columns;
        std::size_t count = 0;
        for (unsigned column = 0; column < queens; ++column)
            if (now.admits(column)) columns[count++] = column;
        if (count == 0) return 0;
        tbb::task_group group;
        for (std::size_t n = 0; n + 1 < count; ++n)
            group.run([&value = values[n], next = now.with(columns[n])] { value = place(next); });
        values[count - 1] = place(now.with(columns[count - 1]));
        group.wait();
        std::uint64_t sum = 0;
        for (std::size_t n = 0; n < count; ++n) sum += values[n];
        return sum;
    }
    static void multiply(product whole) {
        if (whole.side == block_side) return multiply_block(&whole);
        for (std::size_t k = 0; k < 2; ++k) {
            tbb::task_group group;
            group.run([part = whole.part(0, 0, k)] { multiply(part); });
            group.run([part = whole.part(0, 1, k)] { multiply(part); });
            group.run([part = whole.part(1, 0, k)] { multiply(part); });
            multiply(whole.part(1, 1, k));
            group.wait();
        }
    }

    problem const what_;
    matrices data_;
    tbb::task_arena arena_{static_cast<int>(Workers)};
#else
    static constexpr auto absent = "no TBB";
#endif
};

} // namespace bench
