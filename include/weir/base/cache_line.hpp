// weir/base/cache_line.hpp: the distance at which two threads stop disturbing each other.
#pragma once

#include <cstddef>

namespace weir::inline v0 {

// Bytes. A constant of the library rather than std::hardware_destructive_interference_size, which changes with
// tuning flags and would change the layout of types between two translation units.
inline constexpr std::size_t cache_line = 64;

} // namespace weir
