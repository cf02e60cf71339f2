// bench/sync/contenders/go.hpp: Go's sync.Mutex, and channels with room for one as semaphore and event, in a process
// of their own.
#pragma once

#include "shape.hpp"

#include <harness/child.hpp>
#include <harness/measure.hpp>

#include <cstdint>
#include <string>

namespace bench {

class go_sync {
public:
    static constexpr auto name = "Go";
#ifdef WEIR_BENCH_GO
    explicit go_sync(shape how)
        : how_{how}, go_{WEIR_BENCH_GO, {std::to_string(how.workers), std::to_string(how.tasks), name_of(how.what)}} {}

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
