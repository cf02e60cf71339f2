// tests/unit/sync/condition.cpp: a notification reaches who has waited longest, with the mutex; no stop swallows it.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/condition.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <random>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// A mutex, a condition, and who waits for it: notes a name, or its opposite when stopped; wrong counts broken promises.
struct room {
    mutex lock{};
    condition changed{lock};
    std::vector<int> order{};
    int wrong = 0;

    task<> waits(int name) {
        auto held = co_await lock.lock();
        auto const waited = co_await changed.wait(*held);
        order.push_back(waited ? name : -name);
        wrong += static_cast<bool>(*held) != waited.has_value();
        if (waited) wrong += static_cast<bool>(lock.try_lock());
    }
    // Keeps the mutex over a yield after it was woken.
    task<> waits_and_stays(int name) {
        auto held = co_await lock.lock();
        static_cast<void>(co_await changed.wait(*held));
        order.push_back(name);
        co_await yield();
        order.push_back(name);
    }
    bool is_free() { return static_cast<bool>(lock.try_lock()); }
};

} // namespace

TEST_CASE("to wait for a condition lets go of the mutex, which the next in its queue gets") {
    manual_executor runs;
    room shared;
    auto held = shared.lock.try_lock();
    auto const waits = [&]() -> task<> {
        auto const waited = co_await shared.changed.wait(held);
        shared.order.push_back(waited ? 1 : -1);
    };
    started second{shared.waits(2), context{runs}}; // in the queue of the mutex
    started first{waits(), context{runs}};
    CHECK(!held);
    CHECK(runs.ready() == 1);
    CHECK(!shared.is_free()); // handed over
    runs.run_all();           // second had it, and waits for the condition behind first
    CHECK(shared.is_free());
    shared.changed.notify_all();
    runs.run_one();
    CHECK(shared.order == std::vector{1});
    CHECK(held);
    held.unlock();
    runs.run_all();
    CHECK(shared.order == std::vector{1, 2});
    CHECK(shared.wrong == 0);
}

TEST_CASE("with the mutex free, notify_one hands it to the first, and resumes nobody inside the call (T8)") {
    manual_executor runs;
    room shared;
    started first{shared.waits(1), context{runs}};
    started second{shared.waits(2), context{runs}};
    shared.changed.notify_one();
    CHECK(shared.order.empty());
    CHECK(!shared.is_free()); // it has it already
    runs.run_all();
    CHECK(shared.order == std::vector{1});
    CHECK(!second.done());
    CHECK(shared.is_free());
    shared.changed.notify_one();
    runs.run_all();
    CHECK(shared.order == std::vector{1, 2});
    CHECK(shared.wrong == 0);
}

TEST_CASE("with the mutex held, who is notified waits for it behind those who asked before (T8)") {
    manual_executor runs;
    room shared;
    started first{shared.waits(1), context{runs}};
    auto held = shared.lock.try_lock();
    auto const locks = [&]() -> task<> {
        auto const guard = co_await shared.lock.lock();
        shared.order.push_back(2);
    };
    started earlier{locks(), context{runs}};
    shared.changed.notify_one();
    CHECK(runs.run_all() == 0); // the mutex is not to be had
    started later{locks(), context{runs}};
    held.unlock();
    runs.run_all();
    CHECK(shared.order == std::vector{2, 1, 2});
    CHECK(shared.wrong == 0);
    CHECK(shared.is_free());
}

TEST_CASE("notify_all lets them in one at a time, in their order (T8)") {
    for (bool const free : {true, false}) {
        manual_executor runs;
        room shared;
        started first{shared.waits_and_stays(1), context{runs}};
        started second{shared.waits_and_stays(2), context{runs}};
        started third{shared.waits_and_stays(3), context{runs}};
        auto held = free ? mutex_guard{} : shared.lock.try_lock();
        shared.changed.notify_all();
        CHECK(runs.ready() == (free ? 1 : 0)); // no herd
        held.unlock();
        runs.run_all();
        CHECK(shared.order == std::vector{1, 1, 2, 2, 3, 3});
        CHECK(shared.is_free());
    }
}

