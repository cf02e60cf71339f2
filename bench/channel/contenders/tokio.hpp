// bench/channel/contenders/tokio.hpp: Tokio's mpsc channels, compiled from Rust and linked in; a call through C is a
// whole transfer. Its channels have one receiver.
#pragma once

#include "shape.hpp"

#include <harness/measure.hpp>

#include <cstddef>
#include <cstdint>

#if WEIR_BENCH_TOKIO
extern "C" {
void* tokio_new(std::size_t workers);
void tokio_delete(void* runtime);
double tokio_bounded(void* runtime, std::size_t room, std::size_t most, std::uint64_t times, std::uint64_t* sum);
double tokio_unbounded(void* runtime, std::uint64_t times, std::uint64_t* sum);
}
#endif

namespace bench {

template <bool bounded>
struct tokio_mpsc {
    static constexpr auto name = bounded ? "Tokio mpsc" : "Tokio mpsc, unbounded";
#if WEIR_BENCH_TOKIO
    explicit tokio_mpsc(shape how) : how_{how}, runtime_{tokio_new(how.workers)} {}
    tokio_mpsc(tokio_mpsc const&) = delete;
    tokio_mpsc& operator=(tokio_mpsc const&) = delete;
    ~tokio_mpsc() { tokio_delete(runtime_); }

    double transfer(std::uint64_t times) {
        item sum = 0;
        double const took = bounded ? tokio_bounded(runtime_, room, how_.many ? handful : 1, times, &sum)
                                    : tokio_unbounded(runtime_, times, &sum);
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

using tokio_bounded_mpsc = tokio_mpsc<true>;
using tokio_unbounded_mpsc = tokio_mpsc<false>;

} // namespace bench
