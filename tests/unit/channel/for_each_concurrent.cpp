// tests/unit/channel/for_each_concurrent.cpp: so many tasks at a time, all joined, whatever ends them.
#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/channel/broadcast.hpp>
#include <weir/channel/channel.hpp>
#include <weir/channel/for_each_concurrent.hpp>
#include <weir/coro/async_generator.hpp>
#include <weir/coro/generator.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

// Tasks that wait until they are let go, one by one.
class workshop {
public:
    explicit workshop(std::size_t size) : gates_(size) {}

    task<> work(int number) {
        auto const here = static_cast<std::size_t>(number);
        begun.push_back(number);
        most_at_once = std::max(most_at_once, ++at_once);
        auto const waited = co_await gates_[here].wait();
        --at_once;
        if (waited) finished.push_back(number);
        else stopped.push_back(number);
    }
    void let_go(int number) { gates_[static_cast<std::size_t>(number)].set(); }

    std::vector<int> begun;
    std::vector<int> finished;
    std::vector<int> stopped;
    int at_once = 0;
    int most_at_once = 0;

private:
    std::vector<event> gates_;
};

task<> work_in(int number, workshop* shop) { return shop->work(number); }

// Counts how far it was read.
async_generator<int> counted_up_to(int last, int& read) {
    for (int n = 0; n < last; ++n) {
        ++read;
        co_await yield();
        co_yield int{n};
    }
}

task<std::error_code> end_of(task<result<void>> work) {
    auto const end = co_await std::move(work);
    co_return end.error();
}

std::string what_is_thrown(started<task<result<void>>>& work) {
    try {
        static_cast<void>(work.take());
    } catch (std::runtime_error const& error) {
        return error.what();
    }
    return "nothing";
}

} // namespace

TEST_CASE("each element has a task, and all have ended when it ends (T1)", "[for_each_concurrent]") {
    for (std::size_t const most : {1u, 2u, 100u}) {
        std::vector<int> seen;
        auto const notes = [](int number, std::vector<int>* into) -> task<> {
            co_await yield();
            into->push_back(number);
        };
        std::vector<int> const numbers{1, 2, 3, 4, 5};
        CHECK(sync_wait(for_each_concurrent(numbers, most, notes, &seen)));
        CHECK(seen == numbers);
    }
}

TEST_CASE("as many tasks as were asked for are under way, and no element is read before there is one for it",
          "[for_each_concurrent]") {
    manual_executor runs;
    workshop shop{6};
    int read = 0;
    started all{for_each_concurrent(counted_up_to(6, read), 2, &work_in, &shop), context{runs}};
    runs.run_all();
    CHECK(shop.begun == std::vector{0, 1});
    CHECK(read == 2);
    shop.let_go(1);
    runs.run_all();
    CHECK(shop.begun == std::vector{0, 1, 2});
    CHECK(read == 3);
    for (int n = 0; n < 6; ++n) shop.let_go(n);
    runs.run_all();
    REQUIRE(all.done());
    CHECK(all.take());
    CHECK(shop.finished.size() == 6);
    CHECK(shop.most_at_once == 2);
}

TEST_CASE("a slow task holds up its own place only", "[for_each_concurrent]") {
    manual_executor runs;
    workshop shop{6};
    for (int n = 1; n < 6; ++n) shop.let_go(n);
    std::vector<int> const numbers{0, 1, 2, 3, 4, 5};
    started all{for_each_concurrent(numbers, 2, &work_in, &shop), context{runs}};
    runs.run_all();
    CHECK(shop.finished == std::vector{1, 2, 3, 4, 5});
    CHECK_FALSE(all.done());
    shop.let_go(0);
    runs.run_all();
    CHECK(all.done());
}

TEST_CASE("the first task that throws stops the others and the source; all are joined; then it is thrown (T2)",
          "[for_each_concurrent]") {
    manual_executor runs;
    workshop shop{6};
    channel<int> jobs{6};
    for (int n = 0; n < 3; ++n) REQUIRE(jobs.try_send(int{n}));
    auto const third_throws = [](int number, workshop* in) -> task<> {
        if (number != 2) {
            co_await in->work(number);
        } else {
            co_await yield();
            throw std::runtime_error("third");
        }
    };
    started all{for_each_concurrent(jobs, 4, third_throws, &shop), context{runs}};
    runs.run_all(); // the source was waiting for a fourth
    REQUIRE(all.done());
    CHECK(what_is_thrown(all) == "third");
    CHECK(shop.stopped == std::vector{0, 1});
    REQUIRE(jobs.try_send(3));
    CHECK(jobs.size() == 1); // nobody is left to take it
}