TEST_CASE("a notification that finds nobody is lost, and does not wake who comes later") {
    manual_executor runs;
    room shared;
    shared.changed.notify_one();
    shared.changed.notify_all();
    CHECK(shared.is_free());
    started work{shared.waits(1), context{runs}};
    runs.run_all();
    CHECK(!work.done());
    shared.changed.notify_one();
    runs.run_all();
    CHECK(shared.order == std::vector{1});
}

TEST_CASE("a stop before the wait begins lets go of the mutex, and leaves the guard empty (T6)") {
    manual_executor runs;
    stop_source stop;
    stop.request_stop();
    room shared;
    started work{shared.waits(1), context{runs}.with_stop(stop.token())};
    CHECK(work.done());
    CHECK(shared.order == std::vector{-1});
    CHECK(shared.wrong == 0);
    CHECK(shared.is_free());
}

TEST_CASE("the mutex that a stop lets go of before the wait begins goes to the next") {
    manual_executor runs;
    stop_source stop;
    stop.request_stop();
    room shared;
    auto held = shared.lock.try_lock();
    auto const stops = [&](mutex_guard& mine) -> task<> {
        static_cast<void>(co_await shared.changed.wait(mine));
        shared.order.push_back(mine ? 1 : -1);
    };
    auto const locks = [&]() -> task<> {
        auto const guard = co_await shared.lock.lock();
        shared.order.push_back(2);
    };
    started next{locks(), context{runs}};
    started work{stops(held), context{runs}.with_stop(stop.token())};
    runs.run_all();
    CHECK(shared.order == std::vector{-1, 2});
    CHECK(shared.is_free());
}

TEST_CASE("a stop while it waits for the condition does not wait for the mutex (T6, T8)") {
    manual_executor runs;
    stop_source stop;
    room shared;
    started first{shared.waits(1), context{runs}.with_stop(stop.token())};
    started second{shared.waits(2), context{runs}};
    auto held = shared.lock.try_lock();
    stop.request_stop();
    runs.run_all();
    CHECK(shared.order == std::vector{-1});
    held.unlock();
    runs.run_all();
    CHECK(!second.done()); // nothing was notified that could go to it
    shared.changed.notify_one();
    runs.run_all();
    CHECK(shared.order == std::vector{-1, 2});
    CHECK(shared.wrong == 0);
    CHECK(shared.is_free());
}

TEST_CASE("a notification that had reached who is stopped goes to the next who waits (T7)") {
    manual_executor runs;
    stop_source stop;
    room shared;
    started first{shared.waits(1), context{runs}.with_stop(stop.token())};
    started second{shared.waits(2), context{runs}};
    started third{shared.waits(3), context{runs}};
    auto held = shared.lock.try_lock();
    shared.changed.notify_one(); // first waits for the mutex now
    stop.request_stop();
    runs.run_all();
    CHECK(shared.order == std::vector{-1});
    held.unlock();
    runs.run_all();
    CHECK(shared.order == std::vector{-1, 2});
    CHECK(!third.done());
    shared.changed.notify_one();
    runs.run_all();
    CHECK(shared.order == std::vector{-1, 2, 3});
    CHECK(shared.wrong == 0);
    CHECK(shared.is_free());
}

TEST_CASE("a stop after the mutex was handed over comes too late, and the notification is used (T7)") {
    manual_executor runs;
    stop_source stop;
    room shared;
    started first{shared.waits(1), context{runs}.with_stop(stop.token())};
    started second{shared.waits(2), context{runs}};
    shared.changed.notify_one();
    stop.request_stop();
    runs.run_all();
    CHECK(shared.order == std::vector{1});
    CHECK(!second.done());
    shared.changed.notify_one();
    runs.run_all();
    CHECK(shared.wrong == 0);
    CHECK(shared.is_free());
}

