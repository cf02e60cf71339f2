// weir/coro/concepts.hpp: what can stand behind co_await, and what comes out of it.
#pragma once

#include <weir/base/platform.hpp>

#include <concepts>
#include <coroutine>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

template <class T>
concept awaiter = requires(T& t) {
    { t.await_ready() } -> std::convertible_to<bool>;
    t.await_resume();
};

namespace detail {

template <class T>
concept has_member_co_await = requires(T&& t) { std::forward<T>(t).operator co_await(); };
template <class T>
concept has_free_co_await = requires(T&& t) { operator co_await(std::forward<T>(t)); };

template <class T>
decltype(auto) get_awaiter(T&& t) {
    if constexpr (has_member_co_await<T>) return std::forward<T>(t).operator co_await();
    else if constexpr (has_free_co_await<T>) return operator co_await(std::forward<T>(t));
    else return std::forward<T>(t);
}

} // namespace detail

template <class T>
concept awaitable = detail::has_member_co_await<T> || detail::has_free_co_await<T> || awaiter<T>;

// The type of `co_await std::declval<T>()`.
template <awaitable T>
using await_result_t = decltype(detail::get_awaiter(std::declval<T>()).await_resume());

// GCC before 13 destroys twice what a capturing lambda holds when the lambda stands inside an await expression. Functions
// that take a callable there refuse it on those compilers, unless destroying it does nothing.
template <class F>
inline constexpr bool survives_await_expression =
    !WEIR_GCC_BEFORE_13 || std::is_lvalue_reference_v<F> || std::is_trivially_destructible_v<std::remove_reference_t<F>>;

} // namespace weir

// For the static_assert that goes with it.
#define WEIR_SAY_PASS_ARGUMENTS                                                                                            \
    "this compiler (GCC before 13) would destroy the callable's captures twice; pass them as arguments instead: f(fn, args...)"
