// weir/base/thread_words.hpp: two words of each thread that every coroutine asks for, read by one instruction.
// A second door beside current.hpp, because every coroutine passes these several times and the calls cost more than all
// the rest. What makes the other door a call: compilers take a thread-local's address for a constant of the function and
// keep it across a suspension. Here no address is ever formed: the read is one volatile instruction relative to the
// thread's own segment register, which a compiler can neither keep, share, nor move past an access to memory. It assumes
// that the words lie in the program and not in a shared library; there, and on other machines, this door is a call, too.
// For:      authors of primitives: frame_pool.hpp and transfer.hpp.
#pragma once

#include <weir/base/platform.hpp>

#include <cstddef>

namespace weir {

enum class thread_word : std::size_t { frame_pool, resume_loop };

namespace detail {

// With a name that an instruction can spell, and present wherever one may.
extern "C" {
[[gnu::used]] inline thread_local constinit void* weir_thread_words[2] = {};
}

WEIR_NOINLINE inline void*& thread_word_slot(thread_word which) noexcept {
    WEIR_OPAQUE(); // as in current.hpp
    return weir_thread_words[static_cast<std::size_t>(which)];
}

} // namespace detail

inline void set_thread_word(thread_word which, void* value) noexcept { detail::thread_word_slot(which) = value; }

// Null where nothing was set.  Cost: a load; a call and a load in shared libraries.
template <thread_word Which>
WEIR_INLINE void* get_thread_word() noexcept {
#if WEIR_THREAD_WORD_IS_NEAR
    void* value;
    asm volatile("movq %%fs:weir_thread_words@tpoff+%c1, %0"
                 : "=r"(value)
                 : "i"(static_cast<std::size_t>(Which) * sizeof(void*))
                 : "memory");
    return value;
#else
    return detail::thread_word_slot(Which);
#endif
}

} // namespace weir
