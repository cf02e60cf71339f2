// tests/unit/flow/coalescer_stale.cpp: what is past its time answers while it is loaded anew, or instead of an error.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "unit/flow/told_time.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <chrono>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// A backend that answers key * 100 + run, fails, or waits, as the test says.
struct backend {
    told_time time;
    manual_executor loop;
    int runs = 0;
    std::error_code fails;
    event open;
    bool waits = false;

    auto function() {
        return [this](int const& key) -> task<result<int>> {
            int const run = ++runs;
            if (waits) {
                auto const waited = co_await open.wait();
                if (!waited) co_return waited.error();
            }
            if (fails) co_return fails;
            co_return key * 100 + run;
        };
    }
    static coalescer_options options() {
        coalescer_options made;
        made.time_to_live = 10s;
        made.jitter = 0;
        made.now = &told_time::now;
        return made;
    }
};

} // namespace

TEST_CASE("a stale value answers at once, and one flight loads it anew behind the callers' backs", "[coalescer]") {
    backend of;
    auto options = of.options();
    options.stale_while_revalidate = 5s;
    coalescer<int, int> c{of.function(), options};
    CHECK(**sync_wait(c.get(1)) == 101);
    of.time.pass(14s);
    of.waits = true;
    started first{c.get(1), context{of.loop}};
    started second{c.get(1), context{of.loop}};
    REQUIRE(first.done());
    REQUIRE(second.done());
    CHECK(**first.take() == 101);
    CHECK(**second.take() == 101);
    CHECK(of.runs == 1); // it waits for a turn of the executor
    of.loop.run_all();
    CHECK(of.runs == 2);
    CHECK(c.figures().in_flight == 1);
    CHECK(!c.peek(1)); // only what is fresh
    of.open.set();
    of.loop.run_all();
    CHECK(**sync_wait(c.get(1)) == 102);
    auto const figures = c.figures();
    CHECK(figures.stale_hits == 2);
    CHECK(figures.hits == 3);
    CHECK(figures.leads == 2);
    CHECK(figures.entries == 1);
    CHECK(figures.in_flight == 0);
}

TEST_CASE("past its stale time too, a value is loaded before it is handed out", "[coalescer]") {
    backend of;
    auto options = of.options();
    options.stale_while_revalidate = 5s;
    coalescer<int, int> c{of.function(), options};
    static_cast<void>(sync_wait(c.get(1)));
    of.time.pass(15s);
    CHECK(**sync_wait(c.get(1)) == 102);
    CHECK(c.figures().stale_hits == 0);
}

TEST_CASE("a stale value whose flight takes longer than it may be stale makes callers wait again", "[coalescer]") {
    backend of;
    auto options = of.options();
    options.stale_while_revalidate = 5s;
    coalescer<int, int> c{of.function(), options};
    static_cast<void>(sync_wait(c.get(1)));
    of.time.pass(14s);
    of.waits = true;
    started early{c.get(1), context{of.loop}};
    CHECK(**early.take() == 101);
    of.loop.run_all();
    of.time.pass(1s);
    started late{c.get(1), context{of.loop}};
    CHECK(!late.done());
    of.open.set();
    of.loop.run_all();
    CHECK(**late.take() == 102);
    CHECK(of.runs == 2);
}

TEST_CASE("a revalidation that fails leaves the stale value, and the next caller tries again", "[coalescer]") {
    backend of;
    auto options = of.options();
    options.stale_while_revalidate = 5s;
    coalescer<int, int> c{of.function(), options};
    static_cast<void>(sync_wait(c.get(1)));
    of.time.pass(11s);
    of.fails = make_error_code(errc::too_long);
    for (int n = 0; n < 3; ++n) {
        started caller{c.get(1), context{of.loop}};
        CHECK(**caller.take() == 101);
        of.loop.run_all();
        CHECK(of.runs == 2 + n);
    }
    of.fails = {};
    started caller{c.get(1), context{of.loop}};
    CHECK(**caller.take() == 101);
    of.loop.run_all();
    CHECK(*c.peek(1) == 105);
}

TEST_CASE("a revalidation that may not begin still lets the stale value answer", "[coalescer]") {
    backend of;
    auto options = of.options();
    options.stale_while_revalidate = 5s;
    options.max_flights = 1;
    coalescer<int, int> c{of.function(), options};
    static_cast<void>(sync_wait(c.get(1)));
    of.time.pass(11s);
    of.waits = true;
    started other{c.get(2), context{of.loop}};
    started caller{c.get(1), context{of.loop}};
    REQUIRE(caller.done());
    CHECK(**caller.take() == 101);
    of.open.set();
    of.loop.run_all();
    CHECK(**other.take() == 202);
}

