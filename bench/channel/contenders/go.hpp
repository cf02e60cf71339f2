// bench/channel/contenders/go.hpp: Go's channels, in a process of their own.
#pragma once

#include "shape.hpp"

#include <harness/child.hpp>
#include <harness/measure.hpp>

#include <cstdint>
#include <string>

namespace bench {

class go_channel {
public:
    static constexpr auto name = "Go chan";
#ifdef WEIR_BENCH_GO
    explicit go_channel(shape how)
        : how_{how}, go_{WEIR_BENCH_GO, {std::to_string(how.workers), std::to_string(room), std::to_string(how.pairs)}} {}

    double transfer(std::uint64_t times) {
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
