// tests/docs/what_is_it_doing.cpp: the code of docs/guide/what_is_it_doing.md, run.
#include "support/watchdog.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/flow/coalescer_metrics.hpp>
#include <weir/metrics/registry.hpp>
#include <weir/runtime/dump.hpp>
#include <weir/runtime/metrics.hpp>
#include <weir/runtime/profiler.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/sync/mutex.hpp>
#include <weir/timer/sleep.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <chrono>
#include <functional>
#include <string>

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

weir::task<int> load(int const& key) { co_return 2 * key; }

weir::task<> wait_for(weir::mutex& one) {
    auto const held = co_await one.lock();
    static_cast<void>(held);
}

weir::task<> hold_and_look(weir::runtime& of, std::string& seen) {
    weir::mutex one;
    auto held = co_await one.lock();
    co_await weir::in_scope([&](weir::scope& children) -> weir::task<> {
        children.spawn(wait_for, std::ref(one));
        while (seen.find("mutex") == std::string::npos) {
            co_await weir::yield();
            //! [dump]
            std::string const who_waits = weir::dump(of);
            //! [dump]
            seen = who_waits;
        }
        held->unlock();
    });
}

} // namespace

TEST_CASE("numbers for Prometheus") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    runtime.block_on([&runtime]() -> weir::task<> {
        weir::coalescer<int, int> pages{load};
        //! [registry]
        weir::registry numbers;
        auto kept = weir::enter_metrics(numbers, runtime).value();              // workers, tasks, the blocking pool
        kept += weir::register_figures(numbers, "pages", pages).value();        // a coalescer of ours
        weir::histogram* const took =
            numbers.histogram_of({"request_seconds", "From the first byte to the last."}).value();
        took->record(3ms);

        std::string page; // what GET /metrics answers
        numbers.write(page);
        //! [registry]
        CHECK_THAT(page, ContainsSubstring("weir_coalescer_leads_total{coalescer=\"pages\"}"));
        CHECK_THAT(page, ContainsSubstring("request_seconds_count 1"));
        CHECK_THAT(page, ContainsSubstring("weir_blocking_threads"));
        kept.reset();
        co_await pages.close();
    });
}

TEST_CASE("who waits for what") {
    weir::test::watchdog const end{30};
    //! [waits]
    weir::runtime_options options;
    options.keep_waits = true;      // each wait is noted, which costs an allocation
    options.stall_limit = 100ms;    // and a job that keeps its worker for longer is reported
    options.on_stall = [](weir::stall_report const& it) {
        std::fprintf(stderr, "%s is held up\n", std::string{it.worker}.c_str());
    };
    weir::runtime runtime{options};
    //! [waits]
    std::string seen;
    runtime.block_on(hold_and_look, std::ref(runtime), std::ref(seen));
    CHECK_THAT(seen, ContainsSubstring("awaits mutex"));
}

TEST_CASE("where the time goes") {
    weir::test::watchdog const end{60};
    std::string text, picture;
    auto const busy_for = [](std::chrono::milliseconds time) {
        auto const until = weir::clock::now() + time;
        while (weir::clock::now() < until) {}
    };
    //! [profile]
    weir::profiler looks;
    auto const looking = looks.start(); // EBUSY where another one looks already
    if (looking) {
        busy_for(200ms);
        weir::profile const seen = looks.stop();
        text = seen.folded();                    // a line for each stack, for flame-graph tools
        picture = seen.svg("a fifth of a second"); // or the picture itself
    }
    //! [profile]
    if (looking) CHECK_THAT(picture, ContainsSubstring("<svg"));
    else CHECK(looking.error() == weir::errc::unsupported);
}
