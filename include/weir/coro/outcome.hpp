// weir/coro/outcome.hpp: how a computation ended: with a value, with an exception, or not yet.
// Not:      a result, which says what a caller must expect; an outcome also keeps what the user's code threw.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/platform.hpp>

#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <variant>

namespace weir::inline v0 {

// What a void becomes among values.
template <class T>
using value_or_monostate = std::conditional_t<std::is_void_v<T>, std::monostate, std::decay_t<T>>;

template <class T>
class outcome {
    // What is stored: the value itself, a pointer for a reference, nothing for void.
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate,
                                      std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>>;

public:
    outcome() noexcept {}
    outcome(outcome&& other) noexcept(std::is_nothrow_move_constructible_v<stored>) { take_over(std::move(other)); }
    ~outcome() {
        if (state_ == state::value) std::destroy_at(std::addressof(value_));
        else if (state_ == state::error) std::destroy_at(&error_);
    }

    template <class U>
        requires(!std::is_void_v<T>)
    void set_value(U&& value) {
        WEIR_ASSERT(state_ == state::none, "an outcome was set twice");
        if constexpr (std::is_reference_v<T>) construct(value_, std::addressof(value));
        else construct(value_, std::forward<U>(value));
        state_ = state::value;
    }
    void set_value() noexcept
        requires std::is_void_v<T>
    {
        construct(value_);
        state_ = state::value;
    }
    // Keeps the exception in flight.  Needs: to be called in a handler.
    void set_current_exception() noexcept {
#if WEIR_EXCEPTIONS
        set_error(std::current_exception());
#else
        WEIR_FATAL("an exception in a build without exceptions");
#endif
    }
    void set_error(std::exception_ptr error) noexcept {
        WEIR_ASSERT(state_ == state::none, "an outcome was set twice");
        construct(error_, std::move(error));
        state_ = state::error;
    }

    // Moves what the other holds.  Needs: nothing held so far.
    void take_over(outcome&& other) noexcept(std::is_nothrow_move_constructible_v<stored>) {
        WEIR_ASSERT(state_ == state::none, "an outcome was set twice");
        if (other.state_ == state::value) construct(value_, std::move(other.value_));
        else if (other.state_ == state::error) construct(error_, std::move(other.error_));
        state_ = other.state_;
    }

    bool ready() const noexcept { return state_ != state::none; }
    bool failed() const noexcept { return state_ == state::error; }
    // Needs: failed().
    std::exception_ptr const& error() const noexcept { return error_; }

    // The value moved out, or the exception thrown again.  Needs: ready().
    T take() {
        WEIR_ASSERT(ready(), "the outcome of something unfinished was asked for");
        if (state_ == state::error) rethrow();
        if constexpr (std::is_reference_v<T>) return static_cast<T>(*value_);
        else if constexpr (!std::is_void_v<T>) return std::move(value_);
    }

private:
    [[noreturn]] WEIR_COLD void rethrow() const {
#if WEIR_EXCEPTIONS
        std::rethrow_exception(error_);
#else
        WEIR_FATAL("an exception in a build without exceptions");
#endif
    }

    template <class Member, class... Args>
    static void construct(Member& place, Args&&... args) noexcept(std::is_nothrow_constructible_v<Member, Args...>) {
        ::new (static_cast<void*>(std::addressof(place))) Member(std::forward<Args>(args)...);
    }

    enum class state : unsigned char { none, value, error };
    // The one that state_ says is alive.
    union {
        stored value_;
        std::exception_ptr error_;
    };
    state state_ = state::none;
};

} // namespace weir
