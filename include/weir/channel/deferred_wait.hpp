// weir/channel/deferred_wait.hpp: an awaiter that makes its waiter only when it has to wait.
// A waiter is some twenty words to write, and most awaits at a busy channel find what they want.
// For:      authors of primitives.
#pragma once

#include <weir/base/platform.hpp>
#include <weir/coro/budget.hpp>

#include <coroutine>
#include <optional>
#include <utility>

namespace weir::inline v0::detail {

// Attempt: what is known before the wait.
//   bool attempt()                          true when the wait is not needed
//   void prepare(std::optional<wait>&)      makes the wait, an awaiter whose await_suspend looks once more
//   conclude(), conclude(wait&)             the outcome without a wait, and with one that has ended
// Wait: what `prepare` makes.
template <class Attempt, class Wait>
class deferred_wait {
public:
    template <class... Args>
    explicit deferred_wait(Args&&... args) noexcept : attempt_{std::forward<Args>(args)...} {}

    bool await_ready() noexcept {
        if (!attempt_.attempt()) return false;
        if (turn_budget::spend()) return true;
        turn_.emplace();
        return false;
    }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
        if (turn_) {
            turn_->await_suspend(handle);
            return true;
        }
        attempt_.prepare(wait_);
        return wait_->await_suspend(handle);
    }
    auto await_resume() noexcept { return wait_ ? attempt_.conclude(*wait_) : attempt_.conclude(); }

private:
    Attempt attempt_;
    std::optional<Wait> wait_;
    std::optional<yield_awaiter> turn_; // it has what it wanted, and the others have their turn first
};

} // namespace weir::detail
