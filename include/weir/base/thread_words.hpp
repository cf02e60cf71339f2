// weir/base/thread_words.hpp: some words of each thread that every coroutine asks for, read by one instruction.
// A second door beside current.hpp, because every coroutine passes these several times and the calls cost more than all
// the rest. What makes the other door a call: compilers take a thread-local's address for a constant of the function and
// keep it across a suspension. Here no address is ever formed: the read is one volatile instruction relative to the
// thread's own segment register, which a compiler can neither keep, share, nor move past an access to memory. It assumes
// that the words lie in the program and not in a shared library; there, and on other machines, this door is a call, too.
// For:      authors of primitives: frame_pool.hpp, transfer.hpp, budget.hpp, task_tally.hpp, worker.hpp.
#pragma once

#include <weir/base/platform.hpp>

#include <cstddef>

namespace weir::inline v0 {

enum class thread_word : std::size_t { frame_pool, resume_loop, worker, turn_budget, task_tally };
inline constexpr std::size_t thread_words = 5;

namespace detail {

// With a name that an instruction can spell, and present wherever one may.
extern "C" {
[[gnu::used]] inline thread_local constinit void* weir_thread_words[thread_words] = {};
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

// Sets a word until the end of the scope, then what it was before.
class thread_word_guard {
public:
    thread_word_guard(thread_word which, void* value) noexcept
        : which_{which}, before_{detail::thread_word_slot(which)} {
        set_thread_word(which, value);
    }
    thread_word_guard(thread_word_guard const&) = delete;
    thread_word_guard& operator=(thread_word_guard const&) = delete;
    ~thread_word_guard() { set_thread_word(which_, before_); }

private:
    thread_word const which_;
    void* const before_;
};

} // namespace weir
