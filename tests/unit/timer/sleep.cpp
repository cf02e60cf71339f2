// tests/unit/timer/sleep.cpp: sleeps end on time, together, alone, or by a stop.
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/coro/task.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/timer/sleep.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <deque>
#include <random>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

task<result<void>> sleeps_until(time_point at) { co_return co_await sleep_until(at); }
task<result<void>> sleeps_for(duration length) { co_return co_await sleep_for(length); }

} // namespace

TEST_CASE("a sleep ends at its time and not before") {
    virtual_wheel time;
    manual_executor runs;
    started work{sleeps_until(time.origin() + 1h), context{runs}};
    time.advance_to(time.origin() + 1h - 1ns, runs);
    CHECK(!work.done());
    time.advance_to(time.origin() + 1h + 66us, runs);
    REQUIRE(work.done());
    CHECK(work.take().has_value());
}

TEST_CASE("lengths of zero, below zero and without end (T5)") {
    virtual_wheel time;
    manual_executor runs;
    stop_source stop;
    context const where = context{runs}.with_stop(stop.token());
    started zero{sleeps_for(duration::zero()), where};
    started negative{sleeps_for(-1h), where};
    started least{sleeps_for(duration::min()), where};
    started endless{sleeps_for(duration::max()), where};
    started until_ever{sleeps_until(no_deadline), where};
    started long_ago{sleeps_until(time_point::min()), where};
    time.advance_by(1h, runs);
    CHECK(zero.done());
    CHECK(negative.done());
    CHECK(least.done());
    CHECK(long_ago.done());
    time.advance_by(24h * 365 * 100, runs);
    CHECK(!endless.done());
    CHECK(!until_ever.done());
    stop.request_stop();
    runs.run_all();
    REQUIRE(endless.done());
    REQUIRE(until_ever.done());
    CHECK(endless.take().error() == errc::cancelled);
    CHECK(until_ever.take().error() == errc::cancelled);
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("a stop before, during, after, twice (T6)") {
    virtual_wheel time;
    manual_executor runs;
    stop_source before, during, after;
    before.request_stop();
    started never_began{sleeps_for(1h), context{runs}.with_stop(before.token())};
    REQUIRE(never_began.done());
    CHECK(never_began.take().error() == errc::cancelled);

    started interrupted{sleeps_for(1h), context{runs}.with_stop(during.token())};
    during.request_stop(errc::shut_down);
    during.request_stop(errc::cancelled);
    CHECK(!interrupted.done());
    runs.run_all();
    REQUIRE(interrupted.done());
    CHECK(interrupted.take().error() == errc::shut_down);

    started slept{sleeps_for(1h), context{runs}.with_stop(after.token())};
    time.wheel().advance(time.origin() + 2h);
    after.request_stop(); // the timer has it already
    runs.run_all();
    REQUIRE(slept.done());
    CHECK(slept.take().has_value());
}

TEST_CASE("ten thousand sleepers wake in order of time, whatever the executor's order") {
    virtual_wheel time;
    manual_executor runs{11};
    std::mt19937_64 random{5};
    std::size_t early = 0;
    std::size_t woken = 0;
    auto const sleeper = [&](time_point at) -> task<> {
        static_cast<void>(co_await sleep_until(at));
        early += time.now() < at;
        ++woken;
    };
    std::deque<started<task<>>> all;
    std::size_t const count = scaled(10'000);
    for (std::size_t n = 0; n < count; ++n)
        all.emplace_back(sleeper(time.origin() + std::chrono::milliseconds{random() % 100'000}), context{runs});
    while (woken < count) time.advance_by(997ms, runs);
    CHECK(early == 0);
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("sleeps side by side take as long as the longest") {
    virtual_wheel time;
    manual_executor runs;
    started work{when_all(sleeps_until(time.origin() + 1h), sleeps_until(time.origin() + 3h)), context{runs}};
    time.advance_to(time.origin() + 2h, runs);
    CHECK(!work.done());
    time.advance_to(time.origin() + 3h + 1ms, runs);
    CHECK(work.done());
}
