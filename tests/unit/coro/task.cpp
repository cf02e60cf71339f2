// tests/unit/coro/task.cpp: a task runs when awaited, once, and gives back what it made or threw, on a stack that stays flat.
#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/counting_new.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>

#include <catch2/catch_test_macros.hpp>

#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <sys/wait.h>
#include <unistd.h>

using namespace weir;
using namespace weir::test;

namespace {

static_assert(!std::is_copy_constructible_v<task<int>>);
static_assert(std::is_nothrow_move_constructible_v<task<int>>);
static_assert(awaitable<task<int>> && !awaitable<task<int>&>, "a task is awaited as an rvalue, so once");
static_assert(std::is_same_v<await_result_t<task<int&>>, int&>);
static_assert(std::is_void_v<await_result_t<task<>>>);

task<int> plus_one(int number) { co_return number + 1; }

task<long> sum_of_children(std::size_t count) {
    long sum = 0;
    for (std::size_t n = 0; n < count; ++n) sum += co_await plus_one(0);
    co_return sum;
}

task<long> depth_of(std::size_t left) {
    if (left == 0) co_return 0;
    long const below = co_await depth_of(left - 1);
    co_return below + 1;
}

task<long> depth_of_what_yields(std::size_t left) {
    if (left == 0) {
        co_await yield();
        co_return 0;
    }
    long const below = co_await depth_of_what_yields(left - 1);
    co_return below + 1;
}

task<int> throws(char const* what) {
    co_await yield();
    throw std::runtime_error(what);
}

task<int> throws_at_depth(std::size_t left) {
    int number = 0;
    if (left == 0) {
        number = co_await throws("from below");
    } else {
        number = co_await throws_at_depth(left - 1);
    }
    co_return number;
}

} // namespace

TEST_CASE("a million awaits of a child that finishes at once leave the stack flat") {
    std::size_t const count = scaled(1'000'000);
    CHECK(sync_wait(sum_of_children(count)) == static_cast<long>(count));
}

TEST_CASE("a chain a million tasks deep goes down and comes back (T9)") {
    std::size_t const depth = scaled(1'000'000);
    CHECK(sync_wait(depth_of(depth)) == static_cast<long>(depth));
    CHECK(sync_wait(depth_of_what_yields(depth)) == static_cast<long>(depth));
}

TEST_CASE("an exception climbs a deep chain to who awaits it") {
    std::string caught;
    try {
        sync_wait(throws_at_depth(200)); // each level rethrows: the unwinder's own cost bounds the depth
    } catch (std::runtime_error const& error) {
        caught = error.what();
    }
    CHECK(caught == "from below");
}

TEST_CASE("a task that nobody awaits never runs, and its arguments die with it") {
    bool ran = false;
    auto const work = [](bool& flag, counted) -> task<> {
        flag = true;
        co_return;
    };
    {
        auto const never = work(ran, counted{1});
        CHECK(never.valid());
        CHECK(counted::alive == 1);
    }
    CHECK(counted::alive == 0);
    CHECK(!ran);
}

TEST_CASE("a task moved from is empty, and one assigned to lets its old frame go") {
    auto const work = [](counted) -> task<int> { co_return 1; };
    auto first = work(counted{1});
    auto second = work(counted{2});
    CHECK(counted::alive == 2);
    first = std::move(second);
    CHECK(counted::alive == 1);
    CHECK(first.valid());
    CHECK(!second.valid());
    CHECK(sync_wait(std::move(first)) == 1);
    CHECK(counted::alive == 0);
}

TEST_CASE("values, references, move-only values and void pass through a task") {
    int target = 0;
    auto const by_reference = [](int& of) -> task<int&> { co_return of; };
    auto const through = [&](int& of) -> task<int&> { co_return co_await by_reference(of); };
    CHECK(&sync_wait(through(target)) == &target);

    auto const by_const_reference = [](int const& of) -> task<int const&> { co_return of; };
    CHECK(&sync_wait(by_const_reference(target)) == &target);

    auto const move_only = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
    auto const passes_on = [&]() -> task<std::unique_ptr<int>> {
        auto value = co_await move_only();
        ++*value;
        co_return value;
    };
    CHECK(*sync_wait(passes_on()) == 8);

    auto const nothing = [&]() -> task<> {
        target = 3;
        co_return;
    };
    sync_wait(nothing());
    CHECK(target == 3);
}

