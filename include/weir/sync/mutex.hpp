// weir/sync/mutex.hpp: one coroutine at a time, also across suspensions.
// Order:    FIFO: unlock hands the mutex to the first who waits.
// Progress: one compare-and-swap to lock and one to unlock while nobody waits.
// Not:      recursive, nor bound to a thread: it may be unlocked on another one.
#pragma once

#include <weir/sync/queue_awaiter.hpp>

#include <utility>

namespace weir {

class mutex;

// The mutex held; unlocked at the end of its life.
class [[nodiscard]] mutex_guard {
public:
    mutex_guard() = default;
    mutex_guard(mutex_guard&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {}
    mutex_guard& operator=(mutex_guard&& other) noexcept {
        mutex_guard gone{std::move(*this)};
        of_ = std::exchange(other.of_, nullptr);
        return *this;
    }
    ~mutex_guard() { unlock(); }

    explicit operator bool() const noexcept { return of_ != nullptr; }
    void unlock() noexcept;

private:
    friend mutex;
    friend class condition;
    explicit mutex_guard(mutex& of) noexcept : of_{&of} {}
    mutex* of_ = nullptr;
};

// Threads: any, for every function.
class mutex : immovable {
    class awaiter;

public:
    mutex() = default;

    // Returns: result<mutex_guard>.  Cancel: the waiter leaves its place; the lock goes to the next.
    operation<awaiter, mutex&> lock() noexcept { return operation<awaiter, mutex&>{*this}; }
    // An empty guard when it is held.
    mutex_guard try_lock() noexcept { return take() ? mutex_guard{*this} : mutex_guard{}; }

private:
    friend mutex_guard;
    friend class condition;
    bool take() noexcept {
        std::uint64_t now = free;
        return queue_.try_change(now, held);
    }
    void unlock() noexcept {
        std::uint64_t now = held;
        if (!queue_.try_change(now, free)) unlock_contended();
    }
    void unlock_contended() noexcept;
    // For who holds it and the queue's lock: `state` as it is afterwards, and the next holder, who must be woken.
    waiter* hand_over(std::uint64_t& state) noexcept;

    // The state:
    //   free       nobody holds it
    //   held       somebody does, and nobody waits
    //   contended  somebody does, and others wait, or did until they were stopped: who unlocks looks
    static constexpr std::uint64_t free = 0;
    static constexpr std::uint64_t held = 1;
    static constexpr std::uint64_t contended = 2;
    wait_queue queue_{free};
};

class mutex::awaiter : public queue_awaiter<awaiter, mutex_guard> {
public:
    explicit awaiter(mutex& of) noexcept : queue_awaiter{of.queue_}, mutex_{of} {}

    bool try_now() const noexcept { return mutex_.take(); }
    bool take(std::uint64_t& state) const noexcept {
        if (state != free) return false;
        state = held;
        return true;
    }
    void waits(std::uint64_t& state) const noexcept { state = contended; }
    mutex_guard value() const noexcept { return mutex_guard{mutex_}; }

private:
    mutex& mutex_;
};

inline void mutex_guard::unlock() noexcept {
    if (of_) std::exchange(of_, nullptr)->unlock();
}

// Out of the way of who meets nobody.
WEIR_NOINLINE inline void mutex::unlock_contended() noexcept {
    std::uint64_t state = queue_.lock();
    waiter* const next = hand_over(state);
    queue_.unlock(state);
    // ---- the mutex may be gone
    if (next) next->wake();
}

inline waiter* mutex::hand_over(std::uint64_t& state) noexcept {
    waiter* const next = queue_.pop_claimed();
    if (next) state = queue_.empty() ? held : contended; // it is never free in between
    else state = free;
    return next;
}

} // namespace weir
