// weir/base/assert.hpp: how a programmer's error ends the program, with a sentence that says which.
#pragma once

#include <weir/base/platform.hpp>

#include <cstdio>
#include <cstdlib>

namespace weir::inline v0 {

// Prints `weir: what (file:line)` to the error stream and aborts.
[[noreturn]] WEIR_COLD inline void fatal(char const* what, char const* file, int line) noexcept {
    std::fprintf(stderr, "weir: %s (%s:%d)\n", what, file, line);
    std::abort();
}

} // namespace weir

// Ends the program with a sentence; on in every build.
#define WEIR_FATAL(what) ::weir::fatal(what, __FILE__, __LINE__)

// Checks a contract of the caller in builds without NDEBUG, and tells the optimiser nothing in the others.
#if defined(NDEBUG)
#define WEIR_ASSERT(condition, what) ((void)sizeof(!(condition)))
#else
#define WEIR_ASSERT(condition, what) ((condition) ? (void)0 : WEIR_FATAL(what))
#endif
