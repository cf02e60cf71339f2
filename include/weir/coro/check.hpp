// weir/coro/check.hpp: ends a task that was stopped or is overdue, in the middle of work that does not wait.
#pragma once

#include <weir/base/result.hpp>
#include <weir/coro/context.hpp>

#include <coroutine>

namespace weir::inline v0 {

// `co_await check();`  Never suspends.
// Errors: throws std::system_error with the reason of a stop, or errc::timed_out once the deadline of the context is
//         past, be it that no timer has come to stop the task yet. Without exceptions that ends the program: there ask
//         `(co_await this_task()).status()`, which gives the same as a result.
// Cost:   two loads; a look at the clock where there is a deadline.
class [[nodiscard]] check {
public:
    check() noexcept {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
        context_ = &context_of(handle);
        return false; // in the same turn: who must also give way to others awaits yield
    }
    void await_resume() const {
        if (auto const status = context_->status(); !status) throw_error(status.error());
    }

private:
    context const* context_ = nullptr;
};

} // namespace weir
