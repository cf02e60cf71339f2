// tests/stress/coro.cpp: scopes, joins, callbacks and linked sources between real threads, swept over every offset.
#include "support/scale.hpp"
#include "support/started.hpp"
#include "support/threads_executor.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/stop.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/when_any.hpp>
#include <weir/coro/yield.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/semaphore.hpp>

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

void offset(std::size_t number, std::size_t stride) noexcept {
    for (std::size_t n = (number * stride) % 97; n > 48; --n) weir::pause();
}

} // namespace

TEST_CASE("the last children of a scope end together on several threads, and the body is joined once") {
    std::size_t const scopes = scaled(20'000, 3);
    threads_executor runs{3};
    atomic<std::size_t> ended{0};
    auto const child = [&](std::size_t number) -> task<> {
        offset(number, 11);
        ended.fetch_add(1, relaxed);
        co_return;
    };
    auto const body = [&](scope& children, std::size_t number) -> task<> {
        for (std::size_t n = 0; n < 3; ++n) children.spawn(child, number + n);
        offset(number, 17);
        co_return;
    };
    std::size_t short_of = 0;
    auto const all = [&]() -> task<> {
        for (std::size_t n = 0; n < scopes; ++n) {
            co_await in_scope(body, n);
            short_of += ended.load(relaxed) != 3 * (n + 1);
        }
    };
    started work{all(), context{runs}};
    work.wait();
    work.take();
    CHECK(short_of == 0);
}

TEST_CASE("children that throw in the same instant: one exception comes out, all are counted and joined (T2)") {
    std::size_t const scopes = scaled(6000, 3);
    threads_executor runs{3};
    std::size_t caught = 0;
    std::size_t failures = 0;
    std::size_t stopped = 0;
    auto const throws = [](std::size_t number) -> task<> {
        offset(number, 13);
        throw std::runtime_error("child");
        co_return;
    };
    auto const waits = [&](event& never) -> task<> {
        auto const waited = co_await never.wait();
        if (!waited) {
            co_await yield();
        }
    };
    auto const one = [&](std::size_t number) -> task<> {
        event never;
        context const& above = co_await this_task();
        scope children{above};
        children.spawn(waits, std::ref(never));
        children.spawn(throws, number);
        children.spawn(throws, number + 5);
        children.spawn(waits, std::ref(never));
        co_await scope::join(children);
        failures += children.failures();
        ++stopped;
        children.rethrow_first();
    };
    auto const all = [&]() -> task<> {
        for (std::size_t n = 0; n < scopes; ++n) {
            try {
                co_await one(n);
            } catch (std::runtime_error const&) {
                ++caught;
            }
        }
    };
    started work{all(), context{runs}};
    work.wait();
    work.take();
    CHECK(caught == scopes);
    CHECK(failures == 2 * scopes);
    CHECK(stopped == scopes);
}

TEST_CASE("members of when_all that finish elsewhere while others are being started are all joined") {
    std::size_t const turns = scaled(10'000, 3);
    threads_executor runs{3};
    auto const member = [](std::size_t number) -> task<std::size_t> {
        if (number % 3 != 0) {
            co_await yield(); // goes on on another thread
        }
        offset(number, 7);
        co_return number;
    };
    std::size_t wrong = 0;
    auto const all = [&]() -> task<> {
        for (std::size_t n = 0; n < turns; ++n) {
            std::vector<task<std::size_t>> members;
            for (std::size_t k = 0; k < 4; ++k) members.push_back(member(n + k));
            auto const values = co_await when_all(std::move(members));
            for (std::size_t k = 0; k < 4; ++k) wrong += values[k] != n + k;
        }
    };
    started work{all(), context{runs}};
    work.wait();
    work.take();
    CHECK(wrong == 0);
}

TEST_CASE("a callback that dies while a request is under way is called once or not at all, and never after (T4)") {
    std::size_t const turns = scaled(60'000, 3);
    std::size_t after_its_end = 0;
    std::size_t first = 0;
    std::unique_ptr<stop_source> source;
    atomic<std::size_t> turn{0};
    atomic<std::size_t> over{0};
    std::thread stops{[&] {
        for (std::size_t n = 1; n <= turns; ++n) {
            for (backoff wait; turn.load(acquire) < n;) wait();
            offset(n, 5);
            first += source->request_stop(errc::closed);
            over.store(n, release);
        }
    }};
    for (std::size_t n = 1; n <= turns; ++n) {
        source = std::make_unique<stop_source>();
        int calls = 0; // plain: the destructor orders the call before what follows
        turn.store(n, release);
        offset(n, 3);
        {
            linked_stop_source between{source->token()};
            stop_callback const mine{between.token(), [&](errc) noexcept { ++calls; }};
            offset(n, 19);
        }
        int const seen = calls;
        while (over.load(acquire) < n) std::this_thread::yield();
        after_its_end += calls != seen || calls > 1;
    }
    stops.join();
    CHECK(after_its_end == 0);
    CHECK(first == turns);
}

TEST_CASE("requests from several threads: one is the first, and every callback hears its reason once") {
    std::size_t const turns = scaled(3000, 3);
    std::size_t wrong = 0;
    for (std::size_t n = 0; n < turns; ++n) {
        stop_source source;
        atomic<int> calls{0};
        atomic<int> sum{0};
        auto const hears = [&](errc reason) noexcept {
            calls.fetch_add(1, relaxed);
            sum.fetch_add(static_cast<int>(reason), relaxed);
        };
        stop_callback const one{source.token(), hears};
        stop_callback const two{source.token(), hears};
        bool first = false;
        std::thread other{[&] {
            offset(n, 23);
            first = source.request_stop(errc::closed);
        }};
        offset(n, 29);
        bool const mine = source.request_stop(errc::timed_out);
        other.join();
        wrong += first == mine;
        wrong += calls.load(relaxed) != 2;
        wrong += sum.load(relaxed) != 2 * static_cast<int>(mine ? errc::timed_out : errc::closed);
    }
    CHECK(wrong == 0);
}

TEST_CASE("threads that each wait for an event of the others come through round after round") {
    std::size_t const rounds = scaled(20'000, 3);
    std::vector<event> ping(rounds);
    std::vector<event> pong(rounds);
    auto const plays = [](std::vector<event>& mine, std::vector<event>& theirs, bool begins) -> task<std::size_t> {
        std::size_t seen = 0;
        for (std::size_t n = 0; n < rounds; ++n) {
            if (begins) theirs[n].set();
            auto const waited = co_await mine[n].wait();
            seen += waited.has_value();
            if (!begins) theirs[n].set();
        }
        co_return seen;
    };
    std::size_t theirs = 0;
    std::thread other{[&] { theirs = sync_wait(plays(pong, ping, false)); }};
    std::size_t const mine = sync_wait(plays(ping, pong, true));
    other.join();
    CHECK(mine == rounds);
    CHECK(theirs == rounds);
}

TEST_CASE("two races end in the same instant on several threads: one member wins, no permit is lost (T3, T7)") {
    std::size_t const turns = scaled(10'000, 4);
    threads_executor runs{3};
    std::size_t wrong = 0;
    auto const releases = [](semaphore& of, std::size_t number) -> task<> {
        offset(number, 13);
        of.release();
        co_return;
    };
    auto const turn = [&](std::size_t number) -> task<> {
        semaphore left{0};
        semaphore right{0};
        context const& above = co_await this_task();
        scope children{above};
        children.spawn(releases, std::ref(left), number);
        children.spawn(releases, std::ref(right), number + 31);
        {
            auto const first = co_await when_any(left.acquire(), right.acquire());
            wrong += !std::visit([](auto const& got) { return got.has_value(); }, first.value);
        }
        co_await scope::join(children);
        wrong += left.available() != 1 || right.available() != 1;
    };
    auto const all = [&]() -> task<> {
        for (std::size_t n = 0; n < turns; ++n) co_await turn(n);
    };
    started work{all(), context{runs}};
    work.wait();
    work.take();
    CHECK(wrong == 0);
}

TEST_CASE("a child's value meets a stop of who waits for it, or the end of its handle: given once, or kept, or dropped") {
    std::size_t const turns = scaled(10'000, 4);
    threads_executor runs{3};
    std::size_t wrong = 0;
    auto const child = [](std::size_t number) -> task<std::unique_ptr<std::size_t>> {
        offset(number, 7);
        co_return std::make_unique<std::size_t>(number);
    };
    auto const stops = [](stop_source& source, std::size_t number) -> task<> {
        offset(number, 19);
        source.request_stop();
        co_return;
    };
    auto const turn = [&](std::size_t number) -> task<> {
        context const& above = co_await this_task();
        scope children{above};
        stop_source stop;
        context const stoppable = above.with_stop(stop.token());
        auto value = children.start(child, number);
        children.spawn(stops, std::ref(stop), number);
        co_await use_context(stoppable);
        auto got = co_await value.get();
        co_await use_context(above);
        if (!got && number % 2 == 0) {
            auto again = co_await value.get();
            got = std::move(again);
        }
        if (number % 2 == 0) wrong += !got || **got != number;
        {
            auto const dropped = std::move(value); // while the child may still be on its way
        }
        co_await scope::join(children);
    };
    auto const all = [&]() -> task<> {
        for (std::size_t n = 0; n < turns; ++n) co_await turn(n);
    };
    started work{all(), context{runs}};
    work.wait();
    work.take();
    CHECK(wrong == 0);
}