TEST_CASE("what a task holds is destroyed once, whether it returned or threw") {
    auto const returns = [](counted held) -> task<counted> {
        counted local{2};
        co_await yield();
        co_return counted{held.value + local.value};
    };
    auto const fails = [](counted held) -> task<counted> {
        counted const local{2};
        co_await yield();
        if (held.value > 0) throw std::runtime_error("no");
        co_return counted{0};
    };
    auto const parent = [&]() -> task<int> {
        counted const value = co_await returns(counted{1});
        int failures = 0;
        try {
            counted const never = co_await fails(counted{1});
            failures -= never.value;
        } catch (std::runtime_error const&) {
            ++failures;
        }
        co_return value.value * 10 + failures;
    };
    CHECK(sync_wait(parent()) == 31);
    CHECK(counted::alive == 0);
}

TEST_CASE("a value whose move throws surfaces as that exception") {
    struct throws_when_moved {
        throws_when_moved() = default;
        throws_when_moved(throws_when_moved&&) { throw std::runtime_error("moved"); }
    };
    auto const work = []() -> task<throws_when_moved> {
        throws_when_moved value;
        co_await yield();
        co_return std::move(value);
    };
    CHECK_THROWS_AS(sync_wait(work()), std::runtime_error);
}

TEST_CASE("every frame goes back: nothing is left after values, exceptions and tasks that never ran") {
    sync_wait(plus_one(1)); // what is made once for the thread is made here
    CHECK(blocks_left_by([] { sync_wait(sum_of_children(1000)); }) == 0);
    CHECK(blocks_left_by([] { sync_wait(depth_of(10'000)); }) == 0);
    CHECK(blocks_left_by([] { auto const never = plus_one(1); }) == 0);
    CHECK(blocks_left_by([] {
              try {
                  sync_wait(throws_at_depth(50));
              } catch (std::runtime_error const&) {
              }
          }) == 0);
}

TEST_CASE("a loop of awaits asks the allocator for one frame, not for one a turn") {
    sync_wait(plus_one(1));
    auto const few = blocks_made_by([] { sync_wait(sum_of_children(10)); });
    auto const many = blocks_made_by([] { sync_wait(sum_of_children(10'000)); });
    CHECK(many == few);
}

TEST_CASE("a child inherits its awaiter's context") {
    manual_executor runs;
    context where{runs};
    where.priority = priority::low;
    context seen;
    auto const child = [](context& into) -> task<> {
        context const& here = co_await this_task();
        into = here;
    };
    auto const parent = [&]() -> task<> { co_await child(seen); };
    started work{parent(), where};
    CHECK(work.done());
    CHECK(seen.executor == executor_ref{runs});
    CHECK(seen.priority == priority::low);
}

#if WEIR_GCC_BEFORE_13

namespace {

struct ready_flag {
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    bool await_resume() const noexcept { return true; }
};

// No local variable, and a condition that awaits: this compiler puts a temporary where the resume pointer belongs.
task<int> laid_out_wrongly() {
    if (co_await ready_flag()) // trap on purpose
        co_return 7;
    co_return 8;
}

} // namespace

TEST_CASE("a frame that the compiler laid out wrongly ends the program with a sentence that says so") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_t const child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL); // the test framework would report it as its own
        dup2(ends[1], 2);
        static_cast<void>(sync_wait(laid_out_wrongly()));
        _exit(0);
    }
    close(ends[1]);
    std::string said;
    char buffer[256];
    for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) said.append(buffer, static_cast<std::size_t>(got));
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    CHECK(said.find("laid a coroutine's frame out wrongly") != std::string::npos);
}

#endif
