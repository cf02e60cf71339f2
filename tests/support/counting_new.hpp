// tests/support/counting_new.hpp: ::operator new and delete that count, and refuse a block where a test asks for that.
// Included by exactly one source of a program. TSan brings operators of its own and admits no others; there nothing is
// counted, and the tests that count say nothing.
#pragma once

#include "support/allocations.hpp"

#include <weir/base/platform.hpp>

#include <cstdlib>
#include <new>

#if !WEIR_TSAN

namespace weir::test::detail {

inline void* counted(void* memory) noexcept {
    if (memory) {
        blocks_alive.fetch_add(1, std::memory_order_relaxed);
        blocks_made.fetch_add(1, std::memory_order_relaxed);
    }
    return memory;
}
inline bool refused() noexcept {
    if (blocks_until_refusal.load(std::memory_order_relaxed) <= 0) return false;
    std::ptrdiff_t const left = blocks_until_refusal.fetch_sub(1, std::memory_order_relaxed);
    if (left > 1) return false;
    if (refuses_ever_after.load(std::memory_order_relaxed)) blocks_until_refusal.store(1, std::memory_order_relaxed);
    else if (left < 1) return false; // another thread was quicker
    blocks_refused.fetch_add(1, std::memory_order_relaxed);
    return true;
}
inline void* counted_malloc(std::size_t bytes) noexcept {
    return refused() ? nullptr : counted(std::malloc(bytes ? bytes : 1));
}
inline void* counted_aligned(std::size_t bytes, std::align_val_t alignment) noexcept {
    auto const unit = static_cast<std::size_t>(alignment);
    return refused() ? nullptr : counted(std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit));
}
[[gnu::noinline]] inline void counted_free(void* memory) noexcept { // inlined, g++ 12 takes the pair for a mismatch
    if (memory) blocks_alive.fetch_sub(1, std::memory_order_relaxed);
    std::free(memory);
}

} // namespace weir::test::detail

void* operator new(std::size_t bytes) {
    if (void* const memory = weir::test::detail::counted_malloc(bytes)) return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::nothrow_t const&) noexcept {
    return weir::test::detail::counted_malloc(bytes);
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new[](std::size_t bytes, std::nothrow_t const&) noexcept {
    return weir::test::detail::counted_malloc(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    if (void* const memory = weir::test::detail::counted_aligned(bytes, alignment)) return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::align_val_t alignment, std::nothrow_t const&) noexcept {
    return weir::test::detail::counted_aligned(bytes, alignment);
}
void operator delete(void* memory, std::align_val_t) noexcept { weir::test::detail::counted_free(memory); }
void operator delete(void* memory, std::align_val_t, std::nothrow_t const&) noexcept {
    weir::test::detail::counted_free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { weir::test::detail::counted_free(memory); }
void operator delete(void* memory) noexcept { weir::test::detail::counted_free(memory); }
void operator delete(void* memory, std::size_t) noexcept { weir::test::detail::counted_free(memory); }
void operator delete(void* memory, std::nothrow_t const&) noexcept { weir::test::detail::counted_free(memory); }
void operator delete[](void* memory) noexcept { weir::test::detail::counted_free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { weir::test::detail::counted_free(memory); }
void operator delete[](void* memory, std::nothrow_t const&) noexcept { weir::test::detail::counted_free(memory); }

#endif
