// tests/unit/sync/mutex.cpp: one holder at a time, in the order of asking, and a stopped waiter never keeps the lock.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/mutex.hpp>

#include <catch2/catch_test_macros.hpp>

#include <deque>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

// Locks, notes its name, yields, unlocks.
task<> holds(mutex& lock, std::vector<int>& order, int name) {
    auto const guard = co_await lock.lock();
    order.push_back(guard ? name : -name);
    co_await yield();
}

} // namespace

TEST_CASE("an unlocked mutex is had at once, and try_lock fails while it is held") {
    mutex lock;
    auto guard = lock.try_lock();
    CHECK(guard);
    CHECK(!lock.try_lock());
    guard.unlock();
    guard.unlock(); // a second time does nothing
    CHECK(lock.try_lock());
}

TEST_CASE("waiters get it in the order in which they asked (T8)") {
    manual_executor runs;
    context const where{runs};
    mutex lock;
    std::vector<int> order;
    auto guard = lock.try_lock();
    started first{holds(lock, order, 1), where};
    started second{holds(lock, order, 2), where};
    started third{holds(lock, order, 3), where};
    guard.unlock();
    CHECK(order.empty()); // nobody is resumed inside unlock
    CHECK(!lock.try_lock()); // handed over: never free in between
    runs.run_all();
    CHECK(order == std::vector<int>{1, 2, 3});
    CHECK(lock.try_lock());
}

TEST_CASE("a stopped waiter leaves, and the lock goes to the next (T7)") {
    manual_executor runs;
    stop_source stop;
    mutex lock;
    std::vector<int> order;
    auto guard = lock.try_lock();
    started first{holds(lock, order, 1), context{runs}.with_stop(stop.token())};
    started second{holds(lock, order, 2), context{runs}};
    stop.request_stop();
    guard.unlock();
    runs.run_all();
    CHECK(order == std::vector<int>{-1, 2});
    CHECK(lock.try_lock());
}

TEST_CASE("a stop after the lock was handed over comes too late, and the lock is given back as usual (T7)") {
    manual_executor runs;
    stop_source stop;
    mutex lock;
    std::vector<int> order;
    auto guard = lock.try_lock();
    started work{holds(lock, order, 1), context{runs}.with_stop(stop.token())};
    guard.unlock();
    stop.request_stop();
    runs.run_all();
    CHECK(order == std::vector<int>{1});
    CHECK(lock.try_lock());
}

TEST_CASE("when every waiter was stopped the mutex becomes free") {
    manual_executor runs;
    stop_source stop;
    mutex lock;
    std::vector<int> order;
    auto guard = lock.try_lock();
    started first{holds(lock, order, 1), context{runs}.with_stop(stop.token())};
    started second{holds(lock, order, 2), context{runs}.with_stop(stop.token())};
    stop.request_stop();
    runs.run_all();
    CHECK(order == std::vector<int>{-1, -2});
    CHECK(!lock.try_lock());
    guard.unlock();
    CHECK(lock.try_lock());
}

TEST_CASE("a free mutex is had although a stop was requested") {
    manual_executor runs;
    stop_source stop;
    stop.request_stop();
    mutex lock;
    std::vector<int> order;
    started work{holds(lock, order, 1), context{runs}.with_stop(stop.token())};
    runs.run_all();
    CHECK(order == std::vector<int>{1});
}

TEST_CASE("guards move, and the one assigned to lets go first") {
    mutex one;
    mutex other;
    auto first = one.try_lock();
    auto second = other.try_lock();
    first = std::move(second);
    CHECK(one.try_lock());
    CHECK(!other.try_lock());
    CHECK(first);
    CHECK(!second);
}

TEST_CASE("nobody is inside with another, whatever the order of execution") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        manual_executor runs{seed};
        mutex lock;
        int inside = 0;
        int most = 0;
        int entered = 0;
        auto const work = [&]() -> task<> {
            for (int n = 0; n < 5; ++n) {
                auto const guard = co_await lock.lock();
                most = std::max(most, ++inside);
                ++entered;
                co_await yield();
                --inside;
            }
        };
        std::deque<started<task<>>> all;
        for (int n = 0; n < 6; ++n) all.emplace_back(work(), context{runs});
        runs.run_all();
        REQUIRE(most == 1);
        REQUIRE(entered == 30);
    }
}
