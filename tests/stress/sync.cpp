// tests/stress/sync.cpp: completions and stops that meet in the same instant, between real threads: nothing is lost or
// doubled. Each race is swept: one side starts a little earlier or later each time.
#include "support/opponent.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"
#include "support/threads_executor.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/mutex.hpp>
#include <weir/sync/semaphore.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::size_t const races = scaled(100'000, 3);

} // namespace

TEST_CASE("an event and a stop in the same instant: the waiter goes on once, for one of them") {
    std::size_t completed = 0;
    std::size_t stopped = 0;
    std::unique_ptr<event> flag;
    std::unique_ptr<stop_source> stop;
    opponent other{[&](std::size_t) { stop->request_stop(); }};
    for (std::size_t n = 0; n < races; ++n) {
        flag = std::make_unique<event>();
        stop = std::make_unique<stop_source>();
        auto const half = [&]() -> task<> {
            other.begin(n);
            auto const waited = co_await flag->wait();
            completed += waited.has_value();
            stopped += !waited.has_value();
        };
        auto const sets = [&]() -> task<> {
            offset(n);
            flag->set();
            co_return;
        };
        static_cast<void>(sync_wait(when_all(half(), sets()), stop->token()));
        other.join(n);
    }
    CHECK(completed + stopped == races);
}

TEST_CASE("an unlock and a stop in the same instant: the lock is not lost (T7)") {
    std::size_t had = 0;
    std::size_t not_had = 0;
    std::size_t lost = 0;
    mutex lock;
    std::unique_ptr<stop_source> stop;
    opponent other{[&](std::size_t) { stop->request_stop(); }};
    for (std::size_t n = 0; n < races; ++n) {
        stop = std::make_unique<stop_source>();
        auto held = lock.try_lock();
        lost += !held;
        auto const half = [&]() -> task<> {
            other.begin(n);
            auto const guard = co_await lock.lock();
            had += guard.has_value();
            not_had += !guard.has_value();
        };
        auto const unlocks = [&]() -> task<> {
            offset(n);
            held.unlock();
            co_return;
        };
        static_cast<void>(sync_wait(when_all(half(), unlocks()), stop->token()));
        other.join(n);
    }
    CHECK(had + not_had == races);
    CHECK(lost == 0);
}

TEST_CASE("a release and a stop in the same instant: the permit is neither lost nor doubled (T7)") {
    std::size_t ended = 0;
    std::size_t wrong = 0;
    std::unique_ptr<semaphore> permits;
    std::unique_ptr<stop_source> stop;
    opponent other{[&](std::size_t n) {
        if (n % 2) stop->request_stop();
        else permits->release(2);
    }};
    for (std::size_t n = 0; n < races; ++n) {
        permits = std::make_unique<semaphore>(std::size_t{0});
        stop = std::make_unique<stop_source>();
        auto const half = [&](std::size_t count) -> task<> {
            auto const got = co_await permits->acquire(count);
            ++ended;
        };
        auto const rest = [&]() -> task<> {
            other.begin(n);
            offset(n);
            if (n % 2) permits->release(2);
            else stop->request_stop();
            co_return;
        };
        static_cast<void>(sync_wait(when_all(half(2), half(1), rest()), stop->token()));
        other.join(n);
        wrong += permits->available() != 2;
    }
    CHECK(ended == 2 * races);
    CHECK(wrong == 0);
}

TEST_CASE("a timer and a stop in the same instant: the sleeper goes on once") {
    std::size_t slept = 0;
    std::size_t stopped = 0;
    timer_wheel wheel{clock::now()};
    current_guard<timer_wheel> const installed{&wheel};
    time_point now = clock::now();
    std::unique_ptr<stop_source> stop;
    opponent other{[&](std::size_t) { stop->request_stop(); }};
    for (std::size_t n = 0; n < races; ++n) {
        stop = std::make_unique<stop_source>();
        now += 1ms;
        auto const half = [&]() -> task<> {
            other.begin(n);
            auto const waited = co_await sleep_until(now);
            slept += waited.has_value();
            stopped += !waited.has_value();
        };
        auto const advances = [&]() -> task<> {
            offset(n);
            wheel.advance(now + 1ms);
            co_return;
        };
        static_cast<void>(sync_wait(when_all(half(), advances()), stop->token()));
        other.join(n);
    }
    CHECK(slept + stopped == races);
    CHECK(wheel.size() == 0);
}

TEST_CASE("a timeout and a completion in the same instant, with a stop from above now and then") {
    std::size_t ends = 0;
    std::size_t wrong = 0;
    timer_wheel wheel{clock::now()};
    current_guard<timer_wheel> const installed{&wheel};
    time_point now = clock::now() + 24h;
    std::unique_ptr<event> flag;
    std::unique_ptr<stop_source> stop;
    opponent other{[&](std::size_t n) {
        if (n % 3 == 0) stop->request_stop(errc::shut_down);
        else if (n % 3 == 1) wheel.advance(now + 1ms);
        else flag->set();
    }};
    for (std::size_t n = 0; n < races; ++n) {
        flag = std::make_unique<event>();
        stop = std::make_unique<stop_source>();
        now += 5ms;
        auto const half = [&]() -> task<> {
            other.begin(n);
            auto const waited = co_await deadline(flag->wait(), now);
            ++ends;
            if (!waited) wrong += waited.error() != errc::timed_out && waited.error() != errc::shut_down;
        };
        auto const rest = [&]() -> task<> {
            offset(n);
            if (n % 3 == 0) wheel.advance(now + 1ms);
            else flag->set();
            co_return;
        };
        static_cast<void>(sync_wait(when_all(half(), rest()), stop->token()));
        other.join(n);
    }
    CHECK(ends == races);
    CHECK(wrong == 0);
    CHECK(wheel.size() == 0);
}

TEST_CASE("many tasks on several threads share a mutex, a semaphore and stops: the sums agree (T7, T8)") {
    std::size_t const tasks = 16;
    std::size_t const turns = scaled(4000, 3);
    threads_executor runs{3};
    mutex lock;
    semaphore permits{3};
    std::size_t sum = 0;          // guarded by lock
    atomic<int> inside{0};
    atomic<int> most{0};
    atomic<std::size_t> entered{0};
    auto const work = [&]() -> task<> {
        for (std::size_t n = 0; n < turns; ++n) {
            context const& here = co_await this_task();
            linked_stop_source own{here.stop};
            context const narrower = here.with_stop(own.token());
            if (n % 7 == 0) own.request_stop();
            co_await use_context(narrower);
            auto got = co_await permits.acquire(1 + n % 3);
            co_await use_context(here);
            if (!got) continue;
            auto const count = static_cast<int>((*got).count());
            int const now = inside.fetch_add(count, acq_rel) + count;
            for (int seen = most.load(relaxed); seen < now && !most.compare_exchange_weak(seen, now, relaxed, relaxed);) {}
            if (n % 5 == 0) {
                co_await yield();
            }
            auto guard = co_await lock.lock();
            if (guard) ++sum;
            (*guard).unlock();
            entered.fetch_add(1, relaxed);
            inside.fetch_sub(count, acq_rel);
        }
    };
    auto const body = [&](scope& children) -> task<> {
        for (std::size_t n = 0; n < tasks; ++n) children.spawn(work);
        co_return;
    };
    started all{in_scope(body), context{runs}};
    all.wait();
    CHECK(sum == entered.load(relaxed));
    CHECK(most.load(relaxed) <= 3);
    CHECK(permits.available() == 3);
    CHECK(static_cast<bool>(lock.try_lock()));
}
