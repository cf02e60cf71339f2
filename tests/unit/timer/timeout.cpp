// tests/unit/timer/timeout.cpp: the earlier ends the wait and says why; what had completed keeps its value.
#include "support/allocations.hpp"
#include "support/counting_new.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/coro/task.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/semaphore.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

task<result<void>> waits(event& flag) { co_return co_await flag.wait(); }

} // namespace

TEST_CASE("a wait that lasts too long reports timed_out, on time") {
    virtual_wheel time;
    manual_executor runs;
    event never;
    started work{timeout(never.wait(), 1h), context{runs}};
    time.advance_to(time.origin() + 1h - 1ns, runs);
    CHECK(!work.done());
    time.advance_to(time.origin() + 2h, runs);
    REQUIRE(work.done());
    CHECK(work.take().error() == errc::timed_out);
}

TEST_CASE("a wait that ends in time keeps its value, and its timer goes") {
    virtual_wheel time;
    manual_executor runs;
    event flag;
    started work{timeout(flag.wait(), 1h), context{runs}};
    CHECK(time.wheel().size() == 1);
    flag.set();
    runs.run_all();
    REQUIRE(work.done());
    CHECK(work.take().has_value());
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("what completed before the timer fired wins over it, although it has not run yet") {
    virtual_wheel time;
    manual_executor runs;
    event flag;
    started work{timeout(flag.wait(), 1h), context{runs}};
    flag.set();
    time.wheel().advance(time.origin() + 2h);
    runs.run_all();
    REQUIRE(work.done());
    CHECK(work.take().has_value());
}

TEST_CASE("a permit that came too late is not lost (T7)") {
    virtual_wheel time;
    manual_executor runs;
    semaphore permits{0};
    started work{timeout(permits.acquire(2), 1h), context{runs}};
    time.wheel().advance(time.origin() + 2h);
    permits.release(2);
    runs.run_all();
    REQUIRE(work.done());
    CHECK(work.take().error() == errc::timed_out);
    CHECK(permits.available() == 2);
}

TEST_CASE("lengths of zero and below zero end a wait at once, but not one that need not wait (T5)") {
    virtual_wheel time;
    manual_executor runs;
    for (duration const length : {duration::zero(), duration{-1h}, duration::min()}) {
        event never;
        event raised{true};
        started waits_in_vain{timeout(never.wait(), length), context{runs}};
        REQUIRE(waits_in_vain.done());
        CHECK(waits_in_vain.take().error() == errc::timed_out);
        started need_not_wait{timeout(raised.wait(), length), context{runs}};
        REQUIRE(need_not_wait.done());
        CHECK(need_not_wait.take().has_value());
    }
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("a deadline in the past or at the end of time (T5)") {
    virtual_wheel time;
    manual_executor runs;
    event never;
    stop_source stop;
    for (time_point const at : {time_point::min(), time_point{}, time.origin()}) {
        started past{deadline(never.wait(), at), context{runs}};
        REQUIRE(past.done());
        CHECK(past.take().error() == errc::timed_out);
    }
    started endless{timeout(never.wait(), duration::max()), context{runs}.with_stop(stop.token())};
    started until_ever{deadline(never.wait(), no_deadline), context{runs}.with_stop(stop.token())};
    time.advance_by(24h * 365 * 100, runs);
    CHECK(!endless.done());
    CHECK(!until_ever.done());
    stop.request_stop();
    runs.run_all();
    REQUIRE(endless.done());
    REQUIRE(until_ever.done());
    CHECK(endless.take().error() == errc::cancelled);
}

TEST_CASE("of nested timeouts the earlier wins, and both report timed_out") {
    for (bool const inner_is_earlier : {true, false}) {
        virtual_wheel time;
        manual_executor runs;
        event never;
        auto const inner = inner_is_earlier ? 1h : 3h;
        auto const outer = inner_is_earlier ? 3h : 1h;
        started work{timeout(timeout(never.wait(), inner), outer), context{runs}};
        time.advance_to(time.origin() + 2h, runs);
        REQUIRE(work.done());
        CHECK(work.take().error() == errc::timed_out);
        CHECK(time.wheel().size() == 0);
    }
}

TEST_CASE("an inner timeout ends only what is inside of it") {
    virtual_wheel time;
    manual_executor runs;
    event never;
    auto const body = [&]() -> task<std::pair<errc, bool>> {
        auto const first = co_await timeout(never.wait(), 1h);
        context const& here = co_await this_task();
        bool const stopped = here.stop.stop_requested();
        auto const second = co_await sleep_until(time.origin() + 3h);
        co_return std::pair{static_cast<errc>(first.error().value()), !stopped && second.has_value()};
    };
    started work{timeout(body(), 10h), context{runs}};
    time.advance_to(time.origin() + 2h, runs);
    CHECK(!work.done());
    time.advance_to(time.origin() + 4h, runs);
    REQUIRE(work.done());
    CHECK(work.take() == std::pair{errc::timed_out, true});
}

TEST_CASE("a stop from above reports its own reason, not timed_out") {
    virtual_wheel time;
    manual_executor runs;
    event never;
    stop_source stop;
    started work{timeout(timeout(never.wait(), 2h), 1h), context{runs}.with_stop(stop.token())};
    stop.request_stop();
    time.advance_to(time.origin() + 3h, runs); // comes too late
    REQUIRE(work.done());
    CHECK(work.take().error() == errc::cancelled);
}

TEST_CASE("children see the earlier deadline") {
    virtual_wheel time;
    manual_executor runs;
    time_point seen;
    auto const child = [&]() -> task<> {
        context const& here = co_await this_task();
        seen = here.deadline;
    };
    started work{deadline(deadline(child(), time.origin() + 5h), time.origin() + 2h), context{runs}};
    CHECK(work.done());
    CHECK(seen == time.origin() + 2h);
}

TEST_CASE("exceptions, references and move-only values pass through") {
    virtual_wheel time;
    manual_executor runs;
    int target = 0;
    auto const throws = []() -> task<> {
        co_await yield();
        throw std::runtime_error("through");
    };
    auto const refers = [&]() -> task<int&> { co_return target; };
    auto const owns = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(6); };
    started thrown{timeout(throws(), 1h), context{runs}};
    started reference{timeout(refers(), 1h), context{runs}};
    started owned{timeout(owns(), 1h), context{runs}};
    runs.run_all();
    CHECK_THROWS_AS(thrown.take(), std::runtime_error);
    CHECK(&reference.take() == &target);
    CHECK(*owned.take() == 6);
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("a timeout stops all that its task has started, and joins it") {
    virtual_wheel time;
    manual_executor runs;
    event never;
    auto const both = [&]() -> task<std::pair<errc, errc>> {
        auto const ends = co_await when_all(waits(never), waits(never));
        co_return std::pair{static_cast<errc>(std::get<0>(ends).error().value()),
                            static_cast<errc>(std::get<1>(ends).error().value())};
    };
    started work{timeout(both(), 1h), context{runs}};
    time.advance_to(time.origin() + 2h, runs);
    REQUIRE(work.done());
    CHECK(work.take() == std::pair{errc::timed_out, errc::timed_out});
}

TEST_CASE("no frame is left, whoever won") {
    virtual_wheel time;
    manual_executor runs;
    event never;
    event raised{true};
    for (int n = 0; n < 2; ++n) { // what is made once is made in the first turn
        auto const left = blocks_left_by([&] {
            started late{timeout(never.wait(), 1h), context{runs}};
            started at_once{timeout(raised.wait(), 1h), context{runs}};
            time.advance_by(2h, runs);
        });
        if (n > 0) CHECK(left == 0);
    }
}
