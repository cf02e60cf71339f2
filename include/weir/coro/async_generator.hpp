// weir/coro/async_generator.hpp: a coroutine that yields values and may wait in between.
//     for (auto* row = co_await rows.next(); row; row = co_await rows.next()) use(*row);
// Lazy and move-only. It runs only while somebody awaits `next`, and then as a part of that: in the awaiter's context,
// with its stop and deadline. The next one to ask may have another, so nothing that refers to the context may stand
// across a co_yield: no reference from this_task, and no scope.
// Cost:     one frame from the thread's frame_pool; a value costs two transfers and takes no lock.
// Not:      concurrent with its consumer; a channel is, between two tasks. Nor a place for clean-up that must wait: who
//           drops a generator in the middle destroys it where it stands.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/coro/generator.hpp>
#include <weir/coro/promise.hpp>
#include <weir/coro/transfer.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// Threads: one consumer at a time.
template <class T>
class [[nodiscard]] async_generator {
    static_assert(std::is_object_v<T>, "an async_generator yields values; yield pointers to what lies elsewhere");

    class advance;

public:
    class promise_type;
    using value_type = T;

    async_generator(async_generator&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
    async_generator& operator=(async_generator&& other) noexcept {
        async_generator gone{std::move(*this)};
        handle_ = std::exchange(other.handle_, nullptr);
        return *this;
    }
    // Needs: no `next` under way.
    ~async_generator() {
        if (handle_) handle_.destroy();
    }

    // Returns: T*, the next value, which lies in the generator until it is asked again, and may be moved from; null at
    //          the end, and from then on.
    // Errors:  what the generator throws, once; it is then at its end.
    // Cancel:  reaches what the generator waits for; what it makes of that is its own affair. A value that it yields all
    //          the same is given.
    advance next() noexcept {
        WEIR_ASSERT(handle_, "a generator was asked that was moved from");
        return advance{handle_};
    }

private:
    using handle = std::coroutine_handle<promise_type>;
    explicit async_generator(handle coroutine) noexcept : handle_{coroutine} {}

    handle handle_;
};

template <class T>
class async_generator<T>::promise_type : public promise_base {
    // Shows the copy from await_suspend, when it has come to its last place.
    class copy_awaiter : public final_transfer {
    public:
        explicit copy_awaiter(T const& value) : copy_{value} {}
        WEIR_HANDS_OVER std::coroutine_handle<> await_suspend(handle self) noexcept {
            self.promise().shown_ = std::addressof(copy_);
            return final_transfer::await_suspend(self);
        }

    private:
        T copy_;
    };

public:
    async_generator get_return_object() noexcept { return async_generator{handle::from_promise(*this)}; }
    start initial_suspend() noexcept { return start{handle::from_promise(*this).address()}; }
    final_transfer final_suspend() noexcept {
        shown_ = nullptr;
        return {};
    }
    // The value lives in the expression of the co_yield, until the generator goes on.
    final_transfer yield_value(T&& value) noexcept {
        static_assert(survives_co_yield<T>, WEIR_SAY_YIELD_NAMED);
        shown_ = std::addressof(value);
        return {};
    }
    // A copy of it, which does too.
    copy_awaiter yield_value(T const& value)
        requires std::is_copy_constructible_v<T>
    {
        return copy_awaiter{value};
    }
    void return_void() const noexcept {}
    void unhandled_exception() noexcept {
#if WEIR_EXCEPTIONS
        error_ = std::current_exception();
#endif
    }

    // What was yielded, null at the end; or throws what the generator threw, once.
    T* take() {
#if WEIR_EXCEPTIONS
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
#endif
        return shown_;
    }

private:
    T* shown_ = nullptr;
    std::exception_ptr error_;
};

template <class T>
class [[nodiscard]] async_generator<T>::advance {
public:
    explicit advance(handle generator) noexcept : generator_{generator} {}
    bool await_ready() const noexcept { return generator_.done(); }
    template <class Promise>
    WEIR_HANDS_OVER std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> consumer) noexcept {
        generator_.promise().awaited_by(consumer, context_of(consumer));
        return transfer(generator_);
    }
    T* await_resume() { return generator_.promise().take(); }

private:
    handle generator_;
};

} // namespace weir
