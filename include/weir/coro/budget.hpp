// weir/coro/budget.hpp: how many operations one turn of a worker may do before it gives way.
// A task whose every await is ready at once never suspends by itself, and would keep its worker for ever. The worker
// fills the budget of its thread before each turn; who completes at once spends of it, and yields when it is used up: locks,
// permits, events and channels do. Operations of the kernel that succeed at once are counted by their driver.
// Source:   C. Lerche, "Reducing tail latencies with automatic cooperative task yielding" (Tokio), 2020.
#pragma once

#include <weir/base/thread_words.hpp>
#include <weir/coro/yield.hpp>

#include <coroutine>

namespace weir::inline v0 {

class turn_budget {
public:
    static constexpr unsigned operations = 256;

    void refill() noexcept { left_ = operations; }
    // False when the turn should end; true for ever on threads that have no budget.
    // For authors of primitives, at the place where one completes without a wait.  Cost: a load, a compare and a store.
    static bool spend() noexcept {
        auto* const mine = static_cast<turn_budget*>(get_thread_word<thread_word::turn_budget>());
        if (!mine) return true;
        if (mine->left_ == 0) return false;
        --mine->left_;
        return true;
    }

private:
    unsigned left_ = operations;
};

// `co_await checkpoint();`  Goes on at once while the turn's budget lasts, and else yields: for loops that may run long.
// Cancel: has no effect, the wait is short.  Cost: as turn_budget::spend; a turn of the executor once in 256.
class [[nodiscard]] checkpoint {
    class awaiter : public detail::yield_awaiter {
    public:
        bool await_ready() const noexcept { return turn_budget::spend(); }
    };

public:
    checkpoint() noexcept {}
    awaiter operator co_await() const noexcept { return {}; }
};

} // namespace weir
