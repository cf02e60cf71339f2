// weir/memory/this_frame_pool.hpp: which frame pool this thread has, if any; read by one instruction.
// A second door beside base/current.hpp, because every coroutine passes twice and two calls cost more than all the rest.
// What makes the other door a call: compilers take a thread-local's address for a constant of the function and keep it
// across a suspension. Here no address is ever formed: the read is one volatile instruction relative to the thread's
// own segment register, which a compiler can neither keep, share, nor move past an access to memory. It assumes that the
// word lies in the program and not in a shared library; there, and on other machines, this door is a call, too.
// For:      authors of primitives: frame_pool.hpp.
#pragma once

#include <weir/base/platform.hpp>

namespace weir {

class frame_pool;

namespace detail {

// With a name that an instruction can spell, and present wherever one may.
extern "C" {
[[gnu::used]] inline thread_local constinit frame_pool* weir_this_frame_pool = nullptr;
}

WEIR_NOINLINE inline frame_pool*& this_frame_pool_slot() noexcept {
    WEIR_OPAQUE(); // as in base/current.hpp
    return weir_this_frame_pool;
}

inline void set_this_frame_pool(frame_pool* pool) noexcept { this_frame_pool_slot() = pool; }

} // namespace detail

// Null where no frame_pool_guard is in force.  Cost: a load; a call and a load in shared libraries.
WEIR_INLINE frame_pool* this_frame_pool() noexcept {
#if WEIR_THREAD_WORD_IS_NEAR
    frame_pool* pool;
    asm volatile("movq %%fs:weir_this_frame_pool@tpoff, %0" : "=r"(pool) : : "memory");
    return pool;
#else
    return detail::this_frame_pool_slot();
#endif
}

} // namespace weir
