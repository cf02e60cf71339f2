// tests/unit/flow/batcher_metrics.cpp: a scrape tells what a batcher has done, how large its batches were, and how long
// requests and handlers took.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/coro/stop.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/flow/batcher_metrics.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <deque>
#include <span>
#include <string>
#include <thread>

using namespace weir;
using namespace std::chrono_literals;
using weir::test::manual_executor;
using weir::test::started;

namespace {

using numbers = batcher<int, int>;
using asked = started<decltype(std::declval<numbers&>().submit(0))>;

} // namespace

TEST_CASE("a scrape tells the figures of a batcher under its name", "[batcher]") {
    histogram sizes;
    histogram waits;
    histogram handler_times;
    registry metrics;
    manual_executor loop;
    batcher_options options;
    options.max_items = 4;
    options.overflow = overflow::shed_oldest;
    options.max_pending = 5;
    options.on_error = on_batch_error::bisect;
    options.recorder.record_sizes(sizes);
    options.recorder.record_waits(waits);
    options.recorder.record_handler_times(handler_times);
    numbers b{[](std::span<int> items, replies<int>& out) -> task<> {
                  std::this_thread::sleep_for(2ms);
                  for (std::size_t n = 0; n < items.size(); ++n) {
                      if (items[n] < 0) out.fail(n, errc::too_long);
                      else out.set(n, items[n]);
                  }
                  co_return;
              },
              options};
    auto registered = register_batcher(metrics, "rows", b);
    REQUIRE(registered);
    stop_source stop;
    std::deque<asked> callers;
    callers.emplace_back(b.submit(1), context{loop}.with_stop(stop.token()));
    for (int n = 0; n < 5; ++n) callers.emplace_back(b.submit(n), context{loop}); // the last sheds the first
    stop.request_stop();
    callers.emplace_back(b.submit(5), context{loop}.with_stop(stop.token())); // is stopped before it asks
    auto const says = [&](char const* line) {
        std::string scrape;
        metrics.write(scrape);
        return scrape.find(line) != std::string::npos;
    };
    CHECK(says("weir_batcher_pending{batcher=\"rows\"} 5\n"));
    CHECK(says("weir_batcher_shed_total{batcher=\"rows\"} 1\n"));
    std::this_thread::sleep_for(2ms);
    loop.run_all();
    callers.emplace_back(b.submit(-1), context{loop});
    callers.emplace_back(b.submit(-2), context{loop});
    loop.run_all();
    stop_source early;
    callers.emplace_back(b.submit(7), context{loop}.with_stop(early.token()));
    early.request_stop();
    loop.run_all();
    CHECK(says("weir_batcher_batches_total{batcher=\"rows\"} 3\n"));
    CHECK(says("weir_batcher_items_total{batcher=\"rows\"} 7\n"));
    CHECK(says("weir_batcher_withdrawn_total{batcher=\"rows\"} 1\n"));
    CHECK(says("weir_batcher_discarded_total{batcher=\"rows\"} 0\n"));
    CHECK(says("weir_batcher_refused_total{batcher=\"rows\"} 0\n"));
    CHECK(says("weir_batcher_bisect_calls_total{batcher=\"rows\"} 2\n"));
    CHECK(says("weir_batcher_shared_total{batcher=\"rows\"} 0\n"));
    CHECK(says("weir_batcher_pending{batcher=\"rows\"} 0\n"));
    CHECK(says("weir_batcher_in_flight{batcher=\"rows\"} 0\n"));
    CHECK(says("weir_batcher_max_items{batcher=\"rows\"} 4\n"));
    CHECK(says("weir_batcher_batch_items_count{batcher=\"rows\"} 3\n"));
    CHECK(says("weir_batcher_batch_items_sum{batcher=\"rows\"} 7\n")); // as a number, not as seconds
    CHECK(says("weir_batcher_wait_seconds_count{batcher=\"rows\"} 7\n"));
    CHECK(says("weir_batcher_handler_seconds_count{batcher=\"rows\"} 3\n"));
    CHECK(sizes.snapshot().quantile(1) == 4);
    CHECK(waits.snapshot().quantile(0) < 2'000'000); // who came last waited for nothing
    CHECK(waits.snapshot().quantile(0.5) >= 2'000'000);
    CHECK(handler_times.snapshot().quantile(0) >= 2'000'000);
    CHECK(handler_times.snapshot().quantile(1) >= 6'000'000); // three calls made one batch of it
}

TEST_CASE("a batcher that records nothing registers no histogram", "[batcher]") {
    registry metrics;
    numbers b{[](std::span<int>, replies<int>&) -> task<> { co_return; }};
    auto const registered = register_batcher(metrics, "rows", b);
    REQUIRE(registered);
    std::string scrape;
    metrics.write(scrape);
    CHECK(scrape.find("weir_batcher_items_total{batcher=\"rows\"} 0\n") != std::string::npos);
    CHECK(scrape.find("weir_batcher_wait_seconds") == std::string::npos);
    CHECK(!register_batcher(metrics, "rows", b));
}
