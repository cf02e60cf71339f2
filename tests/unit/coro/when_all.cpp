// tests/unit/coro/when_all.cpp: several at once, all joined, the first exception thrown on.
#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

task<int> number_after_yield(int number) {
    co_await yield();
    co_return number;
}
task<int> number_at_once(int number) { co_return number; }

task<> throws_after_yield(char const* what) {
    co_await yield();
    throw std::runtime_error(what);
}

// Waits until it is stopped, then notes that it has ended.
task<errc> waits_for_a_stop(event& never, int& ended) {
    auto const waited = co_await never.wait();
    co_await yield();
    ++ended;
    co_return waited ? errc::closed : static_cast<errc>(waited.error().value());
}

std::string what_is_thrown(task<> work) {
    try {
        sync_wait(std::move(work));
    } catch (std::runtime_error const& error) {
        return error.what();
    }
    return "nothing";
}

} // namespace

TEST_CASE("a tuple holds the values in the order of the arguments, with monostate for void") {
    int side = 0;
    auto const nothing = [](int& into) -> task<> {
        co_await yield();
        into = 5;
    };
    auto const move_only = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
    auto values = sync_wait(when_all(number_after_yield(1), nothing(side), move_only(), number_at_once(4)));
    static_assert(std::is_same_v<decltype(values), std::tuple<int, std::monostate, std::unique_ptr<int>, int>>);
    CHECK(std::get<0>(values) == 1);
    CHECK(*std::get<2>(values) == 3);
    CHECK(std::get<3>(values) == 4);
    CHECK(side == 5);
}

TEST_CASE("nothing at all is done at once") {
    CHECK(sync_wait(when_all()) == std::tuple<>{});
    CHECK(sync_wait(when_all(std::vector<task<int>>{})).empty());
}

TEST_CASE("a reference becomes a copy of what it refers to") {
    int target = 9;
    auto const refers = [](int& of) -> task<int&> { co_return of; };
    auto values = sync_wait(when_all(refers(target)));
    static_assert(std::is_same_v<decltype(values), std::tuple<int>>);
    CHECK(std::get<0>(values) == 9);
}

TEST_CASE("a million members that finish at once, or suspend, are joined (T9)") {
    std::size_t const width = scaled(1'000'000);
    std::vector<task<int>> members;
    members.reserve(width);
    for (std::size_t n = 0; n < width; ++n)
        members.push_back(n % 2 ? number_after_yield(static_cast<int>(n)) : number_at_once(static_cast<int>(n)));
    auto const values = sync_wait(when_all(std::move(members)));
    REQUIRE(values.size() == width);
    bool in_order = true;
    for (std::size_t n = 0; n < width; ++n) in_order = in_order && values[n] == static_cast<int>(n);
    CHECK(in_order);
}

TEST_CASE("the first exception stops the others, all are joined, then it is thrown (T1, T2)") {
    event never;
    int ended = 0;
    auto const work = [&]() -> task<> {
        co_await when_all(waits_for_a_stop(never, ended), throws_after_yield("first"), waits_for_a_stop(never, ended),
                          throws_after_yield("second"));
    };
    CHECK(what_is_thrown(work()) == "first");
    CHECK(ended == 2);
}

TEST_CASE("an exception before the first suspension stops members that start later") {
    event never;
    int ended = 0;
    auto const throws_at_once = []() -> task<> {
        throw std::runtime_error("at once");
        co_return;
    };
    auto const work = [&]() -> task<> { co_await when_all(throws_at_once(), waits_for_a_stop(never, ended)); };
    CHECK(what_is_thrown(work()) == "at once");
    CHECK(ended == 1);
}

TEST_CASE("a vector's members are stopped and joined likewise") {
    event never;
    int ended = 0;
    auto const member = [](event& of, int& count, int number) -> task<> {
        if (number == 3) {
            co_await throws_after_yield("third");
        }
        co_await waits_for_a_stop(of, count);
    };
    auto const work = [&]() -> task<> {
        std::vector<task<>> members;
        for (int n = 0; n < 8; ++n) members.push_back(member(never, ended, n));
        co_await when_all(std::move(members));
    };
    CHECK(what_is_thrown(work()) == "third");
    CHECK(ended == 7);
}

TEST_CASE("a stop from above reaches every member, and its reason with it") {
    event never;
    int ended = 0;
    manual_executor runs;
    stop_source stop;
    started work{when_all(waits_for_a_stop(never, ended), waits_for_a_stop(never, ended)),
                 context{runs}.with_stop(stop.token())};
    CHECK(!work.done());
    stop.request_stop(errc::shut_down);
    CHECK(ended == 0); // nobody is resumed inside the request
    runs.run_all();
    REQUIRE(work.done());
    CHECK(work.take() == std::tuple{errc::shut_down, errc::shut_down});
    CHECK(ended == 2);
}

