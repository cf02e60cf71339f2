// weir/coro/task.hpp: a computation that starts when it is awaited and gives its awaiter one T, or what it threw.
// Lazy, move-only, awaited once. The awaiting coroutine's context (executor, stop, deadline, priority) is inherited.
// Cost:     one frame from the thread's frame_pool; awaiting allocates nothing and takes no lock.
// Not:      a thread's or a future's work: what nobody awaits never runs. To run tasks side by side use when_all or a scope.
// Source:   L. Baker, "C++ Coroutines: Understanding Symmetric Transfer", 2020.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/joint.hpp>
#include <weir/coro/promise.hpp>
#include <weir/coro/transfer.hpp>

#include <coroutine>
#include <source_location>
#include <utility>

namespace weir::inline v0 {

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

    // For authors of combinators: the coroutine, which stays the task's, and which is the caller's from now on.
    std::coroutine_handle<promise_type> coroutine() const noexcept { return handle_; }
    std::coroutine_handle<promise_type> release() noexcept { return std::exchange(handle_, nullptr); }

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
        WEIR_HANDS_OVER std::coroutine_handle<> await_suspend(
            std::coroutine_handle<Promise> parent,
            std::source_location where = std::source_location::current()) noexcept {
            WEIR_ASSERT(child_, "a task was awaited that was moved from");
            child_.promise().awaited_by(parent, context_of(parent), where);
            return transfer(child_);
        }
        T await_resume() { return child_.promise().take(); }

    private:
        handle child_;
    };

    handle handle_;
};

template <class T>
class task<T>::promise_type : public value_promise<T>, public job {
    struct finish {
        bool await_ready() const noexcept { return false; }
        WEIR_HANDS_OVER std::coroutine_handle<> await_suspend(handle self) const noexcept {
            promise_type& ended = self.promise();
            if (ended.joint_) return transfer(ended.joint_->end_of(ended));
            return transfer(ended.continuation());
        }
        void await_resume() const noexcept {}
    };

public:
    promise_type() noexcept
        : job{[](job& self) noexcept { handle::from_promise(static_cast<promise_type&>(self)).resume(); }} {}

    task get_return_object() noexcept { return task{handle::from_promise(*this)}; }
    promise_base::start initial_suspend() noexcept {
        return promise_base::start{handle::from_promise(*this).address()};
    }
    finish final_suspend() const noexcept { return {}; }

    // In the place of awaited_by, for one of several: `at` is told of its end. Until it starts it may be queued, as the
    // job that it is.
    void ends_at(joint& at, std::coroutine_handle<> continuation, context const& inherited,
                 std::source_location where = {}) noexcept {
        this->awaited_by(continuation, inherited, where);
        joint_ = &at;
    }

    joint* ending() const noexcept { return joint_; }
    using job::run_with; // for a joint that queues the frame to be freed

private:
    joint* joint_ = nullptr;
};

template <class T>
auto task<T>::operator co_await() && noexcept {
    return awaiter{handle_};
}

} // namespace weir
