// tests/unit/coro/concepts.cpp: what can be awaited, and what comes out of it.
#include <weir/coro/concepts.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <type_traits>

namespace {

struct direct {
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    int await_resume() const noexcept { return 1; }
};
struct by_member {
    direct operator co_await() && noexcept { return {}; }
};
struct by_function {};
direct operator co_await(by_function) noexcept { return {}; }

static_assert(weir::awaiter<direct> && weir::awaitable<direct>);
static_assert(!weir::awaiter<by_member> && weir::awaitable<by_member>);
static_assert(!weir::awaitable<by_member&>, "only an rvalue has it");
static_assert(weir::awaitable<by_function> && weir::awaitable<by_function&>);
static_assert(!weir::awaitable<int>);
static_assert(std::is_same_v<weir::await_result_t<by_member>, int>);
static_assert(std::is_same_v<weir::await_result_t<by_function>, int>);

} // namespace

TEST_CASE("a callable is safe in an await expression unless this compiler would destroy what it holds twice") {
    std::string const held = "held";
    auto by_copy = [held] { return held.size(); };
    auto by_reference = [&held] { return held.size(); };
    CHECK(weir::survives_await_expression<decltype(by_reference)>);
    CHECK(weir::survives_await_expression<decltype(by_copy)&>);
    CHECK(weir::survives_await_expression<decltype(by_copy)> == !WEIR_GCC_BEFORE_13);
    CHECK(by_copy() == by_reference());
}
