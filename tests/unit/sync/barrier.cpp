// tests/unit/sync/barrier.cpp: nobody is a phase ahead of another, and an arrival that fails does not count.
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"
#include "support/threads_executor.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/barrier.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <random>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

task<> arrives(barrier& group, std::vector<int>& order, int name) {
    auto const met = co_await group.arrive();
    order.push_back(met ? name : -name);
}

} // namespace

TEST_CASE("the last to arrive does not wait, and the others go on in the order of their coming (T8)") {
    manual_executor runs;
    context const where{runs};
    barrier group{3};
    std::vector<int> order;
    started first{arrives(group, order, 1), where};
    started second{arrives(group, order, 2), where};
    CHECK(runs.ready() == 0);
    started third{arrives(group, order, 3), where};
    CHECK(third.done());
    CHECK(order == std::vector<int>{3}); // the others were not resumed inside the call
    runs.run_all();
    CHECK(order == std::vector<int>{3, 1, 2});
    CHECK(group.members() == 3);
}

TEST_CASE("a group of one never waits") {
    manual_executor runs;
    barrier group{1};
    std::vector<int> order;
    for (int n = 1; n <= 3; ++n) {
        started alone{arrives(group, order, n), context{runs}};
        CHECK(alone.done());
    }
    CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("phase follows phase and nobody is one ahead, whatever the order of execution") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        manual_executor runs{seed};
        barrier group{5};
        std::vector<int> reached(5, 0);
        int ahead = 0;
        auto const member = [&](std::size_t me) -> task<> {
            for (int phase = 1; phase <= 6; ++phase) {
                reached[me] = phase;
                if (me % 2) {
                    co_await yield();
                }
                static_cast<void>(co_await group.arrive());
                for (int const other : reached) ahead += other < phase; // not all had arrived
            }
        };
        std::deque<started<task<>>> all;
        for (std::size_t n = 0; n < 5; ++n) all.emplace_back(member(n), context{runs});
        runs.run_all();
        for (auto& one : all) REQUIRE(one.done());
        REQUIRE(ahead == 0);
    }
}

TEST_CASE("who is stopped already does not arrive (T6)") {
    manual_executor runs;
    stop_source stop;
    stop.request_stop();
    barrier group{2};
    std::vector<int> order;
    started first{arrives(group, order, 1), context{runs}};
    started stopped{arrives(group, order, 2), context{runs}.with_stop(stop.token())};
    CHECK(stopped.done());
    runs.run_all();
    CHECK(order == std::vector<int>{-2});
    started second{arrives(group, order, 3), context{runs}};
    runs.run_all();
    CHECK(order == std::vector<int>{-2, 3, 1});
}

TEST_CASE("a stop takes the arrival back, and it may arrive again (T6)") {
    manual_executor runs;
    stop_source stop;
    barrier group{3};
    std::vector<int> order;
    started first{arrives(group, order, 1), context{runs}.with_stop(stop.token())};
    started second{arrives(group, order, 2), context{runs}};
    stop.request_stop();
    runs.run_all();
    CHECK(order == std::vector<int>{-1});
    started third{arrives(group, order, 3), context{runs}};
    CHECK(!third.done()); // two of three
    started again{arrives(group, order, 4), context{runs}};
    runs.run_all();
    CHECK(order == std::vector<int>{-1, 4, 2, 3});
}

TEST_CASE("a stop after the last arrival comes too late") {
    manual_executor runs;
    stop_source stop;
    barrier group{2};
    std::vector<int> order;
    started first{arrives(group, order, 1), context{runs}.with_stop(stop.token())};
    started second{arrives(group, order, 2), context{runs}};
    stop.request_stop();
    runs.run_all();
    CHECK(order == std::vector<int>{2, 1});
}

