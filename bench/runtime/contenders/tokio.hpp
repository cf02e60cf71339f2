// bench/runtime/contenders/tokio.hpp: Tokio's multi-thread runtime, compiled from Rust and linked in; a call through C
// is a whole run.
#pragma once

#include "shape.hpp"

#include <cstddef>

#if WEIR_BENCH_TOKIO
extern "C" {
void* tokio_new(std::size_t workers);
void tokio_delete(void* runtime);
std::uint64_t tokio_wake(void* runtime, std::uint64_t times);
std::uint64_t tokio_pass(void* one, void* other, std::uint64_t times);
double tokio_steal(void* runtime, std::uint64_t times, std::uint64_t* sum);
std::uint64_t tokio_blocking(void* runtime, std::uint64_t times, std::size_t at_once);
}
#endif

namespace bench {

class tokio_runtime {
public:
    static constexpr auto name = "Tokio";
#if WEIR_BENCH_TOKIO
    tokio_runtime() = default;
    tokio_runtime(tokio_runtime const&) = delete;
    tokio_runtime& operator=(tokio_runtime const&) = delete;
    ~tokio_runtime() {
        for (void* const each : {one_, other_, both_}) tokio_delete(each);
    }

    std::uint64_t wake(std::uint64_t times) { return tokio_wake(one_, times); }
    std::uint64_t pass(std::uint64_t times) { return tokio_pass(both_, both_, times); }
    std::uint64_t pass_apart(std::uint64_t times) { return tokio_pass(one_, other_, times); }
    timed steal(std::uint64_t times) {
        timed done{};
        done.took = tokio_steal(both_, times, &done.sum);
        return done;
    }
    template <std::size_t AtOnce>
    std::uint64_t blocking(std::uint64_t times) {
        return tokio_blocking(one_, times, AtOnce);
    }

private:
    void* const one_ = tokio_new(1);
    void* const other_ = tokio_new(1);
    void* const both_ = tokio_new(2);
#else
    static constexpr auto absent = "no cargo, or it could not fetch the crate";
#endif
};

} // namespace bench
