// weir/sync/latch.hpp: a gate that opens, for good, once a number of things have happened.
// Progress: count_down is one compare-and-swap, but for the last, which holds a spin lock for a few instructions.
// Not:      reusable; see barrier.hpp. Nor a gate that closes again; see event.hpp.
#pragma once

#include <weir/sync/queue_awaiter.hpp>

#include <cstddef>
#include <cstdint>

namespace weir::inline v0 {

// Threads: any, for every function.
class latch : immovable {
    class awaiter;

public:
    // The largest count there may be.
    static constexpr std::uint64_t most = ~std::uint64_t{0} >> 1;

    // Needs: count <= most. Of 0 it is open from the beginning.
    explicit latch(std::size_t count) noexcept : queue_{count} {
        WEIR_ASSERT(count <= most, "a latch with too large a count");
    }

    // Lowers the count by `n`; at zero it wakes all who wait. Resumes nobody inside the call.
    // Needs: n at most what is left.
    // Who has seen the latch open may end it, although count_down has not returned, once every other wait has ended.
    void count_down(std::size_t n = 1) noexcept;
    // Whether it is open.
    bool try_wait() const noexcept { return queue_.peek() == 0; }

    // Returns: result<void>; at once when the latch is open.
    // Cancel: leaves the queue; the count is untouched.
    operation<awaiter, latch&> wait() noexcept { return operation<awaiter, latch&>{*this}; }

private:
    wait_queue queue_; // the state is what is left of the count; L1: at zero nobody waits
};

class latch::awaiter : public queue_awaiter<awaiter, void> {
public:
    explicit awaiter(latch& of) noexcept : queue_awaiter{of.queue_} {}

    bool try_now() const noexcept { return queue().peek() == 0; }
    bool take(std::uint64_t& left) const noexcept { return left == 0; }
    void waits(std::uint64_t&) const noexcept {}
};

inline void latch::count_down(std::size_t n) noexcept {
    std::uint64_t left = queue_.peek();
    while (n < left)
        if (queue_.try_change(left, left - n)) return;
    wake_list woken;
    left = queue_.lock();
    WEIR_ASSERT(n <= left, "a latch was counted down below zero");
    left -= n;
    if (left == 0) queue_.claim_all(woken);
    queue_.unlock(left);
    // ---- the latch may be gone
    woken.wake_all();
}

} // namespace weir
