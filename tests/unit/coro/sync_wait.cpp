// tests/unit/coro/sync_wait.cpp: a plain thread runs a coroutine to its end and sleeps while there is nothing to do.
#include "support/allocations.hpp"
#include "support/scale.hpp"
#include "support/threads_executor.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

task<std::thread::id> thread_after(event& flag) {
    static_cast<void>(co_await flag.wait());
    co_return std::this_thread::get_id();
}

} // namespace

TEST_CASE("values, references, nothing and exceptions come out") {
    int target = 0;
    auto const refers = [&]() -> task<int&> { co_return target; };
    CHECK(&sync_wait(refers()) == &target);
    auto const throws = []() -> task<> {
        co_await yield();
        throw std::logic_error("out");
    };
    CHECK_THROWS_AS(sync_wait(throws()), std::logic_error);
}

TEST_CASE("what is no task can be waited for too") {
    event flag{true};
    CHECK(sync_wait(flag.wait()).has_value());
}

TEST_CASE("woken by another thread, the coroutine goes on in the one that waits") {
    event flag;
    std::thread sets{[&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
        flag.set();
    }};
    CHECK(sync_wait(thread_after(flag)) == std::this_thread::get_id());
    sets.join();
}

TEST_CASE("a stop from another thread ends the wait (T6)") {
    event never;
    stop_source stop;
    std::thread stops{[&] { stop.request_stop(errc::shut_down); }};
    auto const waited = sync_wait(never.wait(), stop.token());
    stops.join(); // the request may still be in its last steps
    CHECK(waited.error() == errc::shut_down);
}

TEST_CASE("several threads wait at once, each in its own loop") {
    std::size_t const turns = scaled(20'000);
    std::vector<long> sums(3);
    std::vector<std::thread> threads;
    for (long& sum : sums)
        threads.emplace_back([&sum] {
            auto const one = []() -> task<int> {
                co_await yield();
                co_return 1;
            };
            for (std::size_t n = 0; n < turns; ++n) sum += sync_wait(one());
        });
    for (auto& thread : threads) thread.join();
    for (long const sum : sums) CHECK(sum == static_cast<long>(turns));
}

TEST_CASE("the loop may die while its last poster is still inside post") {
    std::size_t const turns = scaled(20'000);
    std::vector<event> flags(turns);
    atomic<std::size_t> turn{0};
    std::thread sets{[&] {
        for (std::size_t n = 0; n < turns; ++n) {
            while (turn.load(acquire) < n) std::this_thread::yield();
            flags[n].set();
        }
    }};
    std::size_t seen = 0;
    for (std::size_t n = 0; n < turns; ++n) {
        turn.store(n, release);
        seen += sync_wait(flags[n].wait()).has_value();
    }
    sets.join();
    CHECK(seen == turns);
}

TEST_CASE("nothing is left, not even the frame pool") {
    auto const work = []() -> task<int> {
        co_await yield();
        co_return 1;
    };
    CHECK(blocks_left_by([&] { static_cast<void>(sync_wait(work())); }) == 0);
}
