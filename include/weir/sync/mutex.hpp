// weir/sync/mutex.hpp: one coroutine at a time, also across suspensions.
// Order:    FIFO: unlock hands the mutex to the first who waits.
// Progress: one compare-and-swap to lock and one to unlock while nobody waits.
// Not:      recursive, nor bound to a thread: it may be unlocked on another one.
#pragma once

#include <weir/coro/operation.hpp>
#include <weir/sync/wait_queue.hpp>

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
    bool take() noexcept {
        std::uint64_t now = free;
        return queue_.try_change(now, held);
    }
    void unlock() noexcept;

    // The state:
    //   free       nobody holds it
    //   held       somebody does, and nobody waits
    //   contended  somebody does, and others wait
    static constexpr std::uint64_t free = 0;
    static constexpr std::uint64_t held = 1;
    static constexpr std::uint64_t contended = 2;
    wait_queue queue_{free};
};

class mutex::awaiter : waiter {
public:
    explicit awaiter(mutex& of) noexcept : waiter{&abandon}, mutex_{of} {}
    bool await_ready() noexcept {
        if (!mutex_.take()) return false;
        complete_unpublished();
        return true;
    }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
        return listen(handle) && enqueue();
    }
    result<mutex_guard> await_resume() noexcept {
        auto const ended = finish();
        if (!ended) return ended.error();
        return mutex_guard{mutex_};
    }

private:
    bool enqueue() noexcept {
        std::uint64_t state = mutex_.queue_.lock();
        bool suspends = false;
        if (state == free) {
            state = held;
            complete_unpublished();
        } else if (publish()) {
            state = contended;
            mutex_.queue_.push(*this); // keeps V3
            suspends = true;
        }
        mutex_.queue_.unlock(state);
        // ---- suspended, the coroutine may run elsewhere
        return suspends;
    }
    // Contended without a waiter is harmless: unlock looks.
    static void abandon(waiter& self) noexcept { static_cast<awaiter&>(self).mutex_.queue_.remove(self); }

    mutex& mutex_;
};

inline void mutex_guard::unlock() noexcept {
    if (of_) std::exchange(of_, nullptr)->unlock();
}

inline void mutex::unlock() noexcept {
    std::uint64_t now = held;
    if (queue_.try_change(now, free)) return;
    queue_.lock();
    waiter* const next = queue_.pop_claimed();
    bool const more = !queue_.empty();
    queue_.unlock(next ? (more ? contended : held) : free);
    // ---- the mutex may be gone
    if (next) next->wake(); // handed over: it was never free in between
}

} // namespace weir
