// bench/flow/batcher/shape.hpp: what a contender does: so many tasks, on so many workers, each of which asks, waits for
// its answer and asks again. A batch doubles its numbers, so that only the way to it and back is timed.
// A contender is made of a shape, and `run(times)` gives the nanoseconds that `times` answers took, all tasks together.
#pragma once

#include <cstdint>

namespace bench {

struct shape {
    unsigned workers;
    unsigned tasks;
    // What the answers add up to.
    std::uint64_t sum(std::uint64_t times) const {
        std::uint64_t const each = times / tasks;
        return each * (each - 1) * tasks; // twice 0 + 1 + ... for each
    }
};

} // namespace bench
