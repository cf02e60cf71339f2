// weir/sync/mutex.hpp: one coroutine at a time, also across suspensions.
// Order:    FIFO: unlock hands the mutex to the first who waits.
// Progress: one compare-and-swap to lock and one to unlock while nobody waits.
// Not:      recursive, nor bound to a thread: it may be unlocked on another one.
#pragma once

#include <weir/sync/queue_awaiter.hpp>

#include <coroutine>
#include <cstdint>
#include <source_location>
#include <utility>

namespace weir::inline v0 {

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
    // Of the one who is given it, who has been waiting: the bit for the state.
    std::uint64_t note(waiter& next) noexcept {
        return wait_book::open() && wait_book::hold_as_awaited(this, &next) ? noted : 0;
    }
    // Of one who holds it and runs.
    WEIR_COLD void note(std::coroutine_handle<> holder, std::source_location at) noexcept {
        if (wait_book::hold(this, holder, at)) queue_.try_add(noted, 0, 0);
    }

    // The state:
    //   free       nobody holds it
    //   held       somebody does, and nobody waits
    //   contended  somebody does, and others wait, or did until they were stopped: who unlocks looks
    // and beside one of the latter two
    //   noted      the wait_book knows who: who unlocks strikes it out, on the way of those who find others waiting
    static constexpr std::uint64_t free = 0;
    static constexpr std::uint64_t held = 1;
    static constexpr std::uint64_t contended = 2;
    static constexpr std::uint64_t noted = 4;
    wait_queue queue_{free};
};

class mutex::awaiter : public queue_awaiter<awaiter, mutex_guard> {
public:
    explicit awaiter(mutex& of) noexcept : queue_awaiter{of.queue_}, mutex_{of} {}

    // With the book open it is taken where the coroutine is known.
    bool await_ready() noexcept { return !wait_book::open() && queue_awaiter::await_ready(); }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle,
                                       std::source_location at = std::source_location::current()) noexcept {
        if (!wait_book::open() || !try_now()) return queue_awaiter::await_suspend(handle, at);
        mutex_.note(handle, at);
        return false;
    }

    bool try_now() const noexcept { return mutex_.take(); }
    bool take(std::uint64_t& state) noexcept {
        if (state != free) return false;
        state = held | mutex_.note(in_queue());
        return true;
    }
    void waits(std::uint64_t& state) const noexcept { state = contended | (state & noted); }
    mutex_guard value() const noexcept { return mutex_guard{mutex_}; }
    void describe(wait_text& into) const noexcept {
        into.add("mutex");
        into.object = &mutex_;
    }

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
    if (state & noted) wait_book::release(this);
    waiter* const next = queue_.pop_claimed();
    if (next) state = (queue_.empty() ? held : contended) | note(*next); // it is never free in between
    else state = free;
    return next;
}

} // namespace weir