TEST_CASE("a timeout ends the wait for a condition in either queue, and says so") {
    for (bool const notified : {false, true}) {
        virtual_wheel time;
        manual_executor runs;
        room shared;
        bool kept = true;
        auto const hasty = [&]() -> task<result<void>> {
            auto mine = co_await shared.lock.lock();
            auto const waited = co_await timeout(shared.changed.wait(*mine), 1h);
            kept = static_cast<bool>(*mine);
            co_return waited;
        };
        started work{hasty(), context{runs}};
        auto held = shared.lock.try_lock();
        if (notified) shared.changed.notify_one();
        time.advance_by(2h, runs);
        REQUIRE(work.done());
        CHECK(work.take().error() == errc::timed_out);
        CHECK(!kept);
        held.unlock();
        CHECK(shared.is_free());
        CHECK(time.wheel().size() == 0);
    }
}

TEST_CASE("two conditions of one mutex do not wake each other's waiters") {
    manual_executor runs;
    room shared;
    condition other{shared.lock};
    auto const waits = [&]() -> task<> {
        auto held = co_await shared.lock.lock();
        static_cast<void>(co_await other.wait(*held));
        shared.order.push_back(2);
    };
    started first{shared.waits(1), context{runs}};
    started second{waits(), context{runs}};
    other.notify_all();
    runs.run_all();
    CHECK(shared.order == std::vector{2});
    shared.changed.notify_all();
    runs.run_all();
    CHECK(shared.order == std::vector{2, 1});
}

TEST_CASE("a condition ends in the hands of who was notified") {
    manual_executor runs;
    mutex lock;
    auto changed = std::make_unique<condition>(lock);
    auto const waits = [&]() -> task<> {
        auto held = co_await lock.lock();
        static_cast<void>(co_await changed->wait(*held));
        changed.reset();
    };
    started work{waits(), context{runs}};
    changed->notify_all();
    runs.run_all();
    CHECK(work.done());
    CHECK(lock.try_lock());
}

TEST_CASE("a bounded buffer over conditions, with random stops and orders of execution, loses nothing (T7)") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        std::mt19937_64 random{seed};
        manual_executor runs{seed};
        mutex lock;
        condition filled{lock};
        condition emptied{lock};
        std::deque<int> buffer;
        std::deque<stop_source> stops;
        int sent = 0;
        int received = 0;
        std::size_t most = 0;
        // Repeats until it was done `times` times; a stopped wait is begun anew under another stop.
        auto const repeats = [&](condition& changed, auto possible, auto act, int times) -> task<> {
            while (times > 0) {
                stop_source& mine = stops.emplace_back();
                context const& here = co_await this_task();
                context const stoppable = here.with_stop(mine.token());
                auto held = co_await lock.lock();
                co_await use_context(stoppable);
                bool stopped = false;
                while (!stopped && !possible()) {
                    auto const waited = co_await changed.wait(*held);
                    stopped = !waited;
                }
                co_await use_context(here);
                if (stopped) continue;
                act();
                --times;
            }
        };
        auto const has_room = [&] { return buffer.size() < 2; };
        auto const has_some = [&] { return !buffer.empty(); };
        auto const puts = [&] {
            buffer.push_back(++sent);
            most = std::max(most, buffer.size());
            filled.notify_one();
        };
        auto const takes = [&] {
            received += buffer.front() == received + 1; // first in, first out
            buffer.pop_front();
            emptied.notify_one();
        };
        std::deque<started<task<>>> all;
        for (int n = 0; n < 3; ++n) {
            all.emplace_back(repeats(emptied, has_room, puts, 6), context{runs});
            all.emplace_back(repeats(filled, has_some, takes, 6), context{runs});
        }
        for (int n = 0; n < 150; ++n) {
            if (random() % 3 == 0) stops[random() % stops.size()].request_stop();
            else runs.run_one();
        }
        runs.run_all();
        for (auto& one : all) REQUIRE(one.done());
        REQUIRE(sent == 18);
        REQUIRE(received == 18);
        REQUIRE(most <= 2);
        REQUIRE(static_cast<bool>(lock.try_lock()));
    }
}
