// weir/sync/condition.hpp: waits, without a mutex that one holds, until somebody who has changed something says so.
//     while (jobs.empty()) {
//         auto const waited = co_await filled.wait(held);
//         if (!waited) co_return waited.error();
//     }
// Order:    FIFO. Who is notified goes from the queue of the condition to the end of the mutex's, and is resumed holding
//           it: no herd wakes to fight for the mutex, and nobody wakes without a notification. The loop above is needed
//           all the same, as others may have had the mutex in between.
// Progress: every call holds the mutex's spin lock for a few instructions; notify_all, for a few for each who waits.
#pragma once

#include <weir/coro/operation.hpp>
#include <weir/sync/mutex.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <source_location>

namespace weir::inline v0 {

// Threads: any, for every function; holding the mutex while notifying is not needed.
class condition : immovable {
    class awaiter;

public:
    // For those who hold `of`, which outlives the condition.
    explicit condition(mutex& of) noexcept : mutex_{of} {}
    ~condition() { WEIR_ASSERT(waiters_.empty(), "a condition died while coroutines wait for it"); }

    // Unlocks the mutex and waits to be notified, in one step; then holds it again.  Needs: `held` to hold this mutex.
    // Returns: result<void>. After an error the mutex is not held and `held` is empty: a stop does not wait for it.
    // Cancel: leaves whichever queue it is in; a notification that had reached it goes to the next who waits. A stop that
    //         comes after the mutex was handed over is too late.
    operation<awaiter, condition&, mutex_guard&> wait(mutex_guard& held) noexcept {
        return operation<awaiter, condition&, mutex_guard&>{*this, held};
    }
    // Sends the first, or all, who wait to the mutex; lost when nobody waits. Resumes nobody inside the call.
    // Who was woken may end the condition, although notify has not returned, once every other wait on it has ended.
    void notify_one() noexcept { notify(1); }
    void notify_all() noexcept { notify(~std::size_t{0}); }

private:
    void notify(std::size_t most) noexcept;
    // Hands a notification to the first who still waits, if anybody does. Returns who was given the mutex, which was
    // free, and must be woken.  Needs: the lock of the mutex's queue, whose state is `state`.
    waiter* pass_on(std::uint64_t& state) noexcept;

    wait_queue& queue() const noexcept { return mutex_.queue_; }

    // C1: this list and the mutex's are one for V3: both change only under the lock of the mutex's queue, and a waiter is
    //     in one of them until it is claimed and taken out, or taken out by its stop.
    mutex& mutex_;
    intrusive_list<waiter> waiters_;
};

class condition::awaiter : waiter {
public:
    awaiter(condition& of, mutex_guard& held) noexcept : waiter{&abandon}, condition_{of}, held_{held} {
        WEIR_ASSERT(held.of_ == &of.mutex_, "a condition was awaited without its mutex");
    }
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle,
                                       std::source_location at = std::source_location::current()) noexcept {
        return listen(handle, at, &describe) && lets_go();
    }
    result<void> await_resume() noexcept {
        auto const ended = finish();
        if (ended) held_.of_ = &condition_.mutex_; // it was handed over
        else held_.unlock(); // held still when the stop came before the wait began
        return ended;
    }

private:
    friend condition;
    bool lets_go() noexcept;
    static void abandon(waiter& self) noexcept;
    // Which of the two it waits for is known under the queue's lock only, which is not for who looks in.
    static void describe(void const*, wait_text& into) noexcept { into.add("condition, or then its mutex"); }

    condition& condition_;
    mutex_guard& held_;
    bool notified_ = false; // C2: true once it has left the condition's list for the mutex's; belongs to the lock
};

inline bool condition::awaiter::lets_go() noexcept {
    wait_queue& queue = condition_.queue();
    std::uint64_t state = queue.lock();
    if (!publish()) {
        queue.unlock(state);
        return false;
    }
    held_.of_ = nullptr;
    condition_.waiters_.push_back(*this); // keeps V3
    waiter* const holder = condition_.mutex_.hand_over(state);
    queue.unlock(state);
    // ---- the coroutine may run elsewhere
    if (holder) holder->wake();
    return true;
}

inline void condition::awaiter::abandon(waiter& self) noexcept {
    auto& mine = static_cast<awaiter&>(self);
    wait_queue& queue = mine.condition_.queue();
    std::uint64_t state = queue.lock();
    if (mine.linked()) mine.unlink(); // keeps C1
    waiter* const holder = mine.notified_ ? mine.condition_.pass_on(state) : nullptr; // T7: the notification is not lost
    queue.unlock(state);
    if (holder) holder->wake();
}

inline waiter* condition::pass_on(std::uint64_t& state) noexcept {
    while (waiter* const first = waiters_.pop_front()) {
        if (state != mutex::free) {
            // Not claimed: it goes on waiting, and a stop may still take it out, from there.
            static_cast<awaiter*>(first)->notified_ = true; // keeps C2
            queue().push(*first); // keeps C1
            state = mutex::contended | (state & mutex::noted);
            return nullptr;
        }
        if (first->claim()) {
            state = mutex::held | mutex_.note(*first);
            return first;
        }
    }
    return nullptr;
}

inline void condition::notify(std::size_t most) noexcept {
    wait_queue& queue = this->queue();
    waiter* woken = nullptr; // at most one: the next finds the mutex held
    std::uint64_t state = queue.lock();
    for (; most > 0 && !waiters_.empty(); --most)
        if (waiter* const one = pass_on(state)) woken = one;
    queue.unlock(state);
    // ---- the condition may be gone
    if (woken) woken->wake();
}

} // namespace weir
