// weir/memory/poison.hpp: tells an address sanitizer which memory of a pool may not be touched; nothing without one.
// For:      authors of primitives.
#pragma once

#include <weir/base/platform.hpp>

#include <cstddef>

#if WEIR_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace weir::inline v0 {

// From here on a touch of these bytes ends the program under an address sanitizer.  Needs: multiples of 8.
inline void poison([[maybe_unused]] void const* where, [[maybe_unused]] std::size_t size) noexcept {
#if WEIR_ASAN
    __asan_poison_memory_region(where, size);
#endif
}

// They may be touched again. Memory that goes back to the system is to be made so first.
inline void unpoison([[maybe_unused]] void const* where, [[maybe_unused]] std::size_t size) noexcept {
#if WEIR_ASAN
    __asan_unpoison_memory_region(where, size);
#endif
}

} // namespace weir
