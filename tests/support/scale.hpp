// tests/support/scale.hpp: how much work a test does on this build.
#pragma once

#include <cstddef>

namespace weir::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

// A count for a plain build; a part of it where a sanitizer slows every access down.
constexpr std::size_t scaled(std::size_t count, std::size_t part = 5) noexcept {
    return sanitized ? count / part : count;
}

} // namespace weir::test
