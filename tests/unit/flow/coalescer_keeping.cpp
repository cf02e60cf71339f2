// tests/unit/flow/coalescer_keeping.cpp: what has landed is kept for its time, and for no longer than it is true.
#include "support/allocations.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"
#include "unit/flow/told_time.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

coalescer_options keeping(duration value, duration error = {}) {
    coalescer_options options;
    options.time_to_live = value;
    options.negative_time_to_live = error;
    options.jitter = 0;
    options.now = &told_time::now;
    return options;
}

// A loader whose runs are counted: it gives key * 100 + run, or `fails`.
struct counted_loader {
    int runs = 0;
    std::error_code fails;
    event* opens = nullptr; // what it waits for, if anything

    auto function() {
        return [this](int const& key) -> task<result<int>> {
            int const run = ++runs;
            if (opens) {
                auto const waited = co_await opens->wait();
                if (!waited) co_return waited.error();
            }
            if (fails) co_return fails;
            co_return key * 100 + run;
        };
    }
};

template <class C>
int value_of(C& c, int key) {
    auto const got = sync_wait(c.get(key));
    return got ? **got : -1;
}

} // namespace

TEST_CASE("a value is kept for its time to live, and loaded anew after it", "[coalescer]") {
    told_time time;
    counted_loader loader;
    coalescer<int, int> c{loader.function(), keeping(10s)};
    CHECK(value_of(c, 1) == 101);
    time.pass(9999ms);
    CHECK(value_of(c, 1) == 101);
    CHECK(value_of(c, 2) == 202);
    time.pass(1ms);
    CHECK(value_of(c, 1) == 103);
    CHECK(value_of(c, 2) == 202);
    auto const figures = c.figures();
    CHECK(figures.leads == 3);
    CHECK(figures.hits == 2);
    CHECK(figures.stale_hits == 0);
    CHECK(figures.entries == 2);
    CHECK(figures.in_flight == 0);
}

TEST_CASE("without a time to live nothing is kept", "[coalescer]") {
    counted_loader loader;
    coalescer<int, int> c{loader.function()};
    CHECK(value_of(c, 1) == 101);
    CHECK(value_of(c, 1) == 102);
    CHECK(!c.peek(1));
    CHECK(c.figures().entries == 0);
}

TEST_CASE("a hit is ready at once, allocates nothing, and is the same object", "[coalescer]") {
    told_time const time;
    manual_executor loop;
    counted_loader loader;
    coalescer<int, int> c{loader.function(), keeping(10s)};
    auto const first = sync_wait(c.get(1));
    shared_value<int> again;
    bool ready = false;
    std::size_t const made = blocks_made_by([&] {
        auto asking = c.get(1);
        auto caller = std::move(asking).operator co_await();
        ready = caller.await_ready();
        again = *caller.await_resume();
    });
    CHECK(ready);
    CHECK(made == 0);
    CHECK(again.same_as(*first));
}

TEST_CASE("a value that is kept outlives its entry in the hands of who has it", "[coalescer]") {
    told_time time;
    coalescer<int, std::shared_ptr<int>> c{
        [](int const& key) -> task<std::shared_ptr<int>> { co_return std::make_shared<int>(key); }, keeping(10s)};
    std::weak_ptr<int> watched;
    {
        auto const held = sync_wait(c.get(7));
        watched = **held;
        CHECK(c.invalidate(7));
        CHECK(!watched.expired());
        CHECK(***held == 7);
    }
    CHECK(watched.expired());
    watched = **sync_wait(c.get(8));
    CHECK(!watched.expired());
    c.clear();
    CHECK(watched.expired());
    CHECK(c.figures().entries == 0);
}

TEST_CASE("an error is kept for its own time, and an exception too", "[coalescer]") {
    told_time time;
    counted_loader loader;
    loader.fails = make_error_code(errc::too_long);
    coalescer<int, int> c{loader.function(), keeping(10s, 1s)};
    for (int n = 0; n < 3; ++n) CHECK(sync_wait(c.get(1)).error() == errc::too_long);
    CHECK(loader.runs == 1);
    CHECK(!c.peek(1));
    time.pass(1s);
    loader.fails = {};
    CHECK(value_of(c, 1) == 102);

    int throws = 0;
    coalescer<int, int> d{[&](int const&) -> task<int> {
                              ++throws;
                              throw std::runtime_error("no");
                              co_return 0;
                          },
                          keeping(10s, 1s)};
    for (int n = 0; n < 3; ++n) CHECK_THROWS_AS(sync_wait(d.get(1)), std::runtime_error);
    CHECK(throws == 1);
    time.pass(1s);
    CHECK_THROWS_AS(sync_wait(d.get(1)), std::runtime_error);
    CHECK(throws == 2);
}

TEST_CASE("S3: an error is not kept without a time of its own", "[coalescer]") {
    told_time const time;
    counted_loader loader;
    loader.fails = make_error_code(errc::too_long);
    coalescer<int, int> c{loader.function(), keeping(10s)};
    for (int n = 1; n <= 3; ++n) {
        CHECK(sync_wait(c.get(1)).error() == errc::too_long);
        CHECK(loader.runs == n);
    }
    CHECK(c.figures().entries == 0);
}

