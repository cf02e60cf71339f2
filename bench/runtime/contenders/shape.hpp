// bench/runtime/contenders/shape.hpp: what a contender offers: some of these, each of which does its thing as often as it
// is told and returns how often it was done, with the nanoseconds where it takes them itself.
//     wake        a task is handed over from outside, and its answer waited for
//     pass        two tasks, of a runtime of two workers, pass a number to and fro
//     pass_apart  two tasks do so each of which has a runtime, and so a thread, of its own
//     steal       a task makes two others ready and keeps its worker until one of them has begun elsewhere
//     blocking<N> a call on a thread that may be blocked, N of them under way
#pragma once

#include <harness/child.hpp>

#include <chrono>
#include <cstdint>

namespace bench {

using timed = child::answer;

// After a theft: how long the thief is left alone, so that it goes to sleep before the next.
inline constexpr std::chrono::microseconds rest_between{200};

inline void rest() {
    for (auto const until = std::chrono::steady_clock::now() + rest_between; std::chrono::steady_clock::now() < until;) {}
}

} // namespace bench
