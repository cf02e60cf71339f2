// tests/unit/coro/child_value.cpp: a child's value waits for who asks, and neither holds the other up.
#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/when_any.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

task<int> number_after(event& flag, int number) {
    auto const waited = co_await flag.wait();
    co_return waited ? number : -number;
}

task<std::size_t> sum(std::vector<std::size_t> rows) {
    co_await yield();
    std::size_t total = 0;
    for (auto const row : rows) total += row;
    co_return total;
}

task<int> throws_after_yield(char const* what) {
    co_await yield();
    throw std::runtime_error(what);
}

// Waits for a child in a context of its own, so that this wait can be stopped and nothing else.
task<result<int>> gets(child_value<int>& of) { co_return co_await of.get(); }

template <class T>
std::string what_is_thrown(task<T> work) {
    try {
        static_cast<void>(sync_wait(std::move(work)));
    } catch (std::runtime_error const& error) {
        return error.what();
    }
    return "nothing";
}

} // namespace

static_assert(!std::is_copy_constructible_v<child_value<int>>);
static_assert(std::is_same_v<child_value<result<int>>::result_type, result<int>>);
static_assert(std::is_same_v<child_value<void>::result_type, result<void>>);

TEST_CASE("a child's value is had before or after the child has ended") {
    std::vector<std::size_t> got;
    bool ready = true;
    auto const body = [&](scope& children) -> task<> {
        std::vector<std::size_t> rows{1, 2, 3};
        auto waited_for = children.start(sum, rows);
        auto there_already = children.start(sum, std::vector<std::size_t>{4, 5});
        ready = there_already.ready();
        auto const first = co_await waited_for.get();
        got.push_back(*first);
        while (!there_already.ready()) co_await yield();
        auto const second = co_await there_already.get();
        got.push_back(*second);
    };
    sync_wait(in_scope(body));
    CHECK(!ready); // it is queued, not run
    CHECK(got == std::vector<std::size_t>{6, 9});
}

TEST_CASE("nothing, a move-only value and a result: the last comes as it is") {
    auto const nothing = []() -> task<> { co_await yield(); };
    auto const move_only = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
    auto const fails = []() -> task<result<int>> { co_return errc::overloaded; };
    auto const body = [&](scope& children) -> task<int> {
        auto first = children.start(nothing);
        auto second = children.start(move_only);
        auto third = children.start(fails);
        auto const none = co_await first.get();
        auto pointer = co_await second.get();
        auto const error = co_await third.get();
        static_assert(std::is_same_v<decltype(error), result<int> const>);
        co_return none && error.error() == errc::overloaded ? **pointer : -1;
    };
    CHECK(sync_wait(in_scope(body)) == 3);
}

TEST_CASE("the child's exception comes out where it is awaited, and fails the scope as that of any child (T2)") {
    std::string caught;
    std::size_t failures = 0;
    event never;
    bool sibling_was_stopped = false;
    auto const sibling = [&]() -> task<> {
        auto const waited = co_await never.wait();
        sibling_was_stopped = !waited;
    };
    auto const work = [&]() -> task<> {
        context const& above = co_await this_task();
        scope children{above};
        co_await use_context(children.where()); // the failure stops who waits here, too
        children.spawn(sibling);
        auto value = children.start(throws_after_yield, "child");
        try {
            static_cast<void>(co_await value.get());
        } catch (std::runtime_error const& error) {
            caught = error.what();
        }
        co_await use_context(above);
        co_await scope::join(children);
        failures = children.failures();
        children.rethrow_first();
    };
    CHECK(what_is_thrown(work()) == "child");
    CHECK(caught == "child"); // and not a stop's reason
    CHECK(failures == 1);
    CHECK(sibling_was_stopped);
}

TEST_CASE("an exception that nobody awaits fails the scope all the same") {
    auto const body = [](scope& children) -> task<> {
        static_cast<void>(children.start(throws_after_yield, "alone"));
        co_return;
    };
    CHECK(what_is_thrown(in_scope(body)) == "alone");
}

TEST_CASE("who drops the handle loses the value only: the child runs to its end, and the value dies") {
    int ended = 0;
    auto const child = [](int& count) -> task<counted> {
        co_await yield();
        ++count;
        co_return counted{1};
    };
    auto const body = [&](scope& children) -> task<> {
        { // before it has run
            auto const dropped = children.start(child, std::ref(ended));
        }
        auto const kept_until_it_ended = children.start(child, std::ref(ended));
        while (ended < 2) co_await yield();
    };
    sync_wait(in_scope(body));
    CHECK(ended == 2);
    CHECK(counted::alive == 0);
}

TEST_CASE("a value may be had after its scope has ended") {
    std::optional<child_value<counted>> kept;
    auto const child = []() -> task<counted> { co_return counted{8}; };
    auto const body = [&](scope& children) -> task<> {
        kept.emplace(children.start(child));
        co_return;
    };
    sync_wait(in_scope(body));
    REQUIRE(kept->ready());
    {
        auto const got = sync_wait(kept->get());
        CHECK(got->value == 8);
    }
    kept.reset();
    CHECK(counted::alive == 0);
}