TEST_CASE("what tells of who asked, and not of the key, is never kept", "[coalescer]") {
    told_time const time;
    counted_loader loader;
    coalescer<int, int> c{loader.function(), keeping(10s, 10s)};
    int runs = 0;
    for (errc const passing : {errc::cancelled, errc::closed, errc::overloaded, errc::self_deadlock, errc::shut_down,
                               errc::circuit_open}) {
        loader.fails = make_error_code(passing);
        CHECK(sync_wait(c.get(1)).error() == passing);
        CHECK(loader.runs == ++runs);
        CHECK(c.figures().entries == 0);
    }
}

TEST_CASE("S10: a load that was invalidated while it ran fills nothing", "[coalescer]") {
    told_time const time;
    manual_executor loop;
    event opens;
    counted_loader loader;
    loader.opens = &opens;
    coalescer<int, int> c{loader.function(), keeping(10s, 10s)};
    started early{c.get(1), context{loop}};
    SECTION("by its key") { CHECK(c.invalidate(1)); }
    SECTION("with others") { CHECK(c.invalidate_if([](int key) { return key < 5; }) == 1); }
    SECTION("with all") { c.clear(); }
    opens.set();
    loop.run_all();
    CHECK(**early.take() == 101);
    CHECK(!c.peek(1));
    CHECK(value_of(c, 1) == 102);
    CHECK(*c.peek(1) == 102);
}

TEST_CASE("S10: the later flight's value is kept, whichever lands last", "[coalescer]") {
    told_time const time;
    manual_executor loop;
    event doors[2];
    int runs = 0;
    coalescer<int, int> c{[&](int const&) -> task<int> {
                              int const run = runs++;
                              static_cast<void>(co_await doors[run].wait());
                              co_return run;
                          },
                          keeping(10s)};
    started early{c.get(1), context{loop}};
    c.invalidate(1);
    started late{c.get(1), context{loop}};
    std::size_t const first = GENERATE(0u, 1u);
    doors[first].set();
    loop.run_all();
    doors[1 - first].set();
    loop.run_all();
    CHECK(**early.take() == 0);
    CHECK(**late.take() == 1);
    CHECK(*c.peek(1) == 1);
    CHECK(runs == 2);
}

TEST_CASE("S6: a flight that everybody left fills nothing, unless it may finish", "[coalescer]") {
    told_time const time;
    manual_executor loop;
    event deaf;
    bool const finishes = GENERATE(false, true);
    coalescer_options options = keeping(10s);
    options.finishes_abandoned = finishes;
    bool stopped = false;
    coalescer<int, int> c{[&](int const&) -> task<int> {
                              context const& here = co_await this_task();
                              context const patient = here.with_stop({});
                              stop_token const asked = here.stop;
                              co_await use_context(patient);
                              static_cast<void>(co_await deaf.wait());
                              stopped = asked.stop_requested();
                              co_return 5;
                          },
                          options};
    stop_source leaves;
    started only{c.get(1), context{loop}.with_stop(leaves.token())};
    leaves.request_stop();
    loop.run_all();
    CHECK(only.take().error() == errc::cancelled);
    CHECK(c.figures().abandoned == 1);
    deaf.set();
    loop.run_all();
    CHECK(stopped == !finishes);
    CHECK(static_cast<bool>(c.peek(1)) == finishes);
    CHECK(c.figures().in_flight == 0);
}

TEST_CASE("peek shows what is kept and fresh, and loads nothing", "[coalescer]") {
    told_time time;
    counted_loader loader;
    coalescer<int, int> c{loader.function(), keeping(10s)};
    CHECK(!c.peek(1));
    CHECK(loader.runs == 0);
    value_of(c, 1);
    REQUIRE(c.peek(1));
    CHECK(*c.peek(1) == 101);
    CHECK(c.figures().hits == 0);
    time.pass(10s);
    CHECK(!c.peek(1));
}

TEST_CASE("keys are invalidated by what they are", "[coalescer]") {
    told_time const time;
    int const count = 500;
    counted_loader loader;
    coalescer<int, int> c{loader.function(), keeping(10s)};
    for (int key = 0; key < count; ++key) value_of(c, key);
    CHECK(c.invalidate_if([](int key) { return key % 3 == 0; }) == 167);
    for (int key = 0; key < count; ++key) CHECK(static_cast<bool>(c.peek(key)) == (key % 3 != 0));
    CHECK_THROWS_AS(c.invalidate_if([](int key) -> bool { return key == 100 ? throw std::runtime_error("key") : false; }),
                    std::runtime_error);
    CHECK(c.figures().entries == 333);
    c.clear();
    CHECK(c.figures().entries == 0);
}