TEST_CASE("a member that leaves lets the others go on, now and later, and resumes nobody inside the call") {
    manual_executor runs;
    barrier group{3};
    std::vector<int> order;
    started first{arrives(group, order, 1), context{runs}};
    started second{arrives(group, order, 2), context{runs}};
    group.leave();
    CHECK(order.empty());
    CHECK(group.members() == 2);
    runs.run_all();
    CHECK(order == std::vector<int>{1, 2});
    started third{arrives(group, order, 3), context{runs}};
    CHECK(!third.done());
    group.leave();
    runs.run_all();
    CHECK(third.done());
    group.leave();
    CHECK(group.members() == 0);
}

TEST_CASE("a member that leaves while others are still missing does not end the phase") {
    manual_executor runs;
    barrier group{4};
    std::vector<int> order;
    started first{arrives(group, order, 1), context{runs}};
    group.leave();
    runs.run_all();
    CHECK(order.empty());
    started second{arrives(group, order, 2), context{runs}};
    started third{arrives(group, order, 3), context{runs}};
    runs.run_all();
    CHECK(order == std::vector<int>{3, 1, 2});
}

TEST_CASE("a member that has waited too long leaves, and the group goes on without it") {
    virtual_wheel time;
    manual_executor runs;
    barrier group{3};
    std::vector<int> order;
    auto const hasty = [](barrier& of) -> task<> {
        auto const met = co_await timeout(of.arrive(), 1h);
        if (met.error() == errc::timed_out) of.leave();
    };
    started first{hasty(group), context{runs}};
    started second{arrives(group, order, 2), context{runs}};
    time.advance_by(2h, runs);
    CHECK(first.done());
    CHECK(group.members() == 2);
    CHECK(order.empty());
    started third{arrives(group, order, 3), context{runs}};
    runs.run_all();
    CHECK(order == std::vector<int>{3, 2});
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("random arrivals, stops and leavings: an arrival fails exactly when it does not count") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        std::mt19937_64 random{seed};
        manual_executor runs{seed};
        int const members = 2 + static_cast<int>(random() % 3);
        barrier group{static_cast<std::size_t>(members)};
        std::deque<stop_source> stops;
        int counted = 0;
        int phases = 0;
        auto const member = [&](int rounds) -> task<> {
            while (rounds > 0) {
                stop_source& mine = stops.emplace_back();
                context const& here = co_await this_task();
                context const stoppable = here.with_stop(mine.token());
                co_await use_context(stoppable);
                auto const met = co_await group.arrive();
                co_await use_context(here);
                if (met) ++counted, --rounds;
                else co_await yield();
            }
            ++phases;
        };
        std::deque<started<task<>>> all;
        for (int n = 0; n < members; ++n) all.emplace_back(member(8), context{runs});
        for (int n = 0; n < 200; ++n) {
            if (random() % 3 == 0) stops[random() % stops.size()].request_stop();
            else runs.run_one();
        }
        runs.run_all();
        for (auto& one : all) REQUIRE(one.done());
        REQUIRE(counted == 8 * members);
        REQUIRE(phases == members);
    }
}

TEST_CASE("a barrier ends in the frame of one of its two members, once the other has gone on") {
    std::size_t const turns = scaled(4000);
    threads_executor runs{2};
    auto const meets = [](std::unique_ptr<barrier>& group, atomic<int>& gone) -> task<> {
        static_cast<void>(co_await group->arrive());
        if (gone.fetch_add(1, acq_rel) == 1) group.reset();
    };
    std::size_t left = 0;
    for (std::size_t n = 0; n < turns; ++n) {
        auto group = std::make_unique<barrier>(std::size_t{2});
        atomic<int> gone{0};
        auto const starts = [&]() -> task<> {
            co_await yield(); // to a thread of the executor
            co_await meets(group, gone);
        };
        started one{starts(), context{runs}};
        started other{starts(), context{runs}};
        one.wait();
        other.wait();
        left += group != nullptr;
    }
    CHECK(left == 0);
}
