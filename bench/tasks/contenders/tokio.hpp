// bench/tasks/contenders/tokio.hpp: tasks of Tokio, and futures within one, compiled from Rust and linked in; a call
// through C is a whole run.
#pragma once

#include "shape.hpp"

#include <cstddef>
#include <cstdint>

#if WEIR_BENCH_TOKIO
extern "C" {
void* tokio_new(std::size_t workers);
void tokio_delete(void* runtime);
std::uint64_t tokio_await(void* runtime, std::uint64_t times);
std::uint64_t tokio_resume(void* runtime, std::uint64_t times);
std::uint64_t tokio_yield(void* runtime, std::uint64_t times);
std::uint64_t tokio_when_all(void* runtime, std::uint64_t times, std::uint64_t at_once);
std::uint64_t tokio_join(void* runtime, std::uint64_t times, std::uint64_t at_once);
}
#endif

namespace bench {

template <unsigned Workers>
class tokio_tasks {
public:
    static constexpr auto name = "Tokio";
#if WEIR_BENCH_TOKIO
    tokio_tasks() : runtime_{tokio_new(Workers)} {}
    tokio_tasks(tokio_tasks const&) = delete;
    tokio_tasks& operator=(tokio_tasks const&) = delete;
    ~tokio_tasks() { tokio_delete(runtime_); }

    std::uint64_t await(std::uint64_t times) { return tokio_await(runtime_, times); }
    std::uint64_t resume(std::uint64_t times) { return tokio_resume(runtime_, times); }
    std::uint64_t yield(std::uint64_t times) { return tokio_yield(runtime_, times); }
    std::uint64_t when_all(std::uint64_t times) { return tokio_when_all(runtime_, times, at_once); }
    std::uint64_t join(std::uint64_t times) { return tokio_join(runtime_, times, at_once); }

private:
    void* const runtime_;
#else
    static constexpr auto absent = "no cargo, or it could not fetch the crate";
#endif
};

} // namespace bench