TEST_CASE("a crowd of keys in one bucket is cleared whole", "[coalescer]") {
    struct one_hash {
        std::size_t operator()(int) const { return 1; }
    };
    told_time const time;
    counted_loader loader;
    coalescer<int, int, one_hash> c{loader.function(), keeping(10s)};
    for (int key = 0; key < 100; ++key) value_of(c, key);
    CHECK(c.figures().entries == 100);
    c.clear();
    CHECK(c.figures().entries == 0);
}

TEST_CASE("refresh loads although the value is fresh, and others keep what there is until it lands", "[coalescer]") {
    told_time const time;
    manual_executor loop;
    event opens;
    counted_loader loader;
    coalescer<int, int> c{loader.function(), keeping(10s)};
    value_of(c, 1);
    loader.opens = &opens;
    started anew{c.refresh(1), context{loop}};
    started another{c.refresh(1), context{loop}};
    CHECK(loader.runs == 2);
    CHECK(value_of(c, 1) == 101);
    CHECK(*c.peek(1) == 101);
    opens.set();
    loop.run_all();
    CHECK(**anew.take() == 102);
    CHECK(**another.take() == 102);
    CHECK(value_of(c, 1) == 102);
    CHECK(c.figures().entries == 1);
}

TEST_CASE("a refresh that fails or is left leaves what was kept", "[coalescer]") {
    told_time time;
    manual_executor loop;
    event opens;
    counted_loader loader;
    coalescer<int, int> c{loader.function(), keeping(10s, 10s)};
    value_of(c, 1);
    loader.opens = &opens;
    stop_source leaves;
    started anew{c.refresh(1), context{loop}.with_stop(leaves.token())};
    SECTION("it fails") {
        loader.fails = make_error_code(errc::too_long);
        opens.set();
        loop.run_all();
        CHECK(anew.take().error() == errc::too_long);
    }
    SECTION("it is left") {
        leaves.request_stop();
        loop.run_all();
        CHECK(anew.take().error() == errc::cancelled);
    }
    CHECK(value_of(c, 1) == 101);
    CHECK(c.figures().entries == 1);
    time.pass(10s);
    loader.fails = {};
    opens.set();
    CHECK(value_of(c, 1) == 103);
}

TEST_CASE("a refresh that is invalidated takes what it was to replace along", "[coalescer]") {
    told_time const time;
    manual_executor loop;
    event opens;
    counted_loader loader;
    coalescer<int, int> c{loader.function(), keeping(10s)};
    value_of(c, 1);
    loader.opens = &opens;
    started anew{c.refresh(1), context{loop}};
    CHECK(c.invalidate(1));
    CHECK(!c.peek(1));
    opens.set();
    loop.run_all();
    CHECK(**anew.take() == 102);
    CHECK(!c.peek(1));
    CHECK(c.figures().entries == 0);
}

TEST_CASE("lifetimes differ by the jitter, and by no more", "[coalescer]") {
    told_time time;
    counted_loader loader;
    coalescer_options options = keeping(100s);
    options.jitter = 0.2;
    coalescer<int, int> c{loader.function(), options};
    for (int key = 0; key < 200; ++key) value_of(c, key);
    auto const fresh = [&] {
        int count = 0;
        for (int key = 0; key < 200; ++key) count += static_cast<bool>(c.peek(key));
        return count;
    };
    time.pass(79s);
    CHECK(fresh() == 200);
    time.pass(21s);
    CHECK(fresh() > 50); // half of them, give or take seven sigma
    CHECK(fresh() < 150);
    time.pass(21s);
    CHECK(fresh() == 0);
}

TEST_CASE("what lives for ever does not overflow the clock", "[coalescer]") {
    told_time time;
    counted_loader loader;
    coalescer_options options = keeping(duration::max());
    options.jitter = 0.2;
    coalescer<int, int> c{loader.function(), options};
    value_of(c, 1);
    time.pass(std::chrono::hours{24 * 365 * 100});
    CHECK(*c.peek(1) == 101);
}

TEST_CASE("S15: what is past its time leaves as others come", "[coalescer]") {
    told_time time;
    counted_loader loader;
    coalescer<int, int> c{loader.function(), keeping(10s)};
    int const count = static_cast<int>(scaled(20'000));
    for (int key = 0; key < count; ++key) value_of(c, key);
    CHECK(c.figures().entries == static_cast<std::size_t>(count));
    time.pass(10s);
    for (int key = count; key < 2 * count; ++key) value_of(c, key);
    CHECK(c.figures().entries < static_cast<std::size_t>(count) * 11 / 10);
    c.clear();
    CHECK(c.figures().entries == 0);
}

TEST_CASE("S17: close forgets what is kept", "[coalescer]") {
    told_time const time;
    manual_executor loop;
    counted_loader loader;
    coalescer<int, int> c{loader.function(), keeping(10s)};
    value_of(c, 1);
    started closer{c.close(), context{loop}};
    CHECK(closer.done());
    CHECK(!c.peek(1));
    CHECK(sync_wait(c.get(1)).error() == errc::closed);
    CHECK(c.figures().entries == 0);
}
