// bench/sync/contenders/tokio.hpp: Tokio's Mutex, Semaphore and Notify, compiled from Rust and linked in; a call through
// C is a whole run.
#pragma once

#include "shape.hpp"

#include <harness/measure.hpp>

#include <cstddef>
#include <cstdint>

#if WEIR_BENCH_TOKIO
extern "C" {
void* tokio_new(std::size_t workers);
void tokio_delete(void* runtime);
// `what`: 0 the mutex, 1 the semaphore, 2 the event.
double tokio_run(void* runtime, std::size_t what, std::size_t tasks, std::uint64_t times, std::uint64_t* sum);
}
#endif

namespace bench {

class tokio_sync {
public:
    static constexpr auto name = "Tokio";
#if WEIR_BENCH_TOKIO
    explicit tokio_sync(shape how) : how_{how}, runtime_{tokio_new(how.workers)} {}
    tokio_sync(tokio_sync const&) = delete;
    tokio_sync& operator=(tokio_sync const&) = delete;
    ~tokio_sync() { tokio_delete(runtime_); }

    double run(std::uint64_t times) {
        std::uint64_t sum = 0;
        double const took = tokio_run(runtime_, static_cast<std::size_t>(how_.what), how_.tasks, times, &sum);
        must_equal(sum, how_.sum(times), name);
        return took;
    }

private:
    shape const how_;
    void* const runtime_;
#else
    static constexpr auto absent = "no cargo, or it could not fetch the crate";
#endif
};

} // namespace bench
