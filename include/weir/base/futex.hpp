// weir/base/futex.hpp: the one place where a thread sleeps on a word of 32 bits until it changes or a deadline comes.
// Linux's futex by raw system call; elsewhere a table of mutexes and condition variables, shared by all words.
// Not:      a condition by itself: a sleep may end for no reason, and a wake without a change of the word may be lost.
// Source:   U. Drepper, "Futexes Are Tricky", 2011; futex(2).
// For:      authors of primitives. A model puts a stand-in of this file before it, in which time passes by choice.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/platform.hpp>

#include <chrono>
#include <cstdint>

#if WEIR_LINUX
#include <cerrno>
#include <climits>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <condition_variable>
#include <mutex>
#endif

namespace weir::inline v0 {

using futex_word = atomic<std::uint32_t>;
using futex_deadline = std::chrono::steady_clock::time_point; // max() never comes

// Sleeps while `word` holds `expected`. The comparison and falling asleep are one step to whoever changes the word and
// then wakes.
// Returns:  false when the deadline has come, and then this sleeper has used up no wake; true at a wake, at another
//           value of the word, and sometimes for no reason.
// Order:    none; what a change of the word publishes, its reader acquires.
// Cost:     one system call, two when the clock is asked first.
bool futex_wait_until(futex_word& word, std::uint32_t expected, futex_deadline deadline) noexcept;

// Wake one sleeper, or all, that fell asleep on the word at this address. The memory is not touched, so the word may have
// ended meanwhile; who sleeps at the same address later then wakes for no reason.  Cost: one system call.
void futex_wake_one(futex_word const* word) noexcept;
void futex_wake_all(futex_word const* word) noexcept;

// How often it pays to spin and look again before one sleeps: some two microseconds, less than a sleep and its wake cost.
inline constexpr unsigned looks_before_sleep = 6;

inline bool has_passed(futex_deadline deadline) noexcept {
    return deadline != futex_deadline::max() && std::chrono::steady_clock::now() >= deadline;
}

// The end of a time span that begins now; never, when the clock does not reach so far, and long ago when it is negative.
template <class Rep, class Period>
futex_deadline deadline_after(std::chrono::duration<Rep, Period> span) noexcept {
    using seconds = std::chrono::duration<double>; // reaches further than any span, and is exact enough to compare
    if (!(span > span.zero())) return futex_deadline::min();
    auto const now = std::chrono::steady_clock::now();
    if (seconds{span} >= seconds{futex_deadline::max() - now} - seconds{1}) return futex_deadline::max();
    return now + std::chrono::ceil<futex_deadline::duration>(span);
}

#if WEIR_LINUX

static_assert(sizeof(futex_word) == 4 && futex_word::is_always_lock_free, "the kernel reads the word itself");

namespace detail {

// What SYS_futex takes, whatever the size of the C library's time_t.
struct futex_time {
    long seconds;
    long nanoseconds;
};

inline long futex_call(futex_word const* word, int operation, std::uint32_t value, futex_time const* until) noexcept {
    return ::syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

} // namespace detail

inline bool futex_wait_until(futex_word& word, std::uint32_t expected, futex_deadline deadline) noexcept {
    // FUTEX_WAIT_BITSET takes a point in time of CLOCK_MONOTONIC, which steady_clock shows; FUTEX_WAIT takes a span.
    detail::futex_time until{};
    bool const ends = deadline != futex_deadline::max();
    if (ends) {
        auto const since_boot = std::chrono::nanoseconds{deadline.time_since_epoch()}.count();
        if (since_boot <= 0) return false; // the kernel refuses a negative time
        auto const seconds = since_boot / 1'000'000'000;
        until.seconds = seconds < LONG_MAX ? static_cast<long>(seconds) : LONG_MAX;
        until.nanoseconds = static_cast<long>(since_boot % 1'000'000'000);
    }
    if (detail::futex_call(&word, FUTEX_WAIT_BITSET, expected, ends ? &until : nullptr) == 0) return true;
    switch (errno) {
        case EAGAIN: return true; // the word had changed before we slept
        case EINTR: return true;  // a signal: the caller looks at the word and comes back
        case ETIMEDOUT: return false;
        default: WEIR_FATAL("the system refuses to wait on a word");
    }
}

inline void futex_wake_one(futex_word const* word) noexcept {
    detail::futex_call(word, FUTEX_WAKE_BITSET, 1, nullptr); // fails only where no memory is left at the address
}

inline void futex_wake_all(futex_word const* word) noexcept {
    detail::futex_call(word, FUTEX_WAKE_BITSET, INT_MAX, nullptr); // likewise
}

#else

namespace detail {

// Words share a stripe by chance, so a wake goes to everybody there; those of other words wake for no reason.
struct futex_stripe {
    std::mutex lock;
    std::condition_variable changed;

    static futex_stripe& of(void const* word) noexcept {
        static futex_stripe stripes[64];
        auto const address = reinterpret_cast<std::uintptr_t>(word);
        return stripes[(address >> 2 ^ address >> 8 ^ address >> 14) % 64];
    }
};

} // namespace detail

inline bool futex_wait_until(futex_word& word, std::uint32_t expected, futex_deadline deadline) noexcept {
    auto& stripe = detail::futex_stripe::of(&word);
    std::unique_lock held{stripe.lock};
    if (word.load(relaxed) != expected) return true; // relaxed: who changes it takes the lock before it wakes
    if (deadline == futex_deadline::max()) {
        stripe.changed.wait(held);
        return true;
    }
    return stripe.changed.wait_until(held, deadline) == std::cv_status::no_timeout;
}

inline void futex_wake_all(futex_word const* word) noexcept {
    auto& stripe = detail::futex_stripe::of(word);
    { std::lock_guard const held{stripe.lock}; } // who read the old value under the lock is asleep by now
    stripe.changed.notify_all();
}

inline void futex_wake_one(futex_word const* word) noexcept { futex_wake_all(word); }

#endif

} // namespace weir
