// bench/queue/contenders/contender.hpp: what a workload knows of a queue.
// A contender has a `name` and is made with no argument; it has push(item) and pop(item&), which return false when full
// or empty, and perhaps push_n and pop_n, which return how many of a span were moved. Where a thread must hold
// something of its own to use it, there is a `producer` or a `consumer`, made of the queue, with these verbs.
// Bounded ones have room for `room` items, rounded up as they like; unbounded ones are never full.
// In the place of one that this machine lacks stands its name and the reason, `absent`.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bench {

using item = std::uint64_t;
inline constexpr std::size_t room = 1024;

template <class Queue>
decltype(auto) producer_of(Queue& queue) {
    if constexpr (requires { typename Queue::producer; }) return typename Queue::producer{queue};
    else return (queue);
}

template <class Queue>
decltype(auto) consumer_of(Queue& queue) {
    if constexpr (requires { typename Queue::consumer; }) return typename Queue::consumer{queue};
    else return (queue);
}

} // namespace bench