TEST_CASE("nobody's leaving stops a revalidation, and an invalidation keeps it from filling anything", "[coalescer]") {
    backend of;
    auto options = of.options();
    options.stale_while_revalidate = 5s;
    coalescer<int, int> c{of.function(), options};
    static_cast<void>(sync_wait(c.get(1)));
    of.time.pass(11s);
    of.waits = true;
    started first{c.get(1), context{of.loop}};
    static_cast<void>(first.take());
    of.loop.run_all();
    stop_source leaves;
    started joins{c.refresh(1), context{of.loop}.with_stop(leaves.token())};
    leaves.request_stop();
    of.loop.run_all();
    CHECK(joins.take().error() == errc::cancelled);
    CHECK(c.figures().in_flight == 1);
    bool const invalidates = GENERATE(false, true);
    if (invalidates) CHECK(c.invalidate(1));
    of.open.set();
    of.loop.run_all();
    CHECK(static_cast<bool>(c.peek(1)) == !invalidates);
    CHECK(of.runs == 2);
    CHECK(c.figures().in_flight == 0);
}

TEST_CASE("within its time a stale value stands in for an error, for all who waited", "[coalescer]") {
    backend of;
    auto options = of.options();
    options.stale_if_error = 60s;
    coalescer<int, int> c{of.function(), options};
    auto const before = sync_wait(c.get(1));
    of.time.pass(20s);
    of.waits = true;
    of.fails = make_error_code(errc::too_long);
    started first{c.get(1), context{of.loop}};
    started second{c.get(1), context{of.loop}};
    CHECK(!first.done());
    of.open.set();
    of.loop.run_all();
    auto const got = first.take();
    REQUIRE(got);
    CHECK((*got).same_as(*before));
    CHECK((*second.take()).same_as(*before));
    CHECK(c.figures().stale_hits == 2);
    CHECK(c.figures().failures == 1);
    of.time.pass(50s); // past that too
    CHECK(sync_wait(c.get(1)).error() == errc::too_long);
    CHECK(c.figures().entries == 0);
}

TEST_CASE("for the negative time to live the stand-in answers without another try", "[coalescer]") {
    backend of;
    auto options = of.options();
    options.stale_if_error = 60s;
    options.negative_time_to_live = 2s;
    coalescer<int, int> c{of.function(), options};
    static_cast<void>(sync_wait(c.get(1)));
    of.time.pass(20s);
    of.fails = make_error_code(errc::too_long);
    for (int n = 0; n < 5; ++n) CHECK(**sync_wait(c.get(1)) == 101);
    CHECK(of.runs == 2);
    of.time.pass(2s);
    CHECK(**sync_wait(c.get(1)) == 101);
    CHECK(of.runs == 3);
    of.fails = {};
    of.time.pass(2s);
    CHECK(**sync_wait(c.get(1)) == 104);
}

TEST_CASE("a loader may ask for the stale value of its own key", "[coalescer]") {
    backend of;
    auto options = of.options();
    options.stale_while_revalidate = 5s;
    coalescer<int, int>* self = nullptr;
    int seen = 0;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
                              if (++of.runs > 1) {
                                  auto const elder = co_await self->get(key);
                                  seen = **elder;
                              }
                              co_return of.runs;
                          },
                          options};
    self = &c;
    static_cast<void>(sync_wait(c.get(1)));
    of.time.pass(11s);
    started caller{c.get(1), context{of.loop}};
    static_cast<void>(caller.take());
    of.loop.run_all();
    CHECK(seen == 1);
    CHECK(*c.peek(1) == 2);
}

TEST_CASE("S18: close stops a revalidation that nobody waits for", "[coalescer]") {
    backend of;
    auto options = of.options();
    options.stale_while_revalidate = 5s;
    coalescer<int, int> c{of.function(), options};
    static_cast<void>(sync_wait(c.get(1)));
    of.time.pass(11s);
    of.waits = true;
    started caller{c.get(1), context{of.loop}};
    static_cast<void>(caller.take());
    of.loop.run_all();
    started closer{c.close(), context{of.loop}};
    of.loop.run_all();
    CHECK(closer.done());
    CHECK(c.figures().in_flight == 0);
    CHECK(c.figures().entries == 0);
}
