// tests/unit/coro/when_any.cpp: the first one's value, and nobody left behind.
#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/when_any.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/semaphore.hpp>

#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

task<int> number_after(event& flag, int number) {
    auto const waited = co_await flag.wait();
    co_return waited ? number : -number;
}
task<int> number_at_once(int number, int& begun) {
    ++begun;
    co_return number;
}

// Waits until it is stopped, takes another turn, and notes that it has ended.
task<errc> waits_for_a_stop(event& never, int& ended) {
    auto const waited = co_await never.wait();
    co_await yield();
    ++ended;
    co_return waited ? errc::closed : static_cast<errc>(waited.error().value());
}

task<int> throws_after_yield(char const* what) {
    co_await yield();
    throw std::runtime_error(what);
}

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

TEST_CASE("the first of several gives its index and its value, whatever its type") {
    manual_executor runs;
    event number;
    event text;
    event nothing;
    auto const makes_text = [](event& flag) -> task<std::unique_ptr<std::string>> {
        static_cast<void>(co_await flag.wait());
        co_return std::make_unique<std::string>("text");
    };
    auto const makes_nothing = [](event& flag) -> task<> { static_cast<void>(co_await flag.wait()); };
    started work{when_any(number_after(number, 1), makes_text(text), makes_nothing(nothing)), context{runs}};
    text.set();
    runs.run_all();
    REQUIRE(work.done());
    auto first = work.take();
    using value = std::variant<int, std::unique_ptr<std::string>, std::monostate>;
    static_assert(std::is_same_v<decltype(first), first_of<value>>);
    CHECK(first.index == 1);
    REQUIRE(first.value.index() == 1);
    CHECK(*std::get<1>(first.value) == "text");
}

TEST_CASE("the losers are stopped and joined before the awaiter goes on (T3)") {
    event never;
    int ended = 0;
    int ended_when_it_goes_on = -1;
    auto const work = [&]() -> task<std::size_t> {
        int begun = 0;
        auto const winner = [](int& count) -> task<int> {
            co_await yield();
            co_return ++count;
        };
        auto const first =
            co_await when_any(waits_for_a_stop(never, ended), winner(begun), waits_for_a_stop(never, ended));
        ended_when_it_goes_on = ended;
        co_return first.index;
    };
    CHECK(sync_wait(work()) == 1);
    CHECK(ended_when_it_goes_on == 2);
}

TEST_CASE("one that ends at once is the first, and none behind it begins") {
    event never;
    int ended = 0;
    int begun = 0;
    auto const first = sync_wait(
        when_any(waits_for_a_stop(never, ended), number_at_once(7, begun), number_at_once(8, begun)));
    CHECK(first.index == 1);
    CHECK(std::get<1>(first.value) == 7);
    CHECK(begun == 1);
    CHECK(ended == 1);
    std::vector<task<int>> members;
    for (int n = 0; n < 5; ++n) members.push_back(number_at_once(n, begun));
    auto const of_many = sync_wait(when_any(std::move(members)));
    CHECK(of_many.index == 0);
    CHECK(begun == 2);
}

TEST_CASE("an exception can be the first, and then it comes out after the others have ended (T2)") {
    event never;
    int ended = 0;
    CHECK(what_is_thrown(when_any(waits_for_a_stop(never, ended), throws_after_yield("first"))) == "first");
    CHECK(ended == 1);
}

TEST_CASE("an exception that comes too late is dropped") {
    event never;
    auto const throws_when_stopped = [](event& flag) -> task<int> {
        auto const waited = co_await flag.wait();
        if (!waited) throw std::runtime_error("late");
        co_return 1;
    };
    auto const wins = []() -> task<int> {
        co_await yield();
        co_return 5;
    };
    auto const first = sync_wait(when_any(throws_when_stopped(never), wins()));
    CHECK(std::get<1>(first.value) == 5);
}

TEST_CASE("two that complete in the same instant: one is the first, and what the other got goes back (T3, T7)") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        manual_executor runs{seed};
        semaphore permits{0};
        {
            started work{when_any(permits.acquire(), permits.acquire()), context{runs}};
            permits.release(2); // both are claimed before either runs
            runs.run_all();
            REQUIRE(work.done());
            auto const first = work.take();
            REQUIRE(std::visit([](auto const& got) { return got.has_value(); }, first.value));
            REQUIRE(permits.available() == 1); // the winner's is in our hands, the loser's came back
        }
        REQUIRE(permits.available() == 2);
    }
}