TEST_CASE("a stop ends the wait and not the child, before it waits or while it does; the value stays (T6)") {
    for (bool const before : {true, false}) {
        manual_executor runs;
        event flag;
        stop_source stop;
        std::optional<child_value<int>> value;
        auto const body = [&](scope& children) -> task<> {
            value.emplace(children.start(number_after, std::ref(flag), 5));
            co_return;
        };
        started whole{in_scope(body), context{runs}};
        runs.run_all();
        if (before) stop.request_stop(errc::timed_out);
        {
            started wait{gets(*value), context{runs}.with_stop(stop.token())};
            stop.request_stop(errc::timed_out);
            runs.run_all();
            REQUIRE(wait.done());
            CHECK(wait.take().error() == errc::timed_out);
        }
        CHECK(!whole.done());
        CHECK(!value->ready());
        flag.set();
        runs.run_all();
        CHECK(whole.done());
        started again{gets(*value), context{runs}};
        REQUIRE(again.done());
        CHECK(*again.take() == 5); // and was not stopped: that would be -5
    }
}

TEST_CASE("a value that came before the stop is given, and one that came after it stays (T7)") {
    for (bool const value_first : {true, false}) {
        manual_executor runs;
        event flag;
        stop_source stop;
        std::optional<child_value<int>> value;
        auto const body = [&](scope& children) -> task<> {
            value.emplace(children.start(number_after, std::ref(flag), 5));
            co_return;
        };
        started whole{in_scope(body), context{runs}};
        runs.run_all();
        started wait{gets(*value), context{runs}.with_stop(stop.token())};
        flag.set(); // the child's turn is next
        if (!value_first) stop.request_stop();
        while (!value->ready()) runs.run_one();
        stop.request_stop(); // whoever claimed the waiter, it has not run
        runs.run_all();
        REQUIRE(wait.done());
        auto const got = wait.take();
        CHECK(got.has_value() == value_first);
        if (!value_first) CHECK(*sync_wait(value->get()) == 5);
    }
}

TEST_CASE("a handle may move while it is waited for, and takes the place of another") {
    manual_executor runs;
    event flag;
    auto const body = [&](scope& children) -> task<int> {
        auto first = children.start(number_after, std::ref(flag), 5);
        auto second = children.start(number_after, std::ref(flag), 6);
        auto const moves = [&]() -> task<> {
            co_await yield();
            second = std::move(first);
            flag.set();
        };
        children.spawn(moves);
        auto const got = co_await first.get();
        co_return first.valid() ? -1 : *got;
    };
    started work{in_scope(body), context{runs}};
    runs.run_all();
    REQUIRE(work.done());
    CHECK(work.take() == 5);
}

TEST_CASE("a scope's stop reaches a started child") {
    event never;
    auto const work = [&]() -> task<int> {
        context const& above = co_await this_task();
        scope children{above};
        auto value = children.start(number_after, std::ref(never), 5);
        children.request_stop();
        auto const got = co_await value.get();
        co_await scope::join(children);
        co_return *got;
    };
    CHECK(sync_wait(work()) == -5);
}

TEST_CASE("the first of several children is waited for, and the others go on") {
    event never;
    event flag;
    std::vector<int> got;
    auto const body = [&](scope& children) -> task<> {
        auto slow = children.start(number_after, std::ref(never), 1);
        auto quick = children.start(number_after, std::ref(flag), 2);
        flag.set();
        auto const first = co_await when_any(slow.get(), quick.get());
        got.push_back(static_cast<int>(first.index));
        never.set();
        auto const other = co_await slow.get(); // the wait was stopped, not the child
        got.push_back(*other);
    };
    sync_wait(in_scope(body));
    CHECK(got == std::vector{1, 1});
}

TEST_CASE("when moving an argument throws, start throws, nothing was begun and nothing is left") {
    class throws_at {
    public:
        explicit throws_at(int moves) : left_{moves} {}
        throws_at(throws_at&& other) : left_{other.left_ - 1} {
            if (left_ < 0) throw std::runtime_error("move");
        }

    private:
        int left_;
    };
    auto const child = [](throws_at) -> task<int> { co_return 1; };
    auto const work = [&](int moves) -> task<> {
        auto const body = [&](scope& children) -> task<> {
            throws_at argument{moves};
            auto value = children.start(child, std::move(argument));
            static_cast<void>(co_await value.get());
        };
        co_await in_scope(body);
    };
    static_cast<void>(what_is_thrown(work(0)));
    for (int moves = 0; moves < 3; ++moves) {
        CAPTURE(moves);
        CHECK(blocks_left_by([&] { static_cast<void>(what_is_thrown(work(moves))); }) == 0);
    }
    CHECK(what_is_thrown(work(0)) == "move");
    CHECK(what_is_thrown(work(1)) == "move");
}

TEST_CASE("a value whose move throws counts as what the child threw") {
    class throws_when_moved {
    public:
        throws_when_moved() = default;
        throws_when_moved(throws_when_moved&& other) : moves_{other.moves_ + 1} {
            if (moves_ > 1) throw std::runtime_error("move");
        }

    private:
        int moves_ = 0;
    };
    auto const child = []() -> task<throws_when_moved> {
        throws_when_moved made;
        co_return made;
    };
    auto const body = [&](scope& children) -> task<> {
        auto value = children.start(child);
        static_cast<void>(co_await value.get());
    };
    CHECK(what_is_thrown(in_scope(body)) == "move");
}

TEST_CASE("no frame, no place and no value is left") {
    auto const makes = [](int number) -> task<counted> {
        co_await yield();
        co_return counted{number};
    };
    auto const body = [&](scope& children) -> task<> {
        auto first = children.start(makes, 1);
        auto second = children.start(makes, 2);
        static_cast<void>(children.start(makes, 3));
        static_cast<void>(co_await second.get());
    };
    sync_wait(in_scope(body));
    CHECK(blocks_left_by([&] { sync_wait(in_scope(body)); }) == 0);
    CHECK(counted::alive == 0);
}