TEST_CASE("members run in any order that the executor likes, and the values stay in theirs") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        manual_executor runs{seed};
        std::vector<task<int>> members;
        for (int n = 0; n < 20; ++n) members.push_back(number_after_yield(n));
        started work{when_all(std::move(members)), context{runs}};
        runs.run_all();
        REQUIRE(work.done());
        auto const values = work.take();
        bool in_order = values.size() == 20;
        for (std::size_t n = 0; in_order && n < 20; ++n) in_order = values[n] == static_cast<int>(n);
        REQUIRE(in_order);
    }
}

TEST_CASE("when_all nests, and an exception inside stops what is outside") {
    event never;
    int ended = 0;
    auto const inner = []() -> task<> { co_await when_all(throws_after_yield("inner"), number_after_yield(1)); };
    auto const work = [&]() -> task<> { co_await when_all(waits_for_a_stop(never, ended), inner()); };
    CHECK(what_is_thrown(work()) == "inner");
    CHECK(ended == 1);
}

TEST_CASE("it also awaits what is no task") {
    event set{true};
    event other{true};
    auto const both = sync_wait(when_all(set.wait(), other.wait()));
    CHECK(std::get<0>(both).has_value());
    CHECK(std::get<1>(both).has_value());
}

TEST_CASE("no frame and no value is left, with and without an exception") {
    auto const makes = [](int number) -> task<counted> {
        co_await yield();
        co_return counted{number};
    };
    static_cast<void>(sync_wait(when_all(number_at_once(1))));
    CHECK(blocks_left_by([&] { static_cast<void>(sync_wait(when_all(makes(1), makes(2)))); }) == 0);
    CHECK(counted::alive == 0);
    CHECK(blocks_left_by([&] {
              auto const work = [&]() -> task<> { co_await when_all(makes(1), throws_after_yield("x"), makes(2)); };
              static_cast<void>(what_is_thrown(work()));
          }) == 0);
    CHECK(counted::alive == 0);
}

TEST_CASE("a window bounds how many are under way, and all of them run") {
    for (std::size_t const window : {1u, 3u, 7u, 8u}) {
        std::size_t under_way = 0;
        std::size_t most = 0;
        auto const member = [&](int number) -> task<int> {
            most = std::max(most, ++under_way);
            co_await yield();
            co_await yield();
            --under_way;
            co_return number;
        };
        std::vector<task<int>> members;
        for (int n = 0; n < 7; ++n) members.push_back(member(n));
        auto const values = sync_wait(when_all(std::move(members), window));
        CHECK(values == std::vector{0, 1, 2, 3, 4, 5, 6});
        CHECK(most == std::min<std::size_t>(window, 7));
    }
}

TEST_CASE("a million through a window of one, which never suspend, use a constant stack (T9)") {
    std::size_t const width = scaled(1'000'000);
    std::vector<task<int>> members;
    members.reserve(width);
    for (std::size_t n = 0; n < width; ++n) members.push_back(number_at_once(1));
    auto const values = sync_wait(when_all(std::move(members), 1));
    CHECK(values == std::vector<int>(width, 1));
}

TEST_CASE("once one has failed, those behind the window do not begin") {
    int begun = 0;
    auto const member = [&](int number) -> task<> {
        ++begun;
        co_await yield();
        if (number == 1) throw std::runtime_error("second");
        co_await yield();
    };
    auto const work = [&]() -> task<> {
        std::vector<task<>> members;
        for (int n = 0; n < 10; ++n) members.push_back(member(n));
        static_cast<void>(co_await when_all(std::move(members), 2));
    };
    CHECK(what_is_thrown(work()) == "second");
    CHECK(begun == 2);
}

TEST_CASE("a stop reaches those under way, and those that begin after it (T6)") {
    event never;
    int ended = 0;
    manual_executor runs;
    stop_source stop;
    std::vector<task<errc>> members;
    for (int n = 0; n < 5; ++n) members.push_back(waits_for_a_stop(never, ended));
    started work{when_all(std::move(members), 2), context{runs}.with_stop(stop.token())};
    runs.run_all();
    CHECK(!work.done());
    stop.request_stop(errc::shut_down);
    runs.run_all();
    REQUIRE(work.done());
    CHECK(work.take() == std::vector<errc>(5, errc::shut_down));
    CHECK(ended == 5);
}

TEST_CASE("what a member was given ends with it, and not with the last (a permit must not wait for the others)") {
    for (std::size_t const window : {1u, 4u}) {
        std::vector<int> alive_at_its_start;
        auto const member = [&](counted held) -> task<> {
            alive_at_its_start.push_back(counted::alive);
            held.value = 0;
            co_return;
        };
        auto const work = [&]() -> task<> {
            std::vector<task<>> members;
            for (int n = 0; n < 4; ++n) members.push_back(member(counted{n}));
            static_cast<void>(co_await when_all(std::move(members), window));
        };
        sync_wait(work());
        CHECK(alive_at_its_start == std::vector{4, 3, 2, 1});
    }
}
