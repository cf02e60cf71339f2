// tests/docs/endless_script.cpp: the code of docs/guide/endless_script.md, run.
#include "support/watchdog.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/runtime/watchdog.hpp>
#include <weir/runtime/worker_local.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

//! [engine]
// What such a library offers: it runs on one thread, and looks now and then at a flag that another may raise.
class engine {
public:
    std::string run(std::string const& script) {
        while (script == "for (;;) {}")
            if (interrupted_.load()) return "interrupted";
        return script + " = 42";
    }
    void interrupt() noexcept { interrupted_.store(true); }
    bool reset() noexcept { return !interrupted_.exchange(false); } // false: rather make a new one

private:
    std::atomic<bool> interrupted_{false};
};
//! [engine]

//! [evaluate]
std::string evaluate(engine& its, std::string const& script, weir::time_point until, weir::stop_token stop) {
    weir::interrupt_options also;
    also.stop = stop; // whoever stops the task interrupts the script, too
    return weir::with_interrupt(until, [&] { its.interrupt(); }, [&] { return its.run(script); }, also);
}

weir::task<std::string> answer(weir::worker_local<engine>& engines, std::string script) {
    weir::context const& here = co_await weir::this_task();
    auto const until = std::min(here.deadline, weir::clock::now() + 50ms);
    auto const text = co_await engines.with(&evaluate, std::move(script), until, here.stop);
    co_return text ? *text : text.error().message();
}
//! [evaluate]

} // namespace

TEST_CASE("a script without an end is interrupted, and the next one has an engine") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    runtime.block_on([]() -> weir::task<> {
        //! [engines]
        weir::worker_local<engine> engines{[] { return engine{}; }, [](engine& its) { return its.reset(); }};
        //! [engines]
        auto const began = weir::clock::now();
        auto const both = co_await weir::when_all(answer(engines, "for (;;) {}"), answer(engines, "6 * 7"));
        CHECK(std::get<0>(both) == "interrupted");
        CHECK(std::get<1>(both) == "6 * 7 = 42");
        CHECK(weir::clock::now() - began >= 50ms);
        auto const next = co_await answer(engines, "1 + 41");
        CHECK(next == "1 + 41 = 42");
        CHECK(engines.counts().discarded == 1);
    });
}

TEST_CASE("the deadline of who asks reaches the script") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    runtime.block_on([]() -> weir::task<> {
        weir::worker_local<engine> engines{[] { return engine{}; }, [](engine& its) { return its.reset(); }};
        auto const began = weir::clock::now();
        auto const text = co_await weir::timeout(answer(engines, "for (;;) {}"), 5ms);
        CHECK(text == "interrupted");
        CHECK(weir::clock::now() - began < 50ms + 5s); // a machine that is busy may be late; it never waits for ever
    });
}
