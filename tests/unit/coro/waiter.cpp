// tests/unit/coro/waiter.cpp: the race of completion and stop has one winner, at every step of the way.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/coro/waiter.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <coroutine>
#include <exception>

using namespace weir;
using namespace weir::test;

namespace {

// A waiter without a primitive: it notes when it is taken out.
class lone_waiter : public waiter {
public:
    lone_waiter() noexcept : waiter{[](waiter& self) noexcept { ++static_cast<lone_waiter&>(self).abandoned; }} {}
    int abandoned = 0;
};

struct bench {
    manual_executor runs;
    stop_source stop;
    context const where = context{runs}.with_stop(stop.token());
};

std::coroutine_handle<> nobody() noexcept { return std::noop_coroutine(); }

} // namespace

TEST_CASE("a stop before the wait begins is told at once, and nothing is posted (T6)") {
    bench on;
    on.stop.request_stop(errc::timed_out);
    lone_waiter one;
    CHECK(!one.listen(nobody(), on.where));
    CHECK(one.finish().error() == errc::timed_out);
    CHECK(one.abandoned == 0);
    CHECK(on.runs.ready() == 0);
}

TEST_CASE("a stop between listen and publish keeps the coroutine from suspending") {
    bench on;
    lone_waiter one;
    REQUIRE(one.listen(nobody(), on.where));
    on.stop.request_stop();
    CHECK(!one.publish());
    CHECK(one.finish().error() == errc::cancelled);
    CHECK(one.abandoned == 0);
    CHECK(on.runs.ready() == 0);
}

TEST_CASE("a stop between listen and an immediate completion loses to it") {
    bench on;
    lone_waiter one;
    REQUIRE(one.listen(nobody(), on.where));
    on.stop.request_stop();
    one.complete_unpublished();
    CHECK(one.finish().has_value());
    CHECK(on.runs.ready() == 0);
}

TEST_CASE("a stop of one that waits takes it out and posts it, once (V1)") {
    bench on;
    lone_waiter one;
    REQUIRE(one.listen(nobody(), on.where));
    REQUIRE(one.publish());
    on.stop.request_stop();
    on.stop.request_stop();
    CHECK(one.abandoned == 1);
    CHECK(on.runs.ready() == 1);
    CHECK(!one.claim());
    on.runs.run_all();
    CHECK(one.finish().error() == errc::cancelled);
}

TEST_CASE("a completion that came first is not undone by a stop") {
    bench on;
    lone_waiter one;
    REQUIRE(one.listen(nobody(), on.where));
    REQUIRE(one.publish());
    REQUIRE(one.claim());
    on.stop.request_stop();
    CHECK(one.abandoned == 0);
    CHECK(on.runs.ready() == 0);
    CHECK(!one.claim());
    one.wake();
    CHECK(on.runs.ready() == 1);
    on.runs.run_all();
    CHECK(one.finish().has_value());
}

TEST_CASE("after finish the source no longer knows the waiter (T6)") {
    bench on;
    {
        lone_waiter one;
        REQUIRE(one.listen(nobody(), on.where));
        REQUIRE(one.publish());
        REQUIRE(one.claim());
        one.wake();
        on.runs.run_all();
        CHECK(one.finish().has_value());
    }
    CHECK(on.stop.request_stop());
}

TEST_CASE("without a stop above it nothing listens, and the wait can still be completed") {
    manual_executor runs;
    context const where{runs};
    lone_waiter one;
    REQUIRE(one.listen(nobody(), where));
    REQUIRE(one.publish());
    REQUIRE(one.claim());
    one.wake();
    CHECK(runs.run_all() == 1);
    CHECK(one.finish().has_value());
}

namespace {

// A coroutine type that knows nothing of the library.
struct plain_coroutine {
    struct promise_type {
        plain_coroutine get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
};

plain_coroutine awaits(event& flag, int& seen) {
    auto const waited = co_await flag.wait();
    seen = waited ? 1 : -1;
}

} // namespace

TEST_CASE("a coroutine type of others waits on what its thread offers as context") {
    manual_executor runs;
    stop_source stop;
    context const here = context{runs}.with_stop(stop.token());
    current_guard<context const> const installed{&here};
    event flag;
    int completed = 0;
    int stopped = 0;
    awaits(flag, completed);
    CHECK(completed == 0);
    flag.set();
    CHECK(completed == 0); // only its executor resumes it
    runs.run_all();
    CHECK(completed == 1);
    flag.reset();
    awaits(flag, stopped);
    stop.request_stop();
    runs.run_all();
    CHECK(stopped == -1);
}
