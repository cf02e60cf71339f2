// tests/docs/within_200_ms.cpp: the code of docs/guide/within_200_ms.md, run.
#include "support/watchdog.hpp"

#include <weir/coro/check.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

std::atomic<int> under_way{0};

// Counts those who have not ended.
struct counted {
    counted() { ++under_way; }
    ~counted() { --under_way; }
};

weir::task<weir::result<std::string>> fetch(std::string what, std::chrono::milliseconds takes) {
    counted const one;
    auto const slept = co_await weir::sleep_for(takes);
    if (!slept) co_return slept.error();
    co_return what;
}

//! [page]
weir::task<weir::result<std::string>> page() {
    auto parts = co_await weir::when_all(fetch("text", 5ms), fetch("pictures", 60s));
    auto& [text, pictures] = parts;
    if (!text) co_return text.error();
    co_return *text + (pictures ? " with pictures" : ", the pictures were late");
}

weir::task<std::string> answer() {
    auto const got = co_await weir::timeout(page(), 200ms); // all that it awaits must end by then
    co_return got ? *got : "nothing: " + got.error().message();
}
//! [page]

//! [partly]
weir::task<std::string> text_and_perhaps_more() {
    auto const text = co_await fetch("text", 1ms);
    auto const more = co_await weir::timeout(fetch("pictures", 60s), 20ms); // less than what is left is fine, too
    co_return text.value() + (more ? " with pictures" : " alone");
}
//! [partly]

//! [compute]
weir::task<weir::result<long>> add_up(long numbers) {
    long sum = 0;
    for (long n = 0; n < numbers; ++n) {
        sum += n % 7;
        if (n % 4096 == 0) {
            weir::context const& here = co_await weir::this_task();
            auto const goes_on = here.status(); // hears a stop, and sees the deadline
            if (!goes_on) co_return goes_on.error();
            co_await weir::yield(); // and lets others have their turn
        }
    }
    co_return sum;
}
//! [compute]

//! [cleanup]
weir::task<weir::result<void>> release(std::atomic<bool>& released) {
    weir::context const& here = co_await weir::this_task();
    weir::context const patient = here.with_stop({}); // this much must be done, although it takes a moment
    co_await weir::use_context(patient);
    auto const done = co_await weir::sleep_for(1ms);
    released = done.has_value();
    co_return done;
}

weir::task<weir::result<void>> borrow(std::atomic<bool>& released) {
    auto const worked = co_await weir::sleep_for(60s);
    auto const given_back = co_await release(released);
    co_return worked ? given_back : worked;
}
//! [cleanup]

} // namespace

TEST_CASE("what is late says so, and what was there is kept") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    auto const began = weir::clock::now();
    CHECK(runtime.block_on(answer) == "text, the pictures were late");
    CHECK(weir::clock::now() - began < 30s); // not the 60 s of who is late
    CHECK(under_way == 0);             // and nobody was left behind
    CHECK(runtime.block_on(text_and_perhaps_more) == "text alone");
    CHECK(under_way == 0);
}

TEST_CASE("what computes looks up now and then") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    runtime.block_on([]() -> weir::task<> {
        auto const short_one = co_await weir::timeout(add_up(7), 10s);
        REQUIRE(short_one);
        CHECK(*short_one == 21);
        auto const endless = co_await weir::timeout(add_up(1L << 60), 10ms);
        CHECK(endless.error() == weir::errc::timed_out);
    });
}

TEST_CASE("a clean-up may take its time") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    std::atomic<bool> released{false};
    runtime.block_on([&released]() -> weir::task<> {
        auto const ended = co_await weir::timeout(borrow(released), 5ms);
        CHECK(ended.error() == weir::errc::timed_out);
    });
    CHECK(released);
}
