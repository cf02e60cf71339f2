// tests/model/seam/weir/base/cache_line.hpp: a line long enough for a model's atomics, which remember their past; so what
// a header asserts about its layout holds in a model, too.
#pragma once

#include <cstddef>

namespace weir::inline v0 {

inline constexpr std::size_t cache_line = 2048;

} // namespace weir