TEST_CASE("a stop from above reaches every member, and its reason with it (T6)") {
    event never;
    int ended = 0;
    manual_executor runs;
    stop_source stop;
    started work{when_any(waits_for_a_stop(never, ended), waits_for_a_stop(never, ended)),
                 context{runs}.with_stop(stop.token())};
    CHECK(!work.done());
    stop.request_stop(errc::shut_down);
    CHECK(ended == 0); // nobody is resumed inside the request
    runs.run_all();
    REQUIRE(work.done());
    auto const first = work.take();
    CHECK(std::visit([](errc reason) { return reason; }, first.value) == errc::shut_down);
    CHECK(ended == 2);
}

TEST_CASE("a stop before it began: the first to hear of it ends it, and the others do not begin (T6)") {
    event never;
    manual_executor runs;
    stop_source stop;
    stop.request_stop(errc::shut_down);
    started work{when_any(number_after(never, 3), number_after(never, 4)), context{runs}.with_stop(stop.token())};
    runs.run_all();
    REQUIRE(work.done());
    auto const first = work.take();
    CHECK(first.index == 0);
    CHECK(std::get<0>(first.value) == -3);
}

TEST_CASE("a stop after it ended changes nothing (T6)") {
    event flag;
    manual_executor runs;
    stop_source stop;
    started work{when_any(number_after(flag, 3), number_after(flag, 4)), context{runs}.with_stop(stop.token())};
    flag.set();
    runs.run_all();
    REQUIRE(work.done());
    stop.request_stop();
    CHECK(runs.run_all() == 0);
    CHECK(work.take().index == 0);
}

TEST_CASE("a hundred thousand members: one ends, and all are joined on a stack of constant depth (T9)") {
    std::size_t const width = scaled(100'000);
    event never;
    int ended = 0;
    std::vector<task<errc>> members;
    members.reserve(width);
    auto const wins = [](int& count) -> task<errc> {
        co_await yield();
        ++count;
        co_return errc::closed;
    };
    for (std::size_t n = 0; n < width; ++n)
        members.push_back(n == width / 2 ? wins(ended) : waits_for_a_stop(never, ended));
    auto const first = sync_wait(when_any(std::move(members)));
    CHECK(first.index == width / 2);
    CHECK(first.value == errc::closed);
    CHECK(static_cast<std::size_t>(ended) == width);
}

TEST_CASE("what is first does not depend on the order in which the executor runs the others") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        manual_executor runs{seed};
        std::vector<event> flags(6);
        std::vector<task<int>> members;
        for (int n = 0; n < 6; ++n) members.push_back(number_after(flags[static_cast<std::size_t>(n)], n));
        started work{when_any(std::move(members)), context{runs}};
        runs.run_all();
        REQUIRE(!work.done());
        flags[seed % 6].set();
        runs.run_all();
        REQUIRE(work.done());
        auto const first = work.take();
        REQUIRE(first.index == seed % 6);
        REQUIRE(first.value == static_cast<int>(seed % 6));
    }
}

TEST_CASE("it nests, and the stop of an outer one goes through an inner one") {
    event never;
    event flag;
    int ended = 0;
    manual_executor runs;
    auto const inner = [&]() -> task<int> {
        auto const first = co_await when_any(waits_for_a_stop(never, ended), waits_for_a_stop(never, ended));
        co_return static_cast<int>(first.index);
    };
    started work{when_any(inner(), number_after(flag, 2)), context{runs}};
    flag.set();
    runs.run_all();
    REQUIRE(work.done());
    CHECK(work.take().index == 1);
    CHECK(ended == 2);
}

TEST_CASE("when_any also awaits what is no task") {
    event set{true};
    event never;
    auto const first = sync_wait(when_any(never.wait(), set.wait()));
    CHECK(first.index == 1);
    CHECK(std::get<1>(first.value).has_value());
}

TEST_CASE("no frame and no value is left, whoever wins and whatever the losers gave") {
    auto const makes = [](int number) -> task<counted> {
        co_await yield();
        co_return counted{number};
    };
    static_cast<void>(sync_wait(when_any(makes(1), makes(2))));
    CHECK(blocks_left_by([&] { static_cast<void>(sync_wait(when_any(makes(1), makes(2), makes(3)))); }) == 0);
    CHECK(counted::alive == 0);
    CHECK(blocks_left_by([&] {
              auto const work = [&]() -> task<> {
                  static_cast<void>(co_await when_any(throws_after_yield("x"), makes(1), throws_after_yield("y")));
              };
              static_cast<void>(what_is_thrown(work()));
          }) == 0);
    CHECK(counted::alive == 0);
}
