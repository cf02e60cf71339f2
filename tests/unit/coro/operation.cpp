// tests/unit/coro/operation.cpp: an operation can be moved on, and its awaiter is made where it is awaited.
#include <weir/base/immovable.hpp>
#include <weir/coro/operation.hpp>
#include <weir/coro/sync_wait.hpp>

#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <type_traits>
#include <utility>

using namespace weir;

namespace {

class adds : immovable {
public:
    adds(int& into, std::unique_ptr<int> amount) noexcept : into_{into}, amount_{std::move(amount)} {}
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    int await_resume() const noexcept { return into_ += *amount_; }

private:
    int& into_;
    std::unique_ptr<int> amount_;
};

using add = operation<adds, int&, std::unique_ptr<int>>;
static_assert(std::is_move_constructible_v<add> && !std::is_copy_constructible_v<add>);
static_assert(awaitable<add> && !awaitable<add&>);

} // namespace

TEST_CASE("an operation handed on twice begins once, at its co_await") {
    int sum = 1;
    add first{sum, std::make_unique<int>(2)};
    add second{std::move(first)};
    CHECK(sum == 1);
    CHECK(sync_wait(std::move(second)) == 3);
    CHECK(sum == 3);
}
