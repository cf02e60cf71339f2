// tests/unit/flow/coalescer_leaving.cpp: callers leave a flight, keys are invalidated, the coalescer is closed.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "unit/flow/fate.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <memory>
#include <utility>
#include <vector>

using weir::coalescer;
using weir::context;
using weir::errc;
using weir::event;
using weir::result;
using weir::stop_source;
using weir::task;
using weir::test::manual_executor;
using weir::test::started;

namespace {

// A loader that waits for `open`, and notes how its runs ended.
struct gated_loader {
    event open;
    int runs = 0;
    int stopped = 0;

    auto function() {
        return [this](int const& key) -> task<result<int>> {
            int const run = ++runs;
            auto const waited = co_await open.wait();
            if (!waited) {
                ++stopped;
                co_return waited.error();
            }
            co_return key * 100 + run;
        };
    }
};

} // namespace

TEST_CASE("S5: the leader leaves, and the others get what it began", "[coalescer]") {
    manual_executor loop;
    gated_loader loader;
    coalescer<int, int> c{loader.function()};
    stop_source leaves;
    started leader{c.get(1), context{loop}.with_stop(leaves.token())};
    started joiner{c.get(1), context{loop}};
    leaves.request_stop();
    loop.run_all();
    REQUIRE(leader.done());
    CHECK(leader.take().error() == errc::cancelled);
    CHECK(!joiner.done());
    loader.open.set();
    loop.run_all();
    CHECK(**joiner.take() == 101);
    CHECK(loader.runs == 1);
    CHECK(loader.stopped == 0);
    CHECK(c.figures().abandoned == 0);
}

TEST_CASE("S6: the last to leave stops the flight, and who comes meanwhile begins the next one", "[coalescer]") {
    manual_executor loop;
    gated_loader loader;
    coalescer<int, int> c{loader.function()};
    stop_source leaves;
    started first{c.get(1), context{loop}.with_stop(leaves.token())};
    started second{c.get(1), context{loop}.with_stop(leaves.token())};
    leaves.request_stop(errc::timed_out); // the loader hears of it in a turn of its own
    started next{c.get(1), context{loop}};
    CHECK(loader.runs == 2);
    CHECK(c.figures().in_flight == 2);
    loop.run_all();
    CHECK(first.take().error() == errc::timed_out);
    CHECK(second.take().error() == errc::timed_out);
    CHECK(loader.stopped == 1);
    CHECK(!next.done());
    loader.open.set();
    loop.run_all();
    CHECK(**next.take() == 102);
    CHECK(c.figures().abandoned == 1);
    CHECK(c.figures().in_flight == 0);
}

TEST_CASE("S6: a flight that is stopping does not hand its late value to anybody", "[coalescer]") {
    manual_executor loop;
    event deaf;
    int runs = 0;
    coalescer<int, int> c{[&](int const&) -> task<int> {
        int const run = ++runs;
        context const& here = co_await weir::this_task();
        context const patient = here.with_stop({});
        co_await weir::use_context(patient); // deaf to stops
        static_cast<void>(co_await deaf.wait());
        co_return run;
    }};
    stop_source leaves;
    started first{c.get(1), context{loop}.with_stop(leaves.token())};
    leaves.request_stop();
    started second{c.get(1), context{loop}};
    deaf.set();
    loop.run_all();
    CHECK(first.take().error() == errc::cancelled);
    CHECK(**second.take() == 2);
    CHECK(runs == 2);
}

TEST_CASE("a flight that everybody left before it began does not call the loader", "[coalescer]") {
    manual_executor callers;
    manual_executor flights;
    gated_loader loader;
    weir::coalescer_options options;
    options.executor = flights;
    coalescer<int, int> c{loader.function(), options};
    stop_source leaves;
    started first{c.get(1), context{callers}.with_stop(leaves.token())};
    leaves.request_stop();
    flights.run_all();
    callers.run_all();
    CHECK(first.take().error() == errc::cancelled);
    CHECK(loader.runs == 0);
    CHECK(c.figures().in_flight == 0);
}

TEST_CASE("who is stopped before it asks begins nothing", "[coalescer]") {
    manual_executor loop;
    gated_loader loader;
    coalescer<int, int> c{loader.function()};
    stop_source stopped;
    stopped.request_stop();
    started caller{c.get(1), context{loop}.with_stop(stopped.token())};
    REQUIRE(caller.done());
    CHECK(caller.take().error() == errc::cancelled);
    CHECK(loader.runs == 0);
    CHECK(c.figures().leads == 0);
}

