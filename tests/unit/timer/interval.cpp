// tests/unit/timer/interval.cpp: ticks stay where they are, however late their listener is.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/coro/task.hpp>
#include <weir/timer/interval.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

task<result<std::uint64_t>> listens(interval& to) { co_return co_await to.next(); }

task<> counts(interval& to, std::vector<std::uint64_t>& ticks) {
    for (;;) {
        auto const passed = co_await to.next();
        if (!passed) co_return;
        ticks.push_back(*passed);
    }
}

} // namespace

TEST_CASE("a tick comes at each period, and not before it") {
    virtual_wheel time;
    manual_executor runs;
    stop_source stop;
    interval ticks{1h, time.origin()};
    std::vector<std::uint64_t> got;
    started work{counts(ticks, got), context{runs}.with_stop(stop.token())};
    for (int n = 1; n <= 5; ++n) {
        time.advance_to(time.origin() + n * 1h - 1ns, runs);
        CHECK(got.size() == static_cast<std::size_t>(n - 1));
        time.advance_to(time.origin() + n * 1h + 66us, runs); // a wheel's tick later
        CHECK(got.size() == static_cast<std::size_t>(n));
    }
    CHECK(got == std::vector<std::uint64_t>(5, 1));
    CHECK(ticks.next_tick() == time.origin() + 6h); // without drift
    stop.request_stop();
    runs.run_all();
    CHECK(work.done());
}

TEST_CASE("who comes late is told how many ticks passed, once, and the next is where it always was") {
    virtual_wheel time;
    manual_executor runs;
    interval ticks{1h, clock::now() - 10h - 30min};
    time_point const begin = ticks.next_tick() - 1h;
    started late{listens(ticks), context{runs}};
    CHECK(!late.done()); // it gives way first
    time.advance_by(1ms, runs);
    REQUIRE(late.done());
    CHECK(*late.take() == 10);
    CHECK(ticks.next_tick() == begin + 11h);
    started next{listens(ticks), context{runs}};
    time.advance_by(1min, runs);
    CHECK(!next.done());
    time.advance_to(begin + 11h + 1ms, runs);
    REQUIRE(next.done());
    CHECK(*next.take() == 1);
}

TEST_CASE("a stop loses no tick: the next call tells of it (T6)") {
    virtual_wheel time;
    manual_executor runs;
    for (bool const before : {true, false}) {
        stop_source stop;
        interval ticks{1h, time.now()};
        time_point const first = ticks.next_tick();
        if (before) stop.request_stop(errc::shut_down);
        {
            started wait{listens(ticks), context{runs}.with_stop(stop.token())};
            stop.request_stop(errc::shut_down);
            runs.run_all();
            REQUIRE(wait.done());
            CHECK(wait.take().error() == errc::shut_down);
        }
        CHECK(time.wheel().size() == 0);
        CHECK(ticks.next_tick() == first);
        started again{listens(ticks), context{runs}};
        time.advance_to(first + 1ms, runs);
        REQUIRE(again.done());
        CHECK(*again.take() == 1);
    }
}

TEST_CASE("a listener that is always late hears of a stop all the same") {
    virtual_wheel time;
    manual_executor runs;
    stop_source stop;
    interval ticks{1ns, time.origin()};
    std::vector<std::uint64_t> got;
    started work{counts(ticks, got), context{runs}.with_stop(stop.token())};
    CHECK(!work.done());
    stop.request_stop();
    runs.run_all();
    CHECK(work.done());
    CHECK(got.empty());
}

TEST_CASE("a wait for a tick is timed out as any wait") {
    virtual_wheel time;
    manual_executor runs;
    interval ticks{10h};
    started work{timeout(ticks.next(), 1h), context{runs}};
    time.advance_by(2h, runs);
    REQUIRE(work.done());
    CHECK(work.take().error() == errc::timed_out);
}

TEST_CASE("a period without end never ticks (T5)") {
    virtual_wheel time;
    manual_executor runs;
    stop_source stop;
    interval ticks{duration::max()};
    CHECK(ticks.next_tick() == no_deadline);
    started work{listens(ticks), context{runs}.with_stop(stop.token())};
    time.advance_by(24h * 365 * 100, runs);
    CHECK(!work.done());
    stop.request_stop();
    runs.run_all();
    REQUIRE(work.done());
    CHECK(work.take().error() == errc::cancelled);
}
