// bench/tasks/contenders/shape.hpp: what a contender offers: some of `await`, `resume`, `yield`, `when_all` and `join`,
// each of which does it as often as it is told and returns how often it was done.
#pragma once

#include <cstdint>

namespace bench {

// How many tasks there are at once where there are several.
inline constexpr std::uint64_t at_once = 1000;

} // namespace bench
