// weir/coro/task.hpp: a computation that starts when it is awaited and gives its awaiter one T, or what it threw.
// Lazy, move-only, awaited once. The awaiting coroutine's context (executor, stop, deadline, priority) is inherited.
// Cost:     one frame from the thread's frame_pool; awaiting allocates nothing and takes no lock.
// Not:      a thread's or a future's work: what nobody awaits never runs. To run tasks side by side use when_all or a scope.
// Source:   L. Baker, "C++ Coroutines: Understanding Symmetric Transfer", 2020.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/transfer.hpp>
#include <weir/memory/frame_pool.hpp>

#include <coroutine>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace weir {

template <class T = void>
class task;

namespace detail {

// What every coroutine of the library starts with.
class promise_base {
public:
    // GCC before 13 puts its own temporary where the resume pointer belongs when a coroutine has no local variable and a
    // condition contains co_await. This notices it in one compare, before the user's code runs.
    class start {
    public:
        explicit start(void* promise_frame) noexcept : promise_frame_{promise_frame} {}
        bool await_ready() const noexcept { return false; }
        void await_suspend([[maybe_unused]] std::coroutine_handle<> self) const noexcept {
#if WEIR_GCC_BEFORE_13
            if (self.address() != promise_frame_)
                WEIR_FATAL("this compiler (GCC before 13) laid a coroutine's frame out wrongly, because it has no local "
                           "variable and a condition contains co_await; write `auto r = co_await x; if (r)` instead");
#endif
        }
        void await_resume() const noexcept {}

    private:
        [[maybe_unused]] void* promise_frame_;
    };

    static void* operator new(std::size_t bytes) { return frame_pool::allocate(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept { frame_pool::deallocate(frame, bytes); }

    std::coroutine_handle<> continuation() const noexcept { return continuation_; }
    context const& current_context() const noexcept { return *context_; }
    void set_context(context const& narrower) noexcept { context_ = &narrower; }
    void awaited_by(std::coroutine_handle<> continuation, context const& inherited) noexcept {
        continuation_ = continuation;
        context_ = &inherited;
    }

private:
    std::coroutine_handle<> continuation_; // the first member, so that a debugger can walk the chain of awaiters
    context const* context_ = nullptr;
};

// Goes on with whoever awaits.
struct final_transfer {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    WEIR_HANDS_OVER std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
        return transfer(self.promise().continuation());
    }
    void await_resume() const noexcept {}
};

template <class T>
class value_promise : public promise_base {
public:
    template <class U = T>
        requires(!std::is_scalar_v<T>)
    void return_value(U&& value) {
        outcome_.set_value(std::forward<U>(value));
    }
    // Converted where it stands, so that a literal of another type is no narrowing.
    void return_value(T value)
        requires std::is_scalar_v<T>
    {
        outcome_.set_value(value);
    }
    void unhandled_exception() noexcept { outcome_.set_current_exception(); }
    T take() { return outcome_.take(); }

private:
    outcome<T> outcome_;
};

template <>
class value_promise<void> : public promise_base {
public:
    void return_void() noexcept { outcome_.set_value(); }
    void unhandled_exception() noexcept { outcome_.set_current_exception(); }
    void take() { outcome_.take(); }

private:
    outcome<void> outcome_;
};

} // namespace detail

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
class task<T>::promise_type : public detail::value_promise<T> {
public:
    task get_return_object() noexcept { return task{handle::from_promise(*this)}; }
    detail::promise_base::start initial_suspend() noexcept {
        return detail::promise_base::start{handle::from_promise(*this).address()};
    }
    detail::final_transfer final_suspend() const noexcept { return {}; }
};

template <class T>
auto task<T>::operator co_await() && noexcept {
    return awaiter{handle_};
}

} // namespace weir
