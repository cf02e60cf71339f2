// weir/coro/generator.hpp: a function that yields values one at a time, as the range that asks for them.
//     for (int const n : countdown(3)) ...
// Lazy, move-only, iterated once. An exception leaves it at the `begin` or increment that asked for the value.
// Threads:  may move between threads from value to value.
// Cost:     one frame from the thread's frame_pool; a value costs a resume.
// Not:      able to await; see async_generator.hpp. C++23 has std::generator.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/platform.hpp>
#include <weir/coro/promise.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

// For the static_assert that goes with survives_co_yield.
#define WEIR_SAY_YIELD_NAMED                                                                                       \
    "this compiler (GCC before 13) would destroy twice what braces build in a co_yield; yield a named one, or give " \
    "the type a constructor"

namespace weir::inline v0 {

// GCC before 13 destroys twice what is built in braces inside a co_yield. It cannot be told from what was moved there.
template <class T>
inline constexpr bool survives_co_yield =
    !WEIR_GCC_BEFORE_13 || !std::is_aggregate_v<T> || std::is_trivially_destructible_v<T>;

// Yields T&&, which is T& where T is a reference: what is yielded lives in the generator until the next is asked for, and
// may be moved from.
template <class T>
class [[nodiscard]] generator {
public:
    class promise_type;
    class iterator;
    using value_type = std::remove_cvref_t<T>;

    generator(generator&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
    generator& operator=(generator&& other) noexcept {
        generator gone{std::move(*this)};
        handle_ = std::exchange(other.handle_, nullptr);
        return *this;
    }
    // Also in the middle: what the generator holds is destroyed.
    ~generator() {
        if (handle_) handle_.destroy();
    }

    // Runs to the first value.  Needs: not called before.
    iterator begin();
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    using handle = std::coroutine_handle<promise_type>;
    explicit generator(handle coroutine) noexcept : handle_{coroutine} {}

    handle handle_;
};

template <class T>
class generator<T>::promise_type : public pooled_promise {
    // A copy that lives until the generator goes on. It is shown from await_suspend, when it has come to its last place.
    class copy_awaiter {
    public:
        explicit copy_awaiter(value_type const& value) : copy_{value} {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(handle self) const noexcept { self.promise().shown_ = std::addressof(copy_); }
        void await_resume() const noexcept {}

    private:
        value_type copy_;
    };

public:
    generator get_return_object() noexcept { return generator{handle::from_promise(*this)}; }
    start initial_suspend() noexcept { return start{handle::from_promise(*this).address()}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    std::suspend_always yield_value(T&& value) noexcept {
        static_assert(std::is_reference_v<T> || survives_co_yield<T>, WEIR_SAY_YIELD_NAMED);
        shown_ = std::addressof(value);
        return {};
    }
    copy_awaiter yield_value(value_type const& value)
        requires(!std::is_reference_v<T> && std::is_copy_constructible_v<value_type>)
    {
        return copy_awaiter{value};
    }
    void return_void() const noexcept {}
    // Kept for `advance`: were it thrown on from here, clang 19 would destroy the locals again with the frame.
    void unhandled_exception() noexcept {
#if WEIR_EXCEPTIONS
        error_ = std::current_exception();
#endif
    }
    template <class A>
    void await_transform(A&&) = delete; // a generator cannot wait; see async_generator.hpp

    T&& value() const noexcept { return static_cast<T&&>(*const_cast<value_type*>(shown_)); }
    bool begun() const noexcept { return shown_ != nullptr; }
    // Runs to the next value, or the end; throws what the generator threw.
    void advance() {
        handle::from_promise(*this).resume();
#if WEIR_EXCEPTIONS
        if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
#endif
    }

private:
    value_type const* shown_ = nullptr; // in the coroutine's frame while it is suspended at a yield
    std::exception_ptr error_;
};

// An input iterator; its copies would be the same place, so it only moves.
template <class T>
class generator<T>::iterator {
public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = typename generator::value_type;
    using difference_type = std::ptrdiff_t;

    explicit iterator(handle at) noexcept : handle_{at} {}
    iterator(iterator&& other) noexcept : handle_{std::exchange(other.handle_, nullptr)} {}
    iterator& operator=(iterator&& other) noexcept {
        handle_ = std::exchange(other.handle_, nullptr);
        return *this;
    }

    T&& operator*() const noexcept { return handle_.promise().value(); }
    iterator& operator++() {
        handle_.promise().advance();
        return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(iterator const& at, std::default_sentinel_t) noexcept { return at.handle_.done(); }

private:
    handle handle_;
};

template <class T>
auto generator<T>::begin() -> iterator {
    WEIR_ASSERT(handle_, "a generator was iterated that was moved from");
    WEIR_ASSERT(!handle_.promise().begun() && !handle_.done(), "a generator was iterated twice");
    handle_.promise().advance();
    return iterator{handle_};
}

} // namespace weir
