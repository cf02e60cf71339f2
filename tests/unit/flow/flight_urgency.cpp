// tests/unit/flow/flight_urgency.cpp: a flight takes the latest deadline and the highest priority of its callers.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"
#include "unit/flow/told_time.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/flow/flight_urgency.hpp>
#include <weir/sync/event.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

constexpr time_point moment{1000h};

context asking(manual_executor& loop, time_point until, priority level = priority::normal) {
    context where = context{loop}.with_deadline(until);
    where.priority = level;
    return where;
}

// A loader that waits for `open`; meanwhile its context may be looked into.
struct open_loader {
    event open;
    context const* here = nullptr;
    int stopped = 0;

    auto function() {
        return [this](int const& key) -> task<result<int>> {
            context const& given = co_await this_task();
            here = &given;
            auto const waited = co_await open.wait();
            if (!waited) {
                ++stopped;
                co_return waited.error();
            }
            co_return key;
        };
    }
};

} // namespace

TEST_CASE("a flight takes the latest deadline and the highest priority of its callers, while it runs", "[coalescer]") {
    manual_executor loop;
    open_loader loader;
    coalescer<int, int> c{loader.function()};
    started leader{c.get(1), asking(loop, moment + 1h, priority::low)};
    CHECK(deadline_of(*loader.here) == moment + 1h);
    CHECK(priority_of(*loader.here) == priority::low);

    started later{c.get(1), asking(loop, moment + 2h, priority::high)};
    CHECK(deadline_of(*loader.here) == moment + 2h);
    CHECK(priority_of(*loader.here) == priority::high);

    started earlier{c.get(1), asking(loop, moment, priority::normal)}; // asks for less, and takes nothing away
    CHECK(deadline_of(*loader.here) == moment + 2h);
    CHECK(priority_of(*loader.here) == priority::high);

    started patient{c.get(1), context{loop}};
    CHECK(deadline_of(*loader.here) == no_deadline);
    loader.open.set();
    loop.run_all();
    for (auto* one : {&leader, &later, &earlier, &patient}) CHECK(one->take());
}

TEST_CASE("who leaves takes neither its deadline nor its priority back", "[coalescer]") {
    manual_executor loop;
    open_loader loader;
    coalescer<int, int> c{loader.function()};
    stop_source leaves;
    started leader{c.get(1), asking(loop, moment + 2h, priority::high).with_stop(leaves.token())};
    started joiner{c.get(1), asking(loop, moment + 1h, priority::low)};
    leaves.request_stop();
    loop.run_all();
    CHECK(leader.take().error() == errc::cancelled);
    CHECK(deadline_of(*loader.here) == moment + 2h);
    CHECK(priority_of(*loader.here) == priority::high);
    loader.open.set();
    loop.run_all();
    CHECK(joiner.take());
}

TEST_CASE("a key's next flight knows nothing of the callers of the one before", "[coalescer]") {
    manual_executor loop;
    open_loader loader;
    coalescer<int, int> c{loader.function()};
    started before{c.get(1), asking(loop, moment + 2h, priority::high)};
    c.invalidate(1);
    started after{c.get(1), asking(loop, moment + 1h, priority::low)};
    CHECK(deadline_of(*loader.here) == moment + 1h);
    CHECK(priority_of(*loader.here) == priority::low);
    loader.open.set();
    loop.run_all();
    CHECK(before.take());
    CHECK(after.take());
}

TEST_CASE("the time of one caller ends, and the flight goes on for the one who has more", "[coalescer]") {
    virtual_wheel time;
    manual_executor loop;
    int stopped = 0;
    coalescer<int, int> c{[&](int const& key) -> task<result<int>> {
        auto const slept = co_await sleep_until(time.origin() + 3h);
        if (!slept) {
            ++stopped;
            co_return slept.error();
        }
        co_return key;
    }};
    started hasty{timeout(c.get(1), 1h), context{loop}};
    started patient{timeout(c.get(1), 4h), context{loop}};
    time.advance_to(time.origin() + 2h, loop); // the loader sleeps over the deadline that it began with
    REQUIRE(hasty.done());
    CHECK(hasty.take().error() == errc::timed_out);
    CHECK(!patient.done());
    time.advance_to(time.origin() + 3h + 1s, loop);
    REQUIRE(patient.done());
    CHECK(**patient.take() == 1);
    CHECK(stopped == 0);
    CHECK(c.figures().leads == 1);
}

