// weir/base/result.hpp: a value, or the std::error_code that says why there is none.
// Not:      for a programmer's error (WEIR_ASSERT) nor for what the user's own code throws (carried to the co_await).
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/errc.hpp>
#include <weir/base/slot.hpp>

#include <system_error>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// Throws std::system_error where there are exceptions, and ends the program where there are none.
[[noreturn]] WEIR_COLD inline void throw_error(std::error_code error) {
#if WEIR_EXCEPTIONS
    throw std::system_error(error);
#else
    std::fprintf(stderr, "weir: %s\n", error.message().c_str());
    WEIR_FATAL("the value of a failed result was asked for");
#endif
}

namespace detail {

// An error that may be none. The empty std::error_code asks for its category by a call, which a result that holds a value
// does not pay.
class kept_error {
public:
    kept_error() noexcept {}
    kept_error(std::error_code error) noexcept : value_{error.value()}, category_{&error.category()} {}

    explicit operator bool() const noexcept { return value_ != 0; }
    std::error_code code() const noexcept {
        return category_ ? std::error_code{value_, *category_} : std::error_code{};
    }

private:
    int value_ = 0;
    std::error_category const* category_ = nullptr; // null: none was ever given
};

} // namespace detail

template <class T>
class [[nodiscard]] result {
    static_assert(!std::is_reference_v<T>, "a result holds a value; use a pointer for a reference");

public:
    using value_type = T;

    template <class U = T>
        requires(std::is_constructible_v<T, U &&> && !std::is_same_v<std::remove_cvref_t<U>, result> &&
                 !std::is_convertible_v<U &&, std::error_code>)
    explicit(!std::is_convertible_v<U&&, T>) result(U&& value) : has_value_{true} {
        value_.construct(std::forward<U>(value));
    }
    result(std::error_code error) noexcept : error_{error}, has_value_{false} {
        WEIR_ASSERT(error, "a result was made of an error that is none");
    }
    result(errc error) noexcept : result(make_error_code(error)) {}

    result(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
        : error_{other.error_}, has_value_{other.has_value_} {
        if (has_value_) value_.construct(std::move(other.value_.value()));
    }
    result(result const& other)
        requires std::is_copy_constructible_v<T>
        : error_{other.error_}, has_value_{other.has_value_} {
        if (has_value_) value_.construct(other.value_.value());
    }
    result& operator=(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
        if (this == &other) return *this;
        reset();
        error_ = make_error_code(errc::cancelled); // what stays when the move below throws
        if (other.has_value_) value_.construct(std::move(other.value_.value()));
        error_ = other.error_;
        has_value_ = other.has_value_;
        return *this;
    }
    result& operator=(result const& other)
        requires std::is_copy_constructible_v<T>
    {
        return *this = result(other);
    }
    ~result() { reset(); }

    bool has_value() const noexcept { return has_value_; }
    explicit operator bool() const noexcept { return has_value_; }
    // The empty code when there is a value.
    std::error_code error() const noexcept { return error_.code(); }

    // Needs: has_value().
    T& operator*() & noexcept { return checked(); }
    T const& operator*() const& noexcept { return const_cast<result*>(this)->checked(); }
    T&& operator*() && noexcept { return std::move(checked()); }
    T* operator->() noexcept { return &checked(); }
    T const* operator->() const noexcept { return &const_cast<result*>(this)->checked(); }

    // The value; where there is none, throws std::system_error (ends the program without exceptions).
    T& value() & {
        if (!has_value_) throw_error(error_.code());
        return value_.value();
    }
    T const& value() const& { return const_cast<result*>(this)->value(); }
    T&& value() && {
        if (!has_value_) throw_error(error_.code());
        return std::move(value_.value());
    }
    template <class U>
    T value_or(U&& otherwise) && {
        return has_value_ ? std::move(value_.value()) : static_cast<T>(std::forward<U>(otherwise));
    }

private:
    T& checked() noexcept {
        WEIR_ASSERT(has_value_, "the value of a failed result was asked for");
        return value_.value();
    }
    void reset() noexcept {
        if (has_value_) value_.destroy();
        has_value_ = false;
    }

    slot<T> value_;
    detail::kept_error error_;
    bool has_value_;
};

template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() = default;
    result(std::error_code error) noexcept : error_{error} {}
    result(errc error) noexcept : error_{make_error_code(error)} {}

    bool has_value() const noexcept { return !error_; }
    explicit operator bool() const noexcept { return has_value(); }
    std::error_code error() const noexcept { return error_.code(); }
    void operator*() const noexcept { WEIR_ASSERT(has_value(), "the value of a failed result was asked for"); }
    void value() const {
        if (error_) throw_error(error_.code());
    }

private:
    detail::kept_error error_;
};

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;

} // namespace weir
