// bench/channel/contenders/shape.hpp: what a contender is asked to do: so many senders and receivers on so many workers.
// A contender is made with a shape, has a `name`, and `transfer(times)`: each sender sends the numbers from 1 to
// times / pairs, receivers take them until the channel is closed; the sum is checked, and the nanoseconds returned.
#pragma once

#include <cstdint>

namespace bench {

using item = std::uint64_t;

// Room for this many items in every bounded channel, and the most that a receive of many takes.
inline constexpr unsigned room = 256;
inline constexpr unsigned handful = 64;

class shape {
public:
    shape(unsigned workers_, unsigned pairs_, bool many_) : workers{workers_}, pairs{pairs_}, many{many_} {}

    unsigned workers;
    unsigned pairs; // of a sender and a receiver
    bool many;      // receives up to `handful` at a time

    constexpr item sum(std::uint64_t times) const { return pairs * sum_to(times / pairs); }

private:
    static constexpr item sum_to(std::uint64_t count) { return count * (count + 1) / 2; }
};

} // namespace bench
