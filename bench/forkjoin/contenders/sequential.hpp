// bench/forkjoin/contenders/sequential.hpp: plain calls on one thread: the work itself.
#pragma once

#include "problem.hpp"

#include <harness/bench.hpp>

#include <cstdint>

namespace bench {

class sequential {
public:
    static constexpr auto name = "plain calls";

    explicit sequential(problem what) : what_{what} {}

    std::uint64_t solve() {
        switch (what_) {
            case problem::fib: return fib(fib_number);
            case problem::skynet: return skynet(0, skynet_leaves);
            case problem::queens: return place(board{});
            case problem::matmul: multiply(data_.begin()); return data_.answer();
        }
        return 0;
    }

private:
    // Never inlined, so that the compiler does not merge calls: each of them is to be one.
    [[gnu::noinline]] static std::uint64_t fib(std::uint64_t n) {
        keep(n);
        if (n < 2) return n;
        return fib(n - 1) + fib(n - 2);
    }
    [[gnu::noinline]] static std::uint64_t skynet(std::uint64_t first, std::uint64_t leaves) {
        keep(first);
        if (leaves == 1) return first;
        std::uint64_t const each = leaves / skynet_parts;
        std::uint64_t sum = 0;
        for (std::uint64_t n = 0; n < skynet_parts; ++n) sum += skynet(first + n * each, each);
        return sum;
    }
    [[gnu::noinline]] static std::uint64_t place(board const& now) {
        if (now.rows == queens) return 1;
        std::uint64_t sum = 0;
        for (unsigned column = 0; column < queens; ++column)
            if (now.admits(column)) sum += place(now.with(column));
        return sum;
    }
    static void multiply(product whole) {
        if (whole.side == block_side) return multiply_block(&whole);
        for (std::size_t k : {0U, 1U})
            for (std::size_t i : {0U, 1U})
                for (std::size_t j : {0U, 1U}) multiply(whole.part(i, j, k));
    }

    problem const what_;
    matrices data_;
};

} // namespace bench
