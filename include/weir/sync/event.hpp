// weir/sync/event.hpp: a flag that coroutines wait for; it stays up until it is taken down.
// Progress: set and reset hold a spin lock for a few instructions; wait on a raised event takes none.
// Not:      a queue of signals: ten sets before one wait are one.
#pragma once

#include <weir/coro/operation.hpp>
#include <weir/sync/wait_queue.hpp>

namespace weir {

// Threads: any, for every function.
class event : immovable {
    class awaiter;

public:
    explicit event(bool is_raised = false) noexcept : queue_{is_raised ? raised : lowered} {}

    bool is_set() const noexcept { return queue_.peek() != 0; }

    // Raises the flag and wakes all who wait.  Order: first come, first woken. Resumes nobody inside the call.
    // Who has seen the flag may destroy the event, although set has not returned, once every other wait on it has ended.
    void set() noexcept;
    void reset() noexcept {
        queue_.lock();
        queue_.unlock(lowered);
    }

    // Returns: result<void>; at once while the flag is up.
    // Cancel: leaves the queue; the flag is untouched.
    operation<awaiter, event&> wait() noexcept { return operation<awaiter, event&>{*this}; }

private:
    static constexpr std::uint64_t lowered = 0;
    static constexpr std::uint64_t raised = 1; // E1: while raised, nobody waits
    wait_queue queue_;
};

class event::awaiter : waiter {
public:
    explicit awaiter(event& of) noexcept : waiter{&abandon}, event_{of} {}
    bool await_ready() noexcept {
        if (!event_.is_set()) return false;
        complete_unpublished();
        return true;
    }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
        return listen(handle) && enqueue();
    }
    result<void> await_resume() noexcept { return finish(); }

private:
    bool enqueue() noexcept {
        auto const state = event_.queue_.lock();
        bool suspends = false;
        if (state == raised) {
            complete_unpublished();
        } else if (publish()) {
            event_.queue_.push(*this); // keeps V3
            suspends = true;
        }
        event_.queue_.unlock(state);
        // ---- suspended, the coroutine may run elsewhere
        return suspends;
    }
    static void abandon(waiter& self) noexcept { static_cast<awaiter&>(self).event_.queue_.remove(self); }

    event& event_;
};

inline void event::set() noexcept {
    wake_list woken;
    queue_.lock();
    while (waiter* const one = queue_.pop_claimed()) woken.add(*one);
    queue_.unlock(raised);
    // ---- the event may be gone
    woken.wake_all();
}

} // namespace weir
