// bench/forkjoin/contenders/weir.hpp: weir's fork_join on a runtime.
#pragma once

#include "problem.hpp"

#include <weir/coro/fork_join.hpp>
#include <weir/coro/task.hpp>
#include <weir/runtime/runtime.hpp>

#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

namespace bench {

template <unsigned Workers>
class weir_forks {
public:
    static constexpr auto name = Workers == 1 ? "weir, 1 worker" : "weir, 2 workers";

    explicit weir_forks(problem what) : what_{what}, runtime_{with_workers()} {}

    std::uint64_t solve() {
        switch (what_) {
            case problem::fib: return runtime_.block_on(fib, fib_number);
            case problem::skynet: return runtime_.block_on(skynet, std::uint64_t{0}, skynet_leaves);
            case problem::queens: return runtime_.block_on(place, board{});
            case problem::matmul: runtime_.block_on(multiply, data_.begin()); return data_.answer();
        }
        return 0;
    }

private:
    static weir::task<std::uint64_t> fib(std::uint64_t n) {
        if (n < 2) co_return n;
        auto const both = co_await weir::fork_join(fib(n - 1), fib(n - 2));
        co_return std::get<0>(both) + std::get<1>(both);
    }
    static weir::task<std::uint64_t> skynet(std::uint64_t first, std::uint64_t leaves) {
        if (leaves == 1) co_return first;
        std::uint64_t const each = leaves / skynet_parts;
        std::vector<weir::task<std::uint64_t>> parts;
        parts.reserve(skynet_parts);
        for (std::uint64_t n = 0; n < skynet_parts; ++n) parts.push_back(skynet(first + n * each, each));
        co_return sum_of(co_await weir::fork_join(std::move(parts)));
    }
    static weir::task<std::uint64_t> place(board now) {
        if (now.rows == queens) co_return 1;
        std::vector<weir::task<std::uint64_t>> parts;
        parts.reserve(queens);
        for (unsigned column = 0; column < queens; ++column)
            if (now.admits(column)) parts.push_back(place(now.with(column)));
        co_return sum_of(co_await weir::fork_join(std::move(parts)));
    }
    static weir::task<> multiply(product whole) {
        if (whole.side == block_side) {
            multiply_block(&whole);
            co_return;
        }
        for (std::size_t k = 0; k < 2; ++k)
            co_await weir::fork_join(multiply(whole.part(0, 0, k)), multiply(whole.part(0, 1, k)),
                                     multiply(whole.part(1, 0, k)), multiply(whole.part(1, 1, k)));
    }
    static std::uint64_t sum_of(std::vector<std::uint64_t> const& values) {
        std::uint64_t sum = 0;
        for (std::uint64_t const value : values) sum += value;
        return sum;
    }

    static weir::runtime_options with_workers() {
        weir::runtime_options options;
        options.workers = Workers;
        return options;
    }

    problem const what_;
    matrices data_;
    weir::runtime runtime_;
};

} // namespace bench
