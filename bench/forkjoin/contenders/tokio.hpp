// bench/forkjoin/contenders/tokio.hpp: Tokio's spawn and join, compiled from Rust and linked in; a call through C is a
// whole problem.
#pragma once

#include "problem.hpp"

#include <cstddef>
#include <cstdint>

#if WEIR_BENCH_TOKIO
extern "C" {
void* tokio_new(std::size_t workers);
void tokio_delete(void* runtime);
// `what`: 0 fib, 1 skynet, 2 queens, of the size `many`.
std::uint64_t tokio_solve(void* runtime, std::size_t what, std::uint64_t many);
void tokio_multiply(void* runtime, bench::product const* whole);
}
#endif

namespace bench {

template <unsigned Workers>
class tokio_forks {
public:
    static constexpr auto name = Workers == 1 ? "Tokio, 1 worker" : "Tokio, 2 workers";
#if WEIR_BENCH_TOKIO
    explicit tokio_forks(problem what) : what_{what}, runtime_{tokio_new(Workers)} {}
    tokio_forks(tokio_forks const&) = delete;
    tokio_forks& operator=(tokio_forks const&) = delete;
    ~tokio_forks() { tokio_delete(runtime_); }

    std::uint64_t solve() {
        switch (what_) {
            case problem::fib: return tokio_solve(runtime_, 0, fib_number);
            case problem::skynet: return tokio_solve(runtime_, 1, skynet_leaves);
            case problem::queens: return tokio_solve(runtime_, 2, queens);
            case problem::matmul: break;
        }
        product const whole = data_.begin();
        tokio_multiply(runtime_, &whole);
        return data_.answer();
    }

private:
    problem const what_;
    matrices data_;
    void* const runtime_;
#else
    static constexpr auto absent = "no cargo, or it could not fetch the crate";
#endif
};

} // namespace bench
