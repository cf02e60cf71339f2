// bench/flow/batcher/tokio.hpp: a batching task of Tokio, compiled from Rust and linked in; a call is a whole run.
#pragma once

#include "shape.hpp"

#include <harness/measure.hpp>

#include <cstddef>
#include <cstdint>

#if WEIR_BENCH_TOKIO
extern "C" {
void* batcher_new(std::size_t workers);
void batcher_delete(void* runtime);
double batcher_run(void* runtime, std::size_t tasks, std::uint64_t times, std::uint64_t* sum);
}
#endif

namespace bench {

class tokio_batcher {
public:
    static constexpr auto name = "Tokio mpsc + oneshot";
#if WEIR_BENCH_TOKIO
    explicit tokio_batcher(shape how) : how_{how}, runtime_{batcher_new(how.workers)} {}
    tokio_batcher(tokio_batcher const&) = delete;
    tokio_batcher& operator=(tokio_batcher const&) = delete;
    ~tokio_batcher() { batcher_delete(runtime_); }

    double run(std::uint64_t times) {
        std::uint64_t sum = 0;
        double const took = batcher_run(runtime_, how_.tasks, times, &sum);
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
