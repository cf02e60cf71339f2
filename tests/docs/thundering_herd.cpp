// tests/docs/thundering_herd.cpp: the code of docs/guide/thundering_herd.md, run.
#include "support/watchdog.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

std::atomic<int> loads{0};

//! [load]
weir::task<weir::result<std::string>> load(std::string const& path) {
    ++loads;
    auto const slept = co_await weir::sleep_for(20ms); // stands for a slow query
    if (!slept) co_return slept.error();               // everybody has left
    co_return "the text of " + path;
}
//! [load]

//! [show]
using page_cache = weir::coalescer<std::string, std::string>;

weir::task<bool> show_front(page_cache& pages) {
    auto const page = co_await weir::timeout(pages.get("/front"), 1s);
    if (!page) co_return false;             // timed out, stopped, or what the loader said
    co_return (*page)->ends_with("/front"); // a handle to the one text that all visitors share
}
//! [show]

//! [herd]
weir::task<int> herd() {
    page_cache pages{load};
    std::vector<weir::task<bool>> visitors;
    for (int n = 0; n < 1000; ++n) visitors.push_back(show_front(pages));
    int served = 0;
    for (bool const happy : co_await weir::when_all(std::move(visitors))) served += happy;
    co_await pages.close(); // a coalescer owns its flights, and waits for them before it goes
    co_return served;
}
//! [herd]

weir::task<bool> impatient(page_cache& pages) {
    auto const page = co_await weir::timeout(pages.get("/front"), 1ms);
    co_return page.has_value();
}

} // namespace

TEST_CASE("a thousand visitors at once cost one load") {
    weir::test::watchdog const end{30};
    loads = 0;
    weir::runtime runtime;
    CHECK(runtime.block_on(herd) == 1000);
    CHECK(loads == 1);
}

TEST_CASE("who leaves a flight takes nobody along") {
    weir::test::watchdog const end{30};
    loads = 0;
    weir::runtime_options one_thread; // whose timers come due in their order, however late
    one_thread.current_thread = true;
    weir::runtime runtime{one_thread};
    runtime.block_on([]() -> weir::task<> {
        page_cache pages{load};
        auto const both = co_await weir::when_all(impatient(pages), show_front(pages)); // who leads is who leaves
        CHECK(std::get<0>(both) == false);
        CHECK(std::get<1>(both) == true);
        CHECK(loads == 1);
        co_await pages.close();
    });
}

TEST_CASE("what is kept is served without a load, also past its time") {
    weir::test::watchdog const end{30};
    loads = 0;
    weir::runtime runtime;
    runtime.block_on([]() -> weir::task<> {
        //! [keep]
        weir::coalescer_options options;
        options.time_to_live = 10s;
        options.stale_while_revalidate = 30s; // past its time it still answers at once, while one flight loads it anew
        options.stale_if_error = 10min;       // and stands in for an error
        options.max_entries = 10'000;
        page_cache pages{load, options};
        //! [keep]
        for (int n = 0; n < 2; ++n) {
            bool const served = co_await show_front(pages);
            CHECK(served);
        }
        CHECK(loads == 1);
        CHECK(pages.figures().hits == 1);
        //! [forget]
        pages.invalidate("/front"); // the next caller loads; who waits already still gets the old answer
        //! [forget]
        bool const served_anew = co_await show_front(pages);
        CHECK(served_anew);
        CHECK(loads == 2);
        co_await pages.close();
    });
}
