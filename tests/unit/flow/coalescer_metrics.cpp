// tests/unit/flow/coalescer_metrics.cpp: a scrape tells what a coalescer has done, and how long its loads took.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "unit/flow/told_time.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/flow/coalescer_metrics.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <string>
#include <thread>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

TEST_CASE("a scrape tells the figures of a coalescer under its name", "[coalescer]") {
    histogram times;
    registry metrics;
    coalescer_options options;
    options.time_to_live = 1h;
    options.max_entries = 2;
    options.record_load_times(times);
    coalescer<int, int> pages{[](int const& key) -> task<result<int>> {
                                  if (key < 0) co_return errc::too_long;
                                  std::this_thread::sleep_for(2ms);
                                  co_return key;
                              },
                              options};
    auto registered = register_figures(metrics, "pages", pages);
    REQUIRE(registered);
    for (int const key : {1, 1, 1, 2, 3, -1}) static_cast<void>(sync_wait(pages.get(key)));
    std::string scrape;
    metrics.write(scrape);
    auto const says = [&](char const* line) { return scrape.find(line) != std::string::npos; };
    CHECK(says("weir_coalescer_leads_total{coalescer=\"pages\"} 4\n"));
    CHECK(says("weir_coalescer_hits_total{coalescer=\"pages\"} 2\n"));
    CHECK(says("weir_coalescer_failures_total{coalescer=\"pages\"} 1\n"));
    CHECK(says("weir_coalescer_evictions_total{coalescer=\"pages\"} 1\n"));
    CHECK(says("weir_coalescer_entries{coalescer=\"pages\"} 2\n"));
    CHECK(says("weir_coalescer_flights{coalescer=\"pages\"} 0\n"));
    CHECK(says("weir_coalescer_load_seconds_count{coalescer=\"pages\"} 4\n"));
    auto const spread = times.snapshot();
    CHECK(spread.count() == 4);
    CHECK(spread.quantile(0.9) >= 2'000'000);
}

TEST_CASE("a scrape tells who waits, who joined, who was given what is stale, and who left", "[coalescer]") {
    manual_executor loop;
    told_time time;
    event open;
    registry metrics;
    coalescer_options options;
    options.now = &told_time::now;
    options.jitter = 0;
    options.time_to_live = 1h;
    options.stale_while_revalidate = 2h;
    coalescer<int, int> pages{[&](int const& key) -> task<result<int>> {
                                  auto const waited = co_await open.wait();
                                  if (!waited) co_return waited.error();
                                  co_return key;
                              },
                              options};
    auto registered = register_figures(metrics, "pages", pages);
    REQUIRE(registered);
    std::string scrape;
    auto const says = [&](char const* line) {
        scrape.clear();
        metrics.write(scrape);
        return scrape.find(line) != std::string::npos;
    };
    CHECK(says("# TYPE weir_coalescer_joins_total counter\n"));
    CHECK(says("# TYPE weir_coalescer_waiters gauge\n"));
    CHECK(!says("weir_coalescer_load_seconds")); // nobody wanted them recorded

    stop_source leaves;
    started leader{pages.get(1), context{loop}};
    started joiner{pages.get(1), context{loop}};
    started leaver{pages.get(2), context{loop}.with_stop(leaves.token())};
    CHECK(says("weir_coalescer_joins_total{coalescer=\"pages\"} 1\n"));
    CHECK(says("weir_coalescer_waiters{coalescer=\"pages\"} 3\n"));
    CHECK(says("weir_coalescer_flights{coalescer=\"pages\"} 2\n"));
    leaves.request_stop();
    CHECK(says("weir_coalescer_abandoned_total{coalescer=\"pages\"} 1\n"));
    CHECK(says("weir_coalescer_waiters{coalescer=\"pages\"} 2\n"));
    open.set();
    loop.run_all();
    time.pass(90min);
    started late{pages.get(1), context{loop}};
    REQUIRE(late.done());
    CHECK(says("weir_coalescer_stale_hits_total{coalescer=\"pages\"} 1\n"));
    CHECK(says("weir_coalescer_hits_total{coalescer=\"pages\"} 1\n"));
    loop.run_all();
    CHECK(says("weir_coalescer_waiters{coalescer=\"pages\"} 0\n"));
    CHECK(says("weir_coalescer_flights{coalescer=\"pages\"} 0\n"));
}

TEST_CASE("two coalescers of one name are refused, and nothing of the second stays", "[coalescer]") {
    registry metrics;
    coalescer<int, int> pages{[](int const& key) -> task<int> { co_return key; }};
    auto first = register_figures(metrics, "pages", pages);
    REQUIRE(first);
    CHECK(!register_figures(metrics, "pages", pages));
    first->reset();
    CHECK(register_figures(metrics, "pages", pages));
}
