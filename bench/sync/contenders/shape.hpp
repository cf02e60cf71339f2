// bench/sync/contenders/shape.hpp: what a contender does: with which primitive, by how many tasks, on how many workers.
// A contender is made of a shape, and `run(times)` gives the nanoseconds that `times` operations took all tasks together.
#pragma once

#include <cstdint>

namespace bench {

enum class primitive : unsigned char {
    mutex,     // locked, a number raised, unlocked
    semaphore, // of one permit: the same with it
    event,     // raised, seen and lowered: by one task, or by two who wake each other in turns
};

constexpr char const* name_of(primitive what) {
    switch (what) {
        case primitive::mutex: return "mutex";
        case primitive::semaphore: return "semaphore";
        case primitive::event: return "event";
    }
    return "";
}

struct shape {
    primitive what;
    unsigned workers;
    unsigned tasks; // those of a contended event are two
    // What the tasks have counted in the end.
    std::uint64_t sum(std::uint64_t times) const { return times / tasks * tasks; }
};

} // namespace bench
