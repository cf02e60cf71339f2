// weir/coro/task.hpp: a computation that starts when it is awaited and gives its awaiter one T, or what it threw.
// Lazy, move-only, awaited once. The awaiting coroutine's context (executor, stop, deadline, priority) is inherited.
// Cost:     one frame from the thread's frame_pool; awaiting allocates nothing and takes no lock.
// Not:      a thread's or a future's work: what nobody awaits never runs. To run tasks side by side use when_all or a scope.
// Source:   L. Baker, "C++ Coroutines: Understanding Symmetric Transfer", 2020.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/promise.hpp>
#include <weir/coro/transfer.hpp>

#include <coroutine>
#include <utility>

namespace weir {

template <class T = void>
class task;

template <class T>
class [[nodiscard]] WEIR_AWAIT_ELIDABLE task {
public:
    class promise_type;
    using value_type = T;

    task(task&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
    task& operator=(task&& other) noexcept {
        task gone{std::move(*this)};
        handle_ = std::exchange(other.handle_, nullptr);
        return *this;
    }
    ~task() {
        if (handle_) handle_.destroy();
    }

    // False once moved from.
    bool valid() const noexcept { return static_cast<bool>(handle_); }

    // Runs the task in the awaiter's context and gives its value, or throws what it threw.
    // Cancel: a stop is passed on to what the task waits for; the task itself always ends before its awaiter goes on.
    auto operator co_await() && noexcept;

private:
    using handle = std::coroutine_handle<promise_type>;
    explicit task(handle coroutine) noexcept : handle_{coroutine} {}

    class awaiter {
    public:
        explicit awaiter(handle child) noexcept : child_{child} {}
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        WEIR_HANDS_OVER std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) noexcept {
            WEIR_ASSERT(child_, "a task was awaited that was moved from");
            child_.promise().awaited_by(parent, context_of(parent));
            return transfer(child_);
        }
        T await_resume() { return child_.promise().take(); }

    private:
        handle child_;
    };

    handle handle_;
};

template <class T>
class task<T>::promise_type : public value_promise<T> {
public:
    task get_return_object() noexcept { return task{handle::from_promise(*this)}; }
    promise_base::start initial_suspend() noexcept {
        return promise_base::start{handle::from_promise(*this).address()};
    }
    final_transfer final_suspend() const noexcept { return {}; }
};

template <class T>
auto task<T>::operator co_await() && noexcept {
    return awaiter{handle_};
}

} // namespace weir
