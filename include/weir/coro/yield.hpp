// weir/coro/yield.hpp: gives way to everything else that is ready on this executor.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/shared_priority.hpp>

#include <coroutine>

namespace weir::inline v0 {

namespace detail {

class yield_awaiter : immovable {
public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    WEIR_HANDS_OVER void await_suspend(std::coroutine_handle<Promise> handle) noexcept {
        turn_.resumes(handle);
        executor_of(context_of(handle)).post_last(turn_);
        // ---- the coroutine may run elsewhere
    }
    void await_resume() const noexcept {}

private:
    resume_job turn_;
};

} // namespace detail

// `co_await yield();`  Cancel: has no effect, the wait is short.  Cost: no allocation.
class [[nodiscard]] yield {
public:
    yield() noexcept {}
    detail::yield_awaiter operator co_await() const noexcept { return {}; }
};

} // namespace weir