TEST_CASE("S7: one who leaves is alone, at whatever moment", "[coalescer]") {
    // The stop comes after so many turns of the executors, whose order the seed decides.
    int const turns = GENERATE(range(0, 10));
    unsigned const seed = GENERATE(range(1u, 7u));
    manual_executor loop{seed};
    int runs = 0;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
        ++runs;
        for (int n = 0; n < 3; ++n) co_await weir::yield();
        co_return key;
    }};
    stop_source leaves;
    started one{c.get(1), context{loop}};
    started leaver{c.get(1), context{loop}.with_stop(leaves.token())};
    started another{c.get(1), context{loop}};
    for (int n = 0; n < turns; ++n) loop.run_one();
    leaves.request_stop();
    loop.run_all();
    CHECK(**one.take() == 1);
    CHECK(**another.take() == 1);
    auto const left = leaver.take();
    if (left) CHECK(**left == 1);
    else CHECK(left.error() == errc::cancelled);
    CHECK(runs == 1);
    CHECK(c.figures().in_flight == 0);
}

TEST_CASE("S10: invalidated, earlier callers get the earlier value and later ones the later", "[coalescer]") {
    manual_executor loop;
    gated_loader loader;
    coalescer<int, int> c{loader.function()};
    CHECK(!c.invalidate(1));
    started before{c.get(1), context{loop}};
    CHECK(c.invalidate(1));
    CHECK(!c.invalidate(1));
    started after{c.get(1), context{loop}};
    started joined{c.get(1), context{loop}};
    CHECK(loader.runs == 2);
    loader.open.set();
    // The earlier flight lands first; the later one must still be found.
    loop.run_one();
    started late{c.get(1), context{loop}};
    loop.run_all();
    CHECK(**before.take() == 101);
    CHECK(**after.take() == 102);
    CHECK(**joined.take() == 102);
    CHECK(late.take());
    CHECK(c.figures().in_flight == 0);
}

TEST_CASE("S6: an invalidated flight is still stopped by the last to leave, and its successor is not", "[coalescer]") {
    manual_executor loop;
    gated_loader loader;
    coalescer<int, int> c{loader.function()};
    stop_source leaves;
    started before{c.get(1), context{loop}.with_stop(leaves.token())};
    c.invalidate(1);
    started after{c.get(1), context{loop}};
    leaves.request_stop();
    loop.run_all();
    CHECK(before.take().error() == errc::cancelled);
    CHECK(loader.stopped == 1);
    started joined{c.get(1), context{loop}};
    CHECK(loader.runs == 2);
    loader.open.set();
    loop.run_all();
    CHECK(**after.take() == 102);
    CHECK(**joined.take() == 102);
}

TEST_CASE("S17: close turns everybody away, stops the flights and joins them", "[coalescer]") {
    manual_executor loop;
    gated_loader loader;
    coalescer<int, int> c{loader.function()};
    started one{c.get(1), context{loop}};
    started joiner{c.get(1), context{loop}};
    started lost{c.get(2), context{loop}};
    c.invalidate(2); // nobody finds that flight, yet close must
    started closer{c.close(), context{loop}};
    CHECK(!closer.done());
    started late{c.get(3), context{loop}};
    REQUIRE(late.done());
    CHECK(late.take().error() == errc::closed);
    loop.run_all();
    CHECK(one.take().error() == errc::closed);
    CHECK(joiner.take().error() == errc::closed);
    CHECK(lost.take().error() == errc::closed);
    CHECK(loader.stopped == 2);
    REQUIRE(closer.done());
    started again{c.close(), context{loop}};
    CHECK(again.done());
}

TEST_CASE("S18: close waits for a loader that does not listen, and cannot be hurried", "[coalescer]") {
    manual_executor loop;
    event deaf;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
        context const& here = co_await weir::this_task();
        context const patient = here.with_stop({});
        co_await weir::use_context(patient);
        static_cast<void>(co_await deaf.wait());
        co_return key;
    }};
    started one{c.get(1), context{loop}};
    stop_source hurry;
    started closer{c.close(), context{loop}.with_stop(hurry.token())};
    hurry.request_stop();
    loop.run_all();
    CHECK(one.take().error() == errc::closed);
    CHECK(!closer.done());
    deaf.set();
    loop.run_all();
    CHECK(closer.done());
}

TEST_CASE("S18: to destroy a coalescer with a flight in the air ends the program", "[coalescer]") {
    auto const how = weir::test::fate_of([] {
        manual_executor loop;
        gated_loader loader;
        auto c = std::make_unique<coalescer<int, int>>(loader.function());
        started one{c->get(1), context{loop}};
        c.reset();
    });
    CHECK(how == weir::test::fate::aborted);
}
