// tests/unit/sync/shared_mutex.cpp: many readers or one writer, in the order of asking.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/shared_mutex.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// Notes its name and keeps what it got until `kept` is cleared.
struct guest {
    std::vector<int>& order;
    std::vector<permit> kept{};
    task<> reads(shared_mutex& lock, int name) {
        auto got = co_await lock.lock_shared();
        notes(got, name);
    }
    task<> writes(shared_mutex& lock, int name) {
        auto got = co_await lock.lock();
        notes(got, name);
    }
    void notes(result<permit>& got, int name) {
        order.push_back(got ? name : -name);
        if (got) kept.push_back(std::move(*got));
    }
};

} // namespace

TEST_CASE("readers share, a writer is alone, and an empty permit says that it cannot be had") {
    shared_mutex lock;
    auto one = lock.try_lock_shared();
    auto other = lock.try_lock_shared();
    CHECK(one);
    CHECK(other);
    CHECK(!lock.try_lock());
    one.release();
    CHECK(!lock.try_lock());
    other.release();
    auto const alone = lock.try_lock();
    CHECK(alone);
    CHECK(!lock.try_lock());
    CHECK(!lock.try_lock_shared());
}

TEST_CASE("a writer that waits is not overtaken by readers, and the readers behind it go in together (T8)") {
    manual_executor runs;
    context const where{runs};
    shared_mutex lock;
    std::vector<int> order;
    guest held{order};
    auto reader = lock.try_lock_shared();
    started writer{held.writes(lock, 1), where};
    started second{held.reads(lock, 2), where};
    started third{held.reads(lock, 3), where};
    started last{held.writes(lock, 4), where};
    CHECK(!lock.try_lock_shared()); // a writer waits
    reader.release();
    CHECK(order.empty()); // nobody is resumed inside the call
    runs.run_all();
    CHECK(order == std::vector<int>{1});
    held.kept.clear();
    runs.run_all();
    CHECK(order == std::vector<int>{1, 2, 3});
    held.kept.pop_back();
    runs.run_all();
    CHECK(order == std::vector<int>{1, 2, 3});
    held.kept.clear();
    runs.run_all();
    CHECK(order == std::vector<int>{1, 2, 3, 4});
    held.kept.clear();
    CHECK(lock.try_lock());
}

TEST_CASE("a writer that is stopped lets the readers behind it in beside those who are inside (T7)") {
    manual_executor runs;
    stop_source stop;
    shared_mutex lock;
    std::vector<int> order;
    guest held{order};
    auto reader = lock.try_lock_shared();
    started writer{held.writes(lock, 1), context{runs}.with_stop(stop.token())};
    started second{held.reads(lock, 2), context{runs}};
    started third{held.reads(lock, 3), context{runs}};
    CHECK(!second.done());
    stop.request_stop();
    runs.run_all();
    std::sort(order.begin(), order.end());
    CHECK(order == std::vector<int>{-1, 2, 3});
    reader.release();
    held.kept.clear();
    CHECK(lock.try_lock());
}

TEST_CASE("a stop after the writer has it comes too late, and it is given back as usual (T7)") {
    manual_executor runs;
    stop_source stop;
    shared_mutex lock;
    std::vector<int> order;
    guest held{order};
    auto reader = lock.try_lock_shared();
    started writer{held.writes(lock, 1), context{runs}.with_stop(stop.token())};
    reader.release();
    stop.request_stop();
    runs.run_all();
    CHECK(order == std::vector<int>{1});
    CHECK(!lock.try_lock_shared());
    held.kept.clear();
    CHECK(lock.try_lock());
}

TEST_CASE("who was stopped before it asks has a free lock all the same, and waits for none (T6)") {
    manual_executor runs;
    stop_source stop;
    stop.request_stop();
    context const stopped = context{runs}.with_stop(stop.token());
    shared_mutex lock;
    std::vector<int> order;
    guest held{order};
    started writer{held.writes(lock, 1), stopped};
    started reader{held.reads(lock, 2), stopped};
    runs.run_all();
    CHECK(order == std::vector<int>{1, -2});
    held.kept.clear();
    CHECK(lock.try_lock());
}

TEST_CASE("a timeout of a waiting writer opens the way for readers") {
    virtual_wheel time;
    manual_executor runs;
    shared_mutex lock;
    std::vector<int> order;
    guest held{order};
    auto const first = lock.try_lock_shared();
    started writer{timeout(lock.lock(), 1h), context{runs}};
    started reader{held.reads(lock, 2), context{runs}};
    time.advance_by(30min, runs);
    CHECK(order.empty());
    time.advance_by(1h, runs);
    REQUIRE(writer.done());
    CHECK(writer.take().error() == errc::timed_out);
    CHECK(order == std::vector<int>{2});
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("readers and writers in any order of execution: a writer is alone") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        manual_executor runs{seed};
        shared_mutex lock;
        int readers = 0;
        int writers = 0;
        int most_readers = 0;
        int wrong = 0;
        int entered = 0;
        auto const reads = [&]() -> task<> {
            for (int n = 0; n < 5; ++n) {
                auto const inside = co_await lock.lock_shared();
                most_readers = std::max(most_readers, ++readers);
                wrong += writers != 0;
                ++entered;
                co_await yield();
                wrong += writers != 0;
                --readers;
            }
        };
        auto const writes = [&]() -> task<> {
            for (int n = 0; n < 5; ++n) {
                auto const inside = co_await lock.lock();
                wrong += ++writers != 1 || readers != 0;
                ++entered;
                co_await yield();
                wrong += writers != 1 || readers != 0;
                --writers;
            }
        };
        std::deque<started<task<>>> all;
        for (int n = 0; n < 6; ++n) {
            if (n % 3 == 0) all.emplace_back(writes(), context{runs});
            else all.emplace_back(reads(), context{runs});
        }
        runs.run_all();
        REQUIRE(wrong == 0);
        REQUIRE(entered == 30);
        REQUIRE(most_readers > 1);
    }
}