TEST_CASE("what the source throws stops the tasks; all are joined; then it is thrown (T2)", "[for_each_concurrent]") {
    manual_executor runs;
    workshop shop{6};
    auto const throws = []() -> async_generator<int> {
        co_yield 0;
        co_yield 1;
        co_await yield();
        throw std::runtime_error("source");
    };
    started all{for_each_concurrent(throws(), 4, &work_in, &shop), context{runs}};
    runs.run_all();
    REQUIRE(all.done());
    CHECK(what_is_thrown(all) == "source");
    CHECK(shop.stopped == std::vector{0, 1});
}

TEST_CASE("what the source says in place of an element ends it, when the tasks have ended by themselves",
          "[for_each_concurrent]") {
    manual_executor runs;
    workshop shop{8};
    broadcast<int> news{2};
    auto hears = news.subscribe();
    news.send(0);
    started all{for_each_concurrent(hears, 2, &work_in, &shop), context{runs}};
    runs.run_all();
    for (int n = 1; n < 6; ++n) news.send(n);
    runs.run_all();
    CHECK_FALSE(all.done());
    CHECK(shop.stopped.empty());
    shop.let_go(0);
    shop.let_go(1);
    runs.run_all();
    REQUIRE(all.done());
    auto const end = all.take();
    CHECK(end.error() == errc::overloaded);
    CHECK(shop.finished == std::vector{0});
    CHECK(hears.try_recv() == 4); // who asks again goes on from there
}

TEST_CASE("stopped after any number of turns it joins all, and each element is with a task or in the source (T6, T7)",
          "[for_each_concurrent]") {
    constexpr int count = 5;
    for (int turns = 0; turns < 30; ++turns) {
        manual_executor runs;
        stop_source stop;
        workshop shop{count};
        for (int n = 0; n < count; n += 2) shop.let_go(n);
        channel<int> jobs{count};
        for (int n = 0; n < count; ++n) REQUIRE(jobs.try_send(int{n}));
        started all{end_of(for_each_concurrent(jobs, 2, &work_in, &shop)), context{runs}.with_stop(stop.token())};
        for (int n = 0; n < turns; ++n) runs.run_one();
        stop.request_stop(errc::shut_down);
        runs.run_all();
        REQUIRE(all.done());
        CHECK(all.take() == errc::shut_down);
        CHECK(shop.begun.size() + jobs.size() == count);
        CHECK(shop.begun.size() == shop.finished.size() + shop.stopped.size());
    }
}

TEST_CASE("elements and arguments that only move pass, and leave nothing", "[for_each_concurrent]") {
    auto const sum_up = [](counted one, std::unique_ptr<int>& sum) -> task<> {
        co_await yield();
        *sum += one.value;
    };
    auto const gives = []() -> generator<counted> {
        for (int n = 1; n <= 3; ++n) co_yield counted{n};
    };
    int got = 0;
    auto const work = [&]() -> task<> {
        auto sum = std::make_unique<int>(0);
        int* const total = sum.get();
        auto const adds = [&got, total](counted one, std::unique_ptr<int>& held) -> task<> {
            *held += one.value;
            got = *total;
            co_return;
        };
        static_cast<void>(co_await for_each_concurrent(gives(), 2, adds, std::move(sum)));
    };
    sync_wait(work());
    CHECK(got == 6);
    CHECK(blocks_left_by([&] {
              static_cast<void>(sync_wait(for_each_concurrent(gives(), 2, sum_up, std::make_unique<int>(0))));
          }) == 0);
    CHECK(counted::alive == 0);
}

TEST_CASE("one that is never awaited reads nothing", "[for_each_concurrent]") {
    int read = 0;
    workshop shop{1};
    { auto const dropped = for_each_concurrent(counted_up_to(1, read), 1, &work_in, &shop); }
    CHECK(read == 0);
    CHECK(shop.begun.empty());
}
