// weir/coro/context.hpp: what a task hands to what it awaits: executor, stop token, deadline, priority, origin.
// Children inherit it by pointer; who narrows it (a scope, a timeout) keeps the narrower one in its own frame.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/current.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/stop.hpp>

#include <algorithm>
#include <chrono>
#include <coroutine>

namespace weir::inline v0 {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using duration = clock::duration;

inline constexpr time_point no_deadline = time_point::max();

class context {
public:
    context() noexcept {}
    explicit context(executor_ref runs_on) noexcept : executor{runs_on} {}

    // The same with another source of stops.
    context with_stop(stop_token token) const noexcept {
        context other{*this};
        other.stop = token;
        return other;
    }
    // The same with the earlier of both deadlines. The deadline informs; who sets one also stops at it.
    context with_deadline(time_point at) const noexcept {
        context other{*this};
        other.deadline = std::min(other.deadline, at);
        return other;
    }

    // Nothing, or why this should end: the reason of a stop, errc::timed_out when the deadline is past.
    // Cost: two loads; a look at the clock where there is a deadline.
    result<void> status() const noexcept {
        if (stop.stop_requested()) return stop.reason();
        if (deadline != no_deadline && clock::now() >= deadline) return errc::timed_out;
        return {};
    }

    executor_ref executor;
    stop_token stop;
    time_point deadline = no_deadline;
    weir::priority priority = weir::priority::normal;
    void const* origin = nullptr; // the flight or batch that this is done for, so that it is known when it asks for itself
};

// A promise that carries a context.
template <class Promise>
concept contextual = requires(Promise& promise, context const& other) {
    { promise.current_context() } -> std::same_as<context const&>;
    promise.set_context(other);
};

namespace detail {

// For coroutine types of others: what the thread they run on offers.
WEIR_NOINLINE inline context const& thread_context() noexcept {
    context const* const here = current<context const>();
    if (!here) WEIR_FATAL("a coroutine that is no weir::task awaited on a thread that belongs to no executor");
    return *here;
}

} // namespace detail

template <class Promise>
context const& context_of(std::coroutine_handle<Promise> handle) noexcept {
    if constexpr (contextual<Promise>) return handle.promise().current_context();
    else return detail::thread_context();
}

// `context const& here = co_await this_task();`  Never suspends.
// The reference holds for as long as the coroutine that asked; in an async_generator until its next co_yield.
class [[nodiscard]] this_task {
public:
    this_task() noexcept {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
        context_ = &context_of(handle);
        return false;
    }
    context const& await_resume() const noexcept { return *context_; }

private:
    context const* context_ = nullptr;
};

// `auto const self = co_await this_coroutine();` gives the handle of who asks; for authors of combinators.
// Never suspends.
class [[nodiscard]] this_coroutine {
public:
    this_coroutine() noexcept {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> handle) noexcept {
        handle_ = handle;
        return false;
    }
    std::coroutine_handle<> await_resume() const noexcept { return handle_; }

private:
    std::coroutine_handle<> handle_;
};

// `co_await use_context(narrower);` gives what the coroutine awaits from here on another context; for authors of
// combinators.  Needs: `narrower` to live until the coroutine ends or uses another.  Never suspends.
class [[nodiscard]] use_context {
public:
    explicit use_context(context const& narrower) noexcept : context_{narrower} {}
    bool await_ready() const noexcept { return false; }
    template <contextual Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
        handle.promise().set_context(context_);
        return false;
    }
    void await_resume() const noexcept {}

private:
    context const& context_;
};

} // namespace weir
