// weir/sync/wait_queue.hpp: the state of a primitive and those who wait for it, behind one lock bit; what each stands on.
// The lock is bit 0 of the word that holds the state, so that the new state becomes visible by the very store that
// releases the lock. That store is the last touch: who sees the new state may destroy the primitive at once, unless another
// coroutine waits for it still, or is being stopped from that.
// For:      authors of primitives.
#pragma once

#include <weir/coro/waiter.hpp>
#include <weir/cpu/pause.hpp>

#include <cstdint>

namespace weir::inline v0 {

// Claimed waiters, to be woken once the lock is released.
class wake_list : immovable {
public:
    ~wake_list() { WEIR_ASSERT(claimed_.empty(), "claimed waiters were not woken"); }
    void add(waiter& one) noexcept { claimed_.push_back(one); }
    void wake_all() noexcept {
        while (job* const one = claimed_.pop_front()) static_cast<waiter*>(one)->wake();
    }

private:
    intrusive_fifo<job> claimed_; // through job::next, which belongs to no queue until the wake
};

// Q1: a linked waiter is in phase waiting, or a stop has just claimed it and is on its way to take it out.
// Q2: while locked, the word and the list belong to who holds the lock.
class wait_queue : immovable {
public:
    explicit wait_queue(std::uint64_t state) noexcept : word_{state << 1} {}
    ~wait_queue() { WEIR_ASSERT(waiters_.empty(), "a primitive died while coroutines wait for it"); }

    // The state as it was a moment ago; a locked one counts as what it was before.
    std::uint64_t peek() const noexcept { return word_.load(acquire) >> 1; } // [state]
    // Changes the state in one step. False, with the state as it is, when it is another; spins past a holder of the lock.
    bool try_change(std::uint64_t& expected, std::uint64_t desired) noexcept;
    // Adds to the state in one step, modulo 2^63, if it has none of the bits of `unless` and is at least `least`. False,
    // when it is otherwise; spins past a holder of the lock.
    bool try_add(std::uint64_t change, std::uint64_t unless, std::uint64_t least) noexcept;

    // The state, which is the caller's until unlock.
    std::uint64_t lock() noexcept;
    // The last touch of the queue.
    void unlock(std::uint64_t state) noexcept { word_.store(state << 1, release); } // [state]

    // For a stop: takes `one` out if it is still linked.
    void remove(waiter& one) noexcept {
        std::uint64_t const state = lock();
        if (one.linked()) one.unlink();
        unlock(state);
    }

    // The rest under the lock.
    bool empty() const noexcept { return waiters_.empty(); }
    waiter* front() noexcept { return waiters_.front(); }
    // Links one for which publish has just succeeded, or that has been in another list under this lock ever since.
    void push(waiter& one) noexcept { waiters_.push_back(one); }
    // Takes out the first that no stop has claimed, claimed for the caller; null when there is none.
    waiter* pop_claimed() noexcept {
        while (waiter* const one = waiters_.pop_front())
            if (one->claim()) return one;
        return nullptr;
    }
    // All of these, to be woken.
    void claim_all(wake_list& woken) noexcept {
        while (waiter* const one = pop_claimed()) woken.add(*one);
    }

private:
    static constexpr std::uint64_t locked = 1;
    atomic<std::uint64_t> word_; // the state in the upper 63 bits; bit 0 is the lock
    intrusive_list<waiter> waiters_;
};

inline bool wait_queue::try_change(std::uint64_t& expected, std::uint64_t desired) noexcept {
    backoff wait;
    for (;;) {
        std::uint64_t now = expected << 1;
        // A failure is a hint: who acts on it changes the word or takes the lock, and both acquire.
        if (word_.compare_exchange_weak(now, desired << 1, acq_rel, relaxed)) return true; // [state]
        if (now == (expected << 1)) continue; // failed for no reason
        if (!(now & locked)) {
            expected = now >> 1;
            return false;
        }
        wait();
    }
}

inline bool wait_queue::try_add(std::uint64_t change, std::uint64_t unless, std::uint64_t least) noexcept {
    backoff wait;
    std::uint64_t now = word_.load(relaxed); // the exchange orders, or a lock that is taken instead
    // The word is left as it is, lock bit and all: each shift would stand between its load and the exchange.
    while (!(now & (unless << 1)) && now >= (least << 1)) {
        if (now & locked) {
            wait();
            now = word_.load(relaxed); // the same
        } else if (word_.compare_exchange_weak(now, now + (change << 1), acq_rel, relaxed)) { // [state]
            return true;
        }
    }
    return false;
}

inline std::uint64_t wait_queue::lock() noexcept {
    backoff wait;
    std::uint64_t now = word_.load(relaxed); // the exchange orders
    for (;;) {
        if (!(now & locked) && word_.compare_exchange_weak(now, now | locked, acquire, relaxed)) return now >> 1; // [state]
        if (now & locked) {
            wait();
            now = word_.load(relaxed); // the same
        }
    }
}

} // namespace weir
