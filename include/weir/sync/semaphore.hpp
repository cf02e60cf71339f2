// weir/sync/semaphore.hpp: a number of permits; who wants more than are left waits.
// Order:    FIFO, weighted: a large request at the head is not overtaken by small ones behind it.
// Progress: one compare-and-swap to acquire and one to release while nobody waits.
// Cancel:   a stopped waiter never keeps a permit: what was being handed to it goes to the next.
#pragma once

#include <weir/coro/operation.hpp>
#include <weir/sync/wait_queue.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace weir {

class semaphore;

// Permits held; given back at the end of its life.
class [[nodiscard]] permit {
public:
    permit() = default;
    permit(permit&& other) noexcept : of_{std::exchange(other.of_, nullptr)}, count_{std::exchange(other.count_, 0)} {}
    permit& operator=(permit&& other) noexcept {
        permit gone{std::move(*this)};
        of_ = std::exchange(other.of_, nullptr);
        count_ = std::exchange(other.count_, 0);
        return *this;
    }
    ~permit() { release(); }

    explicit operator bool() const noexcept { return of_ != nullptr; }
    std::size_t count() const noexcept { return count_; }
    void release() noexcept;

private:
    friend semaphore;
    permit(semaphore& of, std::size_t count) noexcept : of_{&of}, count_{count} {}
    semaphore* of_ = nullptr;
    std::size_t count_ = 0;
};

// Threads: any, for every function.
class semaphore : immovable {
    class awaiter;

public:
    // The most permits there may be.
    static constexpr std::uint64_t most = (std::uint64_t{1} << 60) - 1;

    // Needs: at most `most` permits, now and after every release.
    explicit semaphore(std::size_t permits) noexcept : queue_{pack(permits)} {
        WEIR_ASSERT(permits <= most, "a semaphore of too many permits");
    }

    // Returns: result<permit>.  Cancel: the waiter leaves its place and holds nothing.
    operation<awaiter, semaphore&, std::size_t> acquire(std::size_t count = 1) noexcept {
        return operation<awaiter, semaphore&, std::size_t>{*this, count};
    }
    // An empty permit when there are too few, or others wait.
    permit try_acquire(std::size_t count = 1) noexcept { return take(count) ? permit{*this, count} : permit{}; }

    // Gives back, or adds, `count` permits. Resumes nobody inside the call.
    void release(std::size_t count = 1) noexcept;

    // A hint while others use it.
    std::size_t available() const noexcept { return static_cast<std::size_t>(queue_.peek() >> 1); }

private:
    bool take(std::size_t count) noexcept;
    // Hands permits out of `state` to as many waiters as they last for; gives the state that is left.
    // Needs: the queue's lock.
    std::uint64_t grant(std::uint64_t state, wake_list& woken) noexcept;

    // The state: free permits in the upper bits; bit 0 says that somebody waits.
    // M1: bit 0 is clear exactly when the queue is empty.
    // M2: while bit 0 is set the first waiter wants more than is free.
    static constexpr std::uint64_t waited_for = 1;
    // A request for more than there can be packs to one that never fits.
    static constexpr std::uint64_t pack(std::size_t permits) noexcept {
        return (permits <= most ? std::uint64_t{permits} : most + 1) << 1;
    }
    wait_queue queue_;
};

class semaphore::awaiter : waiter {
public:
    awaiter(semaphore& of, std::size_t count) noexcept : waiter{&abandon}, semaphore_{of}, count_{count} {}
    bool await_ready() noexcept {
        if (!semaphore_.take(count_)) return false;
        complete_unpublished();
        return true;
    }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
        return listen(handle) && enqueue();
    }
    result<permit> await_resume() noexcept {
        auto const ended = finish();
        if (!ended) return ended.error();
        return permit{semaphore_, count_};
    }

private:
    friend semaphore;
    bool enqueue() noexcept;
    static void abandon(waiter& self) noexcept;

    semaphore& semaphore_;
    std::size_t const count_;
};

inline void permit::release() noexcept {
    if (of_) std::exchange(of_, nullptr)->release(std::exchange(count_, 0));
}

inline bool semaphore::take(std::size_t count) noexcept {
    std::uint64_t now = queue_.peek();
    while (!(now & waited_for) && now >= pack(count))
        if (queue_.try_change(now, now - pack(count))) return true;
    return false;
}

inline void semaphore::release(std::size_t count) noexcept {
    WEIR_ASSERT(count <= most, "more permits were released than a semaphore can have");
    std::uint64_t now = queue_.peek();
    while (!(now & waited_for))
        if (queue_.try_change(now, now + pack(count))) return;
    wake_list woken;
    std::uint64_t const state = queue_.lock();
    queue_.unlock(grant(state + pack(count), woken));
    // ---- the semaphore may be gone
    woken.wake_all();
}

inline std::uint64_t semaphore::grant(std::uint64_t state, wake_list& woken) noexcept {
    while (waiter* const first = queue_.front()) {
        std::uint64_t const wanted = pack(static_cast<awaiter*>(first)->count_);
        if ((state & ~waited_for) < wanted) return state; // keeps M2
        first->unlink();
        if (!first->claim()) continue; // T7: a stop has it; the permits go to the next
        state -= wanted;
        woken.add(*first);
    }
    return state & ~waited_for; // keeps M1
}

inline bool semaphore::awaiter::enqueue() noexcept {
    std::uint64_t state = semaphore_.queue_.lock();
    bool suspends = false;
    if (!(state & waited_for) && state >= pack(count_)) {
        state -= pack(count_);
        complete_unpublished();
    } else if (publish()) {
        state |= waited_for; // keeps M1
        semaphore_.queue_.push(*this); // keeps V3
        suspends = true;
    }
    semaphore_.queue_.unlock(state);
    // ---- suspended, the coroutine may run elsewhere
    return suspends;
}

inline void semaphore::awaiter::abandon(waiter& self) noexcept {
    semaphore& of = static_cast<awaiter&>(self).semaphore_;
    wake_list woken;
    std::uint64_t const state = of.queue_.lock();
    if (self.linked()) self.unlink();
    of.queue_.unlock(of.grant(state, woken)); // the head may have been what those behind it waited for
    woken.wake_all();
}

} // namespace weir