TEST_CASE("when everybody's time is over, so is the loader's", "[coalescer]") {
    virtual_wheel time;
    manual_executor loop;
    open_loader loader;
    coalescer<int, int> c{loader.function()};
    started one{timeout(c.get(1), 2h), context{loop}};
    started other{timeout(c.get(1), 1h), context{loop}};
    time.advance_to(time.origin() + 1h + 1min, loop);
    CHECK(other.take().error() == errc::timed_out);
    CHECK(loader.stopped == 0);
    time.advance_to(time.origin() + 3h, loop);
    CHECK(one.take().error() == errc::timed_out);
    CHECK(loader.stopped == 1);
}

TEST_CASE("what the loader has narrowed itself stays narrow, and else follows the callers", "[coalescer]") {
    manual_executor loop;
    event open;
    context const* hurried = nullptr;
    context const* lowered = nullptr;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
        auto looks = [&](context const*& at, context narrower) -> task<> {
            co_await use_context(narrower);
            context const& here = co_await this_task();
            at = &here;
            static_cast<void>(co_await open.wait());
        };
        context const here = co_await this_task();
        context lower = here;
        lower.priority = priority::low;
        co_await when_all(looks(hurried, here.with_deadline(moment + 2h)), looks(lowered, lower));
        co_return key;
    }};
    started leader{c.get(1), asking(loop, moment + 1h, priority::normal)};
    CHECK(deadline_of(*hurried) == moment + 1h);
    started joiner{c.get(1), asking(loop, moment + 5h, priority::high)};
    CHECK(deadline_of(*hurried) == moment + 2h); // its own
    CHECK(priority_of(*hurried) == priority::high);
    CHECK(deadline_of(*lowered) == moment + 5h);
    CHECK(priority_of(*lowered) == priority::low);
    open.set();
    loop.run_all();
    CHECK(leader.take());
    CHECK(joiner.take());
}

TEST_CASE("a flight that a loader leads begins with what that loader's callers have by then", "[coalescer]") {
    manual_executor loop;
    event asks;
    open_loader inner;
    coalescer<int, int> within{inner.function()};
    coalescer<int, int> c{[&](int const& key) -> task<result<int>> {
        static_cast<void>(co_await asks.wait());
        auto const got = co_await within.get(key);
        if (!got) co_return got.error();
        co_return **got;
    }};
    started leader{c.get(1), asking(loop, moment + 1h, priority::low)};
    started joiner{c.get(1), asking(loop, moment + 2h, priority::high)};
    asks.set();
    loop.run_all();
    REQUIRE(inner.here);
    CHECK(deadline_of(*inner.here) == moment + 2h);
    CHECK(priority_of(*inner.here) == priority::high);
    CHECK(inner.here->priority == priority::high); // and says so to who looks no further than the context
    inner.open.set();
    loop.run_all();
    CHECK(leader.take());
    CHECK(joiner.take());
}

TEST_CASE("a flight for which nobody waits has no deadline", "[coalescer]") {
    manual_executor loop;
    open_loader loader;
    SECTION("because what is stale was enough for who sent it") {
        told_time time;
        coalescer_options options;
        options.now = &told_time::now;
        options.jitter = 0;
        options.time_to_live = 1h;
        options.stale_while_revalidate = 10h;
        coalescer<int, int> c{loader.function(), options};
        loader.open.set();
        started first{c.get(1), asking(loop, moment + 2h)};
        CHECK(first.take());
        loader.open.reset();
        time.pass(90min);
        started second{c.get(1), asking(loop, moment + 2h)};
        CHECK(second.take());
        loop.run_all();
        CHECK(deadline_of(*loader.here) == no_deadline);
        loader.open.set();
        loop.run_all();
    }
    SECTION("because all have left, and it is to be finished") {
        coalescer_options options;
        options.finishes_abandoned = true;
        coalescer<int, int> c{loader.function(), options};
        stop_source leaves;
        started only{c.get(1), asking(loop, moment + 1h).with_stop(leaves.token())};
        CHECK(deadline_of(*loader.here) == moment + 1h);
        leaves.request_stop();
        loop.run_all();
        CHECK(only.take().error() == errc::cancelled);
        CHECK(deadline_of(*loader.here) == no_deadline);
        loader.open.set();
        loop.run_all();
    }
}

TEST_CASE("what is done for no flight has its own deadline and priority", "[coalescer]") {
    manual_executor loop;
    context const here = asking(loop, moment, priority::low);
    CHECK(deadline_of(here) == moment);
    CHECK(priority_of(here) == priority::low);
}
