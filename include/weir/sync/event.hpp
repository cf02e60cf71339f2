// weir/sync/event.hpp: a flag that coroutines wait for; it stays up until it is taken down.
// Progress: set and reset hold a spin lock for a few instructions; wait on a raised event takes none.
// Not:      a queue of signals: ten sets before one wait are one.
#pragma once

#include <weir/sync/queue_awaiter.hpp>

namespace weir::inline v0 {

// Threads: any, for every function.
class event : immovable {
    class awaiter;

public:
    explicit event(bool is_raised = false) noexcept : queue_{is_raised ? raised : lowered} {}

    bool is_set() const noexcept { return queue_.peek() == raised; }

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

class event::awaiter : public queue_awaiter<awaiter, void> {
public:
    explicit awaiter(event& of) noexcept : queue_awaiter{of.queue_} {}

    bool try_now() const noexcept { return queue().peek() == raised; }
    bool take(std::uint64_t& state) const noexcept { return state == raised; }
    void waits(std::uint64_t&) const noexcept {}
};

inline void event::set() noexcept {
    wake_list woken;
    queue_.lock();
    queue_.claim_all(woken);
    queue_.unlock(raised);
    // ---- the event may be gone
    woken.wake_all();
}

} // namespace weir
