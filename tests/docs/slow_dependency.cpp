// tests/docs/slow_dependency.cpp: the code of docs/guide/slow_dependency.md, run.
#include "support/watchdog.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/flow/circuit_breaker.hpp>
#include <weir/flow/concurrency_limit.hpp>
#include <weir/flow/hedge.hpp>
#include <weir/flow/keyed_limiter.hpp>
#include <weir/flow/rate_limiter.hpp>
#include <weir/flow/retry.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

enum class mood { well, failing, stumbling, stuck_at_first };

// Stands for another server.
struct other_side {
    std::atomic<mood> how{mood::well};
    std::atomic<int> calls{0};
};

weir::task<weir::result<int>> fetch(other_side* of, int question) {
    int const call = ++of->calls;
    if (of->how == mood::failing || (of->how == mood::stumbling && call % 3 != 0))
        co_return std::make_error_code(std::errc::connection_reset);
    auto const slept = co_await weir::sleep_for(of->how == mood::stuck_at_first && call == 1 ? 60'000ms : 1ms);
    if (!slept) co_return slept.error();
    co_return 2 * question;
}

//! [client]
class client {
public:
    explicit client(other_side& of) : of_{of} { again_.budget = &budget_; }

    weir::task<weir::result<int>> ask(int question) { return weir::retry(again_, &attempt, this, question); }

private:
    static weir::task<weir::result<int>> attempt(client* self, int question) {
        auto slot = co_await self->at_once_.enter();
        if (!slot) co_return slot.error(); // overloaded: shed before any work was done
        auto const answer = co_await self->breaker_.run(&fetch, &self->of_, question);
        if (answer) slot->succeeded(); // teaches the limit how long a call takes
        co_return answer;
    }

    other_side& of_;
    weir::retry_budget budget_;       // one call in ten may be made again, and ten a second besides
    weir::retry_options again_;       // three attempts, with pauses drawn by chance
    weir::concurrency_limit at_once_; // found out by how long calls take
    weir::circuit_breaker breaker_;   // opens when half of the last calls have failed
};
//! [client]

} // namespace

TEST_CASE("what stumbles is asked again, within a budget") {
    weir::test::watchdog const end{30};
    other_side there;
    there.how = mood::stumbling; // two of three calls fail
    weir::runtime runtime;
    runtime.block_on([&there]() -> weir::task<> {
        client one{there};
        auto const answer = co_await one.ask(21);
        REQUIRE(answer);
        CHECK(*answer == 42);
        CHECK(there.calls == 3);
    });
}

TEST_CASE("what keeps failing is spared") {
    weir::test::watchdog const end{30};
    other_side there;
    there.how = mood::failing;
    weir::runtime runtime;
    runtime.block_on([&there]() -> weir::task<> {
        weir::circuit_breaker breaker;
        bool open = false;
        for (int n = 0; n < 100; ++n) {
            auto const answer = co_await breaker.run(&fetch, &there, n);
            open = open || answer.error() == weir::errc::circuit_open;
        }
        CHECK(open);
        CHECK(there.calls < 30); // least_calls; while it is open none, but for probes where the machine stands still
    });
}

TEST_CASE("a second attempt answers when the first takes long") {
    weir::test::watchdog const end{30};
    other_side there;
    there.how = mood::stuck_at_first;
    weir::runtime runtime;
    runtime.block_on([&there]() -> weir::task<> {
        //! [hedge]
        weir::hedger reads; // one for each kind of call: it learns how long the 95th of 100 takes
        auto const answer = co_await reads.run(&fetch, &there, 21);
        //! [hedge]
        REQUIRE(answer);
        CHECK(*answer == 42);
        CHECK(reads.figures().won == 1);
        CHECK(there.calls == 2);
    });
}

TEST_CASE("who comes too early waits, or is told how long") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    runtime.block_on([]() -> weir::task<> {
        auto const began = weir::clock::now();
        //! [rate]
        weir::rate_limiter mails{weir::rate{50, 2}}; // fifty a second, two at once after a rest
        auto const admitted = co_await weir::timeout(mails.acquire(), 1s);
        if (!admitted) co_return; // timed_out at once, where the wait would outlast the deadline
        //! [rate]
        for (int n = 0; n < 3; ++n) {
            auto const next = co_await mails.acquire();
            CHECK(next.has_value());
        }
        CHECK(weir::clock::now() - began >= 35ms); // four, of which two came at once and the others after 20 ms each
        //! [keyed]
        weir::keyed_limiter<std::string> callers{weir::rate{10, 20}}; // each caller a bucket of its own
        weir::duration const wait = callers.try_acquire("192.0.2.7");
        bool const too_many = wait > 0s; // and `wait` is what Retry-After says
        //! [keyed]
        CHECK(!too_many);
    });
}
