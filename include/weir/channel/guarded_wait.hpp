// weir/channel/guarded_wait.hpp: a wait for something that a spin lock guards; what every awaiter of a channel stands on.
// For:      authors of primitives.
#pragma once

#include <weir/coro/budget.hpp>
#include <weir/coro/waiter.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/sync/wait_queue.hpp>

#include <coroutine>
#include <utility>

namespace weir::inline v0::detail {

// `Side` has `bool settle(wake_list& woken)`, called under the lock: true when the wait is over before it began, and then
// what was waited for is taken. It is asked twice, before the context is looked at and again before the coroutine is
// linked: what came in between would otherwise be slept through.
// Node: a waiter with more to it, which the other side fills in.
template <class Side, class Node = waiter>
class guarded_wait : public Node {
public:
    bool await_ready() noexcept;
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle,
                                       std::source_location at = std::source_location::current()) noexcept {
        if (!has_) return this->listen(handle, at) && enqueue();
        this->give_way(handle);
        return true;
        // ---- the frame may be gone
    }

protected:
    // In `queue`, guarded by `lock`, wait those who want the same.
    template <class... Args>
    guarded_wait(spin_lock& lock, intrusive_list<Node>& queue, Args&&... args) noexcept
        : Node{&abandon, std::forward<Args>(args)...}, lock_{lock}, queue_{queue} {}

private:
    bool enqueue() noexcept;
    static void abandon(waiter& self) noexcept;
    Side& side() noexcept { return static_cast<Side&>(*this); }

    spin_lock& lock_;
    intrusive_list<Node>& queue_;
    bool has_ = false; // what it wanted, and the others have their turn first
};

template <class Side, class Node>
bool guarded_wait<Side, Node>::await_ready() noexcept {
    bool done = false;
    wake_list woken;
    {
        spin_guard const locked{lock_};
        done = side().settle(woken);
    }
    woken.wake_all();
    if (!done) return false;
    has_ = !turn_budget::spend();
    if (!has_) this->complete_unpublished();
    return !has_;
}

template <class Side, class Node>
bool guarded_wait<Side, Node>::enqueue() noexcept {
    bool suspends = false;
    wake_list woken;
    {
        spin_guard const locked{lock_};
        if (side().settle(woken)) {
            this->complete_unpublished();
        } else if (this->publish()) {
            queue_.push_back(*this); // keeps V3
            suspends = true;
        }
    }
    // ---- suspended, the coroutine may run elsewhere
    woken.wake_all();
    return suspends;
}

// Those behind it wait for the same, which has not come; so nobody else is told.
template <class Side, class Node>
void guarded_wait<Side, Node>::abandon(waiter& self) noexcept {
    auto& leaving = static_cast<guarded_wait&>(self);
    spin_guard const locked{leaving.lock_};
    if (leaving.linked()) leaving.unlink();
}

// Claims all of these whom no stop has, to be woken.  Needs: the lock.
template <class Node>
void claim_all(intrusive_list<Node>& waiting, wake_list& woken) noexcept {
    while (Node* const one = waiting.pop_front())
        if (one->claim()) woken.add(*one);
}

} // namespace weir::detail
