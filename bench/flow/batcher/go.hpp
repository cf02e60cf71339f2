// bench/flow/batcher/go.hpp: a batching goroutine behind a channel, with a channel for each answer, in another process.
#pragma once

#include "shape.hpp"

#include <harness/child.hpp>
#include <harness/measure.hpp>

#include <cstdint>
#include <string>

namespace bench {

class go_batcher {
public:
    static constexpr auto name = "Go channels";
#ifdef WEIR_BENCH_GO
    explicit go_batcher(shape how)
        : how_{how}, go_{WEIR_BENCH_GO, {std::to_string(how.workers), std::to_string(how.tasks)}} {}

    double run(std::uint64_t times) {
        auto const done = go_.run(times);
        must_equal(done.sum, how_.sum(times), name);
        return done.took;
    }

private:
    shape const how_;
    child go_;
#else
    static constexpr auto absent = "no Go";
#endif
};

} // namespace bench
