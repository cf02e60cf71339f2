// tests/unit/flow/flight_urgency.cpp: a flight takes the latest deadline and the highest priority of its callers.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"
#include "unit/flow/told_time.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/flow/flight_urgency.hpp>
#include <weir/runtime/priority.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/sync/event.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

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

// A scheduler with a queue for each priority.
class three_lanes : immovable {
public:
    manual_executor& at(priority level) { return lanes_[static_cast<std::size_t>(level)]; }
    std::size_t ready(priority level) { return at(level).ready(); }
    void run_all() {
        while (lanes_[0].run_one() || lanes_[1].run_one() || lanes_[2].run_one()) {}
    }
    context asks(priority level) {
        context where{at(level)};
        where.priority = level;
        return where;
    }

private:
    struct lane : manual_executor {
        explicit lane(three_lanes& within) : of{within} {}
        executor& at(priority level) noexcept override { return of.at(level); }
        three_lanes& of;
    };
    std::array<lane, 3> lanes_{lane{*this}, lane{*this}, lane{*this}};
};

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

TEST_CASE("a flight that has been joined by somebody more urgent is woken through that one's queue", "[coalescer]") {
    three_lanes loop;
    open_loader loader;
    coalescer<int, int> c{loader.function()};
    started leader{c.get(1), loop.asks(priority::low)};
    SECTION("raised once") {
        started joiner{c.get(1), loop.asks(priority::high)};
        started late{c.get(1), loop.asks(priority::normal)};
        loader.open.set();
        CHECK(loop.ready(priority::high) == 1);
        CHECK(loop.ready(priority::normal) == 0);
        CHECK(loop.ready(priority::low) == 0);
        loop.run_all();
        CHECK(joiner.take());
        CHECK(late.take());
    }
    SECTION("joined by nobody who is, it stays where it was") {
        started joiner{c.get(1), loop.asks(priority::low)};
        loader.open.set();
        CHECK(loop.ready(priority::low) == 1);
        CHECK(loop.ready(priority::high) == 0);
        loop.run_all();
        CHECK(joiner.take());
    }
    CHECK(leader.take());
}

TEST_CASE("work of a raised flight that was given a priority of its own stays in its own queue", "[coalescer]") {
    three_lanes loop;
    event open;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
        context narrower = co_await this_task();
        narrower.executor = narrower.executor.at(priority::low);
        narrower.priority = priority::low;
        auto waits = [&](context const& here) -> task<> {
            co_await use_context(here);
            static_cast<void>(co_await open.wait());
        };
        co_await waits(narrower);
        co_return key;
    }};
    started leader{c.get(1), loop.asks(priority::normal)};
    started joiner{c.get(1), loop.asks(priority::high)};
    open.set();
    CHECK(loop.ready(priority::low) == 1);
    CHECK(loop.ready(priority::high) == 0);
    loop.run_all();
    CHECK(leader.take());
    CHECK(joiner.take());
}

TEST_CASE("a flight begins in the queue of its leader's priority on the executor that it is told", "[coalescer]") {
    three_lanes loop;
    manual_executor elsewhere;
    open_loader loader;
    coalescer_options options;
    options.executor = loop.at(priority::normal);
    coalescer<int, int> c{loader.function(), options};
    context stranger{elsewhere};
    stranger.priority = priority::low;
    started leader{c.get(1), stranger};
    CHECK(loop.ready(priority::low) == 1);
    CHECK(loop.ready(priority::normal) == 0);
    loop.run_all();
    loader.open.set();
    loop.run_all();
    elsewhere.run_all();
    CHECK(leader.take());
}

TEST_CASE("in a runtime a raised flight overtakes what is ready at the priority that it began with", "[coalescer]") {
    runtime_options chosen;
    chosen.workers = 1;
    chosen.priorities = true;
    runtime rt{chosen};
    event open;
    std::string log;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
        static_cast<void>(co_await open.wait());
        log += 'f';
        co_return key;
    }};
    auto asks = [&](priority level) -> task<> {
        co_await with_priority(level, [](coalescer<int, int>& of) -> task<> { static_cast<void>(co_await of.get(1)); },
                               std::ref(c));
    };
    auto notes = [&]() -> task<> {
        static_cast<void>(co_await open.wait());
        log += 'n';
    };
    auto all = [&](scope& children) -> task<> {
        children.spawn(asks, priority::low);
        while (c.figures().leads == 0) co_await yield();
        children.spawn(asks, priority::high);
        while (c.figures().joins == 0) co_await yield();
        for (int n = 0; n < 3; ++n) children.spawn(notes);
        for (int n = 0; n < 10; ++n) co_await yield();
        open.set();
    };
    rt.block_on([&]() -> task<> { co_await in_scope(all); });
    CHECK(log == "fnnn");
}
