// weir/coro/promise.hpp: what the promises of the library's coroutines are made of.
// For:      authors of primitives.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/transfer.hpp>
#include <weir/memory/frame_pool.hpp>

#include <coroutine>
#include <cstddef>
#include <source_location>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// A promise whose frame comes from the thread's frame_pool, and whose start checks the frame.
class pooled_promise {
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
};

// What every coroutine starts with that is awaited by another, or by a scope.
class promise_base : public pooled_promise {
public:
    promise_base() noexcept {}
    std::coroutine_handle<> continuation() const noexcept { return continuation_; }
    context const& current_context() const noexcept { return *context_; }
    void set_context(context const& narrower) noexcept { context_ = &narrower; }
    // `where` the awaiting coroutine does so, for who looks in.
    void awaited_by(std::coroutine_handle<> continuation, context const& inherited,
                    std::source_location where = {}) noexcept {
        continuation_ = continuation;
        context_ = &inherited;
        where_ = where;
    }

private:
    // The first members, at the places where a debugger and await_chain.hpp find the chain of awaiters. Nobody asks for
    // them before awaited_by, so they are not set twice, which every await would pay for.
    union {
        std::coroutine_handle<> continuation_;
    };
    context const* context_;
    union {
        std::source_location where_;
    };
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
    outcome<T> const& end() const noexcept { return outcome_; }

private:
    outcome<T> outcome_;
};

template <>
class value_promise<void> : public promise_base {
public:
    void return_void() noexcept { outcome_.set_value(); }
    void unhandled_exception() noexcept { outcome_.set_current_exception(); }
    void take() { outcome_.take(); }
    outcome<void> const& end() const noexcept { return outcome_; }

private:
    outcome<void> outcome_;
};

} // namespace weir
