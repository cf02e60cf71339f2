// tests/support/started.hpp: an awaitable that a test has started, to look at while it goes on.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/transfer.hpp>

#include <coroutine>
#include <exception>
#include <thread>
#include <type_traits>
#include <utility>

namespace weir::test {

// Starts `awaited` inside the constructor, on this thread, up to its first suspension.
// Needs: to be done before it dies.
template <awaitable A>
class started : immovable {
    using value = await_result_t<A>;
    class root;

public:
    started(A awaited, context const& where) : where_{where}, root_{run(std::move(awaited), *this)} {
        root_.begin(where_);
    }

    bool done() const noexcept { return done_.load(acquire); } // [done]
    // Gives way to other threads until it is done.
    void wait() const noexcept {
        while (!done()) std::this_thread::yield();
    }
    // Needs: done().
    value take() { return outcome_.take(); }

private:
    static root run(A awaited, started& self) {
        try {
            if constexpr (std::is_void_v<value>) {
                co_await std::move(awaited);
                self.outcome_.set_value();
            } else {
                self.outcome_.set_value(co_await std::move(awaited));
            }
        } catch (...) {
            self.outcome_.set_current_exception();
        }
    }

    context const where_;
    outcome<value> outcome_;
    atomic<bool> done_{false};
    root root_;
};

template <awaitable A>
class started<A>::root {
public:
    class promise_type {
        struct finish {
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
                self.promise().of_.done_.store(true, release); // [done]
                // ---- the frame may be gone
            }
            void await_resume() const noexcept {}
        };

    public:
        promise_type(A&, started& of) noexcept : of_{of} {}
        root get_return_object() noexcept { return root{std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        finish final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
        context const& current_context() const noexcept { return *context_; }
        void set_context(context const& where) noexcept { context_ = &where; }

    private:
        started& of_;
        context const* context_ = nullptr;
    };

    explicit root(std::coroutine_handle<promise_type> handle) noexcept : handle_{handle} {}
    root(root const&) = delete;
    root& operator=(root const&) = delete;
    ~root() { handle_.destroy(); }
    void begin(context const& where) {
        handle_.promise().set_context(where);
        resume(handle_);
    }

private:
    std::coroutine_handle<promise_type> handle_;
};

template <awaitable A>
started(A, context const&) -> started<A>;

} // namespace weir::test
