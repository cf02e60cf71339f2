// weir/cpu/spin_lock.hpp: a lock of one byte for a few dozen instructions on a list.
// Progress: blocking; a waiter spins, then yields its time slice to a holder that was taken off its core.
// Not:      to be held across a call into anybody else's code, nor where waiting may last; use sync/mutex.hpp.
// For:      authors of primitives.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/cpu/pause.hpp>

namespace weir::inline v0 {

class spin_lock : immovable {
public:
    void lock() noexcept {
        if (held_.exchange(true, acquire)) lock_contended(); // [spin]
    }
    bool try_lock() noexcept { return !held_.exchange(true, acquire); } // [spin]
    void unlock() noexcept { held_.store(false, release); }             // [spin]

private:
    WEIR_COLD void lock_contended() noexcept {
        backoff wait;
        do {
            while (held_.load(relaxed)) wait(); // only a hint: the exchange decides
        } while (held_.exchange(true, acquire)); // [spin]
    }

    atomic<bool> held_{false};
};

// Holds a spin_lock to the end of the scope.
class spin_guard : immovable {
public:
    explicit spin_guard(spin_lock& lock) noexcept : lock_{lock} { lock_.lock(); }
    ~spin_guard() { lock_.unlock(); }

private:
    spin_lock& lock_;
};

} // namespace weir
