// weir/sync/barrier.hpp: a place where a group meets, again and again: nobody goes on until all have arrived.
// Progress: every call holds a spin lock for a few instructions; the last to arrive, until it has taken out the others.
// Not:      for who only counts and does not wait; use latch.hpp.
#pragma once

#include <weir/coro/operation.hpp>
#include <weir/sync/wait_queue.hpp>

#include <cstddef>
#include <cstdint>

namespace weir::inline v0 {

// Threads: any, for every function.
class barrier : immovable {
    class awaiter;

public:
    // The most members of a group.
    static constexpr std::size_t most = (std::size_t{1} << 31) - 1;

    // Needs: 1 <= members <= most.
    explicit barrier(std::size_t members) noexcept : queue_{pack(members, 0)} {
        WEIR_ASSERT(members >= 1 && members <= most, "a barrier for nobody, or for too many");
    }

    // Waits for the others. The last to arrive does not wait: it wakes them, first come first, and the next phase begins.
    // Who goes on may end the barrier, although the last to arrive or leave is still inside, once every other wait on it
    // has ended.
    // Needs: to be a member, each of whom arrives once a phase.
    // Returns: result<void>; an error exactly when this arrival does not count.
    // Cancel: takes the arrival back, and the others go on waiting for it; who is stopped already does not arrive. It may
    //         arrive again, or `leave`. A stop that comes after the last arrival is too late.
    operation<awaiter, barrier&> arrive() noexcept { return operation<awaiter, barrier&>{*this}; }
    // One member less from now on. When all the others wait, they go on. Resumes nobody inside the call.
    // Needs: to be a member, and not to wait.
    void leave() noexcept;

    // A hint while others use it.
    std::size_t members() const noexcept { return members_of(queue_.peek()); }

private:
    // The state: the members in the upper bits, how many of them have arrived in the lower 31.
    // R1: fewer have arrived than there are members, if there are any, and those that have are those in the queue.
    static constexpr std::uint64_t pack(std::uint64_t members, std::uint64_t arrived) noexcept {
        return members << 31 | arrived;
    }
    static constexpr std::size_t members_of(std::uint64_t state) noexcept {
        return static_cast<std::size_t>(state >> 31);
    }
    static constexpr std::uint64_t arrived_of(std::uint64_t state) noexcept { return state & most; }
    wait_queue queue_;
};

class barrier::awaiter : waiter {
public:
    explicit awaiter(barrier& of) noexcept : waiter{&take_back}, barrier_{of} {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle,
                                       std::source_location at = std::source_location::current()) noexcept {
        return listen(handle, at) && arrives();
    }
    result<void> await_resume() noexcept {
        auto const ended = finish();
        return counted_ ? result<void>{} : ended;
    }

private:
    bool arrives() noexcept;
    static void take_back(waiter& self) noexcept;

    barrier& barrier_;
    bool counted_ = false; // the phase ended with it while a stop was on its way; written by that stop, before it wakes
};

inline bool barrier::awaiter::arrives() noexcept {
    wait_queue& queue = barrier_.queue_;
    wake_list woken;
    bool suspends = false;
    std::uint64_t state = queue.lock();
    WEIR_ASSERT(members_of(state) > 0, "who does not belong to a barrier arrived at it");
    if (arrived_of(state) + 1 == members_of(state)) {
        complete_unpublished();
        queue.claim_all(woken); // keeps R1
        state -= arrived_of(state);
    } else if (publish()) {
        queue.push(*this); // keeps V3
        ++state;
        suspends = true;
    }
    queue.unlock(state);
    // ---- suspended, the coroutine may run elsewhere
    woken.wake_all();
    return suspends;
}

inline void barrier::awaiter::take_back(waiter& self) noexcept {
    auto& mine = static_cast<awaiter&>(self);
    wait_queue& queue = mine.barrier_.queue_;
    std::uint64_t state = queue.lock();
    if (mine.linked()) {
        mine.unlink();
        --state; // keeps R1
    } else {
        mine.counted_ = true; // the last has taken it out
    }
    queue.unlock(state);
}

inline void barrier::leave() noexcept {
    wake_list woken;
    std::uint64_t state = queue_.lock();
    WEIR_ASSERT(arrived_of(state) < members_of(state), "more left a barrier than belonged to it");
    state -= pack(1, 0);
    if (arrived_of(state) == members_of(state)) {
        queue_.claim_all(woken); // keeps R1
        state -= arrived_of(state);
    }
    queue_.unlock(state);
    // ---- the barrier may be gone
    woken.wake_all();
}

} // namespace weir
