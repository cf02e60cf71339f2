// weir/cpu/pause.hpp: waiting for another core for a moment, without a system call at first.
#pragma once

#include <weir/base/platform.hpp>

#include <cstdint>

// Every coroutine's header includes this one, so it does without <thread> and <immintrin.h> where it can: the two cost as
// much compile time as all the rest.
#if WEIR_LINUX
#include <sched.h>
#else
#include <thread>
#endif

namespace weir::inline v0 {

// Tells the core that this is a spin loop: saves power and leaves the sibling thread its share.
// Cost: 10 to 50 ns on x86 from Skylake on, a few elsewhere.
inline void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory"); // `yield` is a no-op on most cores; isb waits about as long as x86's pause
#endif
}

// Gives the time slice to another thread.  Cost: a system call.
inline void yield_thread() noexcept {
#if WEIR_LINUX
    ::sched_yield();
#else
    std::this_thread::yield();
#endif
}

// The ladder of a spin loop: one pause, two, four ... then the time slice goes to whom we wait for.
class backoff {
public:
    void operator()() noexcept {
        if (step_ < spin_steps) {
            for (std::uint32_t n = 0; n < (1u << step_); ++n) pause();
            ++step_;
        } else {
            yield_thread();
        }
    }
    // True while the next step is a spin and no system call.
    bool spins() const noexcept { return step_ < spin_steps; }
    void reset() noexcept { step_ = 0; }

private:
    static constexpr std::uint32_t spin_steps = 6;
    std::uint32_t step_ = 0;
};

} // namespace weir
