// weir/version.hpp: which weir this is; the build reads its version here too.
#pragma once

#include <string_view>

namespace weir::inline v0 {

inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;
inline constexpr std::string_view version = "0.1.0";

} // namespace weir
