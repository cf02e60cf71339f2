// tests/unit/sync/event.cpp: a raised event lets everybody through, and dies when its last waiter likes.
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"
#include "support/threads_executor.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

task<> notes(event& flag, std::vector<int>& order, int name) {
    auto const waited = co_await flag.wait();
    order.push_back(waited ? name : -name);
}

} // namespace

TEST_CASE("a raised event does not suspend anybody, even one that was stopped") {
    manual_executor runs;
    stop_source stop;
    stop.request_stop();
    event flag{true};
    std::vector<int> order;
    started work{notes(flag, order, 1), context{runs}.with_stop(stop.token())};
    CHECK(work.done());
    CHECK(order == std::vector<int>{1});
}

TEST_CASE("set wakes all, first come first, and resumes nobody inside the call (T8)") {
    manual_executor runs;
    context const where{runs};
    event flag;
    std::vector<int> order;
    started first{notes(flag, order, 1), where};
    started second{notes(flag, order, 2), where};
    started third{notes(flag, order, 3), where};
    flag.set();
    CHECK(order.empty());
    CHECK(flag.is_set());
    runs.run_all();
    CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("ten sets before a wait are one, and reset takes the flag down") {
    manual_executor runs;
    event flag;
    for (int n = 0; n < 10; ++n) flag.set();
    flag.reset();
    CHECK(!flag.is_set());
    std::vector<int> order;
    started work{notes(flag, order, 1), context{runs}};
    CHECK(!work.done());
    flag.set();
    runs.run_all();
    CHECK(work.done());
}

TEST_CASE("who was woken keeps its result when the flag is taken down before it runs") {
    manual_executor runs;
    event flag;
    std::vector<int> order;
    started work{notes(flag, order, 1), context{runs}};
    flag.set();
    flag.reset();
    runs.run_all();
    CHECK(order == std::vector<int>{1});
}

TEST_CASE("a stop takes one waiter out from between the others (T6, T8)") {
    manual_executor runs;
    stop_source stop;
    event flag;
    std::vector<int> order;
    started first{notes(flag, order, 1), context{runs}};
    started second{notes(flag, order, 2), context{runs}.with_stop(stop.token())};
    started third{notes(flag, order, 3), context{runs}};
    stop.request_stop();
    runs.run_all();
    CHECK(order == std::vector<int>{-2});
    flag.set();
    runs.run_all();
    CHECK(order == std::vector<int>{-2, 1, 3});
}

TEST_CASE("a stop after the set comes too late") {
    manual_executor runs;
    stop_source stop;
    event flag;
    std::vector<int> order;
    started work{notes(flag, order, 1), context{runs}.with_stop(stop.token())};
    flag.set();
    stop.request_stop();
    runs.run_all();
    CHECK(order == std::vector<int>{1});
}

TEST_CASE("a set after the stop leaves the waiter stopped, and the flag up") {
    manual_executor runs;
    stop_source stop;
    event flag;
    std::vector<int> order;
    started work{notes(flag, order, 1), context{runs}.with_stop(stop.token())};
    stop.request_stop();
    flag.set();
    runs.run_all();
    CHECK(order == std::vector<int>{-1});
    CHECK(flag.is_set());
}

TEST_CASE("an event in a frame dies as soon as its waiter has seen it, while set is still returning") {
    std::size_t const turns = scaled(60'000);
    threads_executor runs{1};
    atomic<event*> given{nullptr};
    std::thread sets{[&] {
        for (std::size_t n = 0; n < turns; ++n) {
            event* flag = nullptr;
            while (!(flag = given.exchange(nullptr, acq_rel))) std::this_thread::yield();
            flag->set();
        }
    }};
    auto const once = [](atomic<event*>& give) -> task<> {
        auto const flag = std::make_unique<event>();
        give.store(flag.get(), release);
        static_cast<void>(co_await flag->wait());
    };
    auto const all = [&]() -> task<> {
        for (std::size_t n = 0; n < turns; ++n) co_await once(given);
    };
    started work{all(), context{runs}};
    work.wait();
    sets.join();
    CHECK(work.done());
}

TEST_CASE("a thread that sees the flag may destroy the event, while set is still returning") {
    std::size_t const turns = scaled(60'000);
    atomic<event*> given{nullptr};
    std::thread sets{[&] {
        for (std::size_t n = 0; n < turns; ++n) {
            event* flag = nullptr;
            while (!(flag = given.exchange(nullptr, acq_rel))) std::this_thread::yield();
            flag->set();
        }
    }};
    for (std::size_t n = 0; n < turns; ++n) {
        auto const flag = std::make_unique<event>();
        given.store(flag.get(), release);
        while (!flag->is_set()) std::this_thread::yield();
    }
    sets.join();
    CHECK(given.load(acquire) == nullptr);
}
