// tests/unit/queue/event_count.cpp: announcing oneself, sleeping, being notified and being late.
#include <weir/queue/event_count.hpp>

#include "support/watchdog.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <thread>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

TEST_CASE("a notification after prepare_wait ends the wait, and one before it does not", "[event_count]") {
    test::watchdog const dog{20};
    event_count event;
    event.notify_one(); // meets nobody and leaves no trace
    event.notify_all();
    auto const first = event.prepare_wait();
    CHECK_FALSE(event.wait_until(first, steady_clock::now() + 2ms));

    auto const second = event.prepare_wait();
    event.notify_one();
    event.wait(second);
    auto const third = event.prepare_wait();
    event.notify_all();
    event.wait(third);
    auto const fourth = event.prepare_wait(); // newer than all of them
    CHECK_FALSE(event.wait_until(fourth, event_count::time_point{}));
}

TEST_CASE("who is notified and late is told of the notification", "[event_count]") {
    event_count event;
    for (auto const deadline : {event_count::time_point::min(), event_count::time_point{}, steady_clock::now() - 1s}) {
        auto const quiet = event.prepare_wait();
        CHECK_FALSE(event.wait_until(quiet, deadline));
        auto const notified = event.prepare_wait();
        event.notify_one();
        CHECK(event.wait_until(notified, deadline));
    }
}

TEST_CASE("who cancels its wait is not waited for", "[event_count]") {
    event_count event;
    auto const other = event.prepare_wait();
    static_cast<void>(event.prepare_wait());
    event.cancel_wait();
    event.cancel_wait();
    event.notify_one(); // nobody is announced, so nothing changes
    static_cast<void>(event.prepare_wait());
    CHECK_FALSE(event.wait_until(other, event_count::time_point::min()));
}

TEST_CASE("a deadline ends the wait of who is not notified, and not before it comes", "[event_count]") {
    test::watchdog const dog{20};
    event_count event;
    auto const deadline = steady_clock::now() + 15ms;
    auto const key = event.prepare_wait();
    CHECK_FALSE(event.wait_until(key, deadline));
    CHECK(steady_clock::now() >= deadline);
}

TEST_CASE("notify_one wakes one sleeper and leaves the others asleep", "[event_count]") {
    test::watchdog const dog{20};
    event_count event;
    constexpr int sleepers = 3;
    atomic<int> asleep{0}, awake{0};
    std::vector<std::thread> threads;
    for (int n = 0; n < sleepers; ++n)
        threads.emplace_back([&] {
            auto const key = event.prepare_wait();
            asleep.fetch_add(1, release);
            event.wait(key);
            awake.fetch_add(1, release);
        });
    while (asleep.load(acquire) < sleepers) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(30ms); // from announced to asleep
    for (int n = 1; n <= sleepers; ++n) {
        event.notify_one();
        while (awake.load(acquire) < n) std::this_thread::sleep_for(1ms);
        std::this_thread::sleep_for(5ms);
#if WEIR_LINUX
        CHECK(awake.load(acquire) == n);
#endif
    }
    for (std::thread& each : threads) each.join();
}

TEST_CASE("notify_all wakes everybody", "[event_count]") {
    test::watchdog const dog{20};
    event_count event;
    atomic<int> announced{0};
    std::array<bool, 3> notified{};
    std::vector<std::thread> threads;
    for (bool& mine : notified)
        threads.emplace_back([&] {
            auto const key = event.prepare_wait();
            announced.fetch_add(1, release);
            mine = event.wait_until(key, steady_clock::now() + 1h);
        });
    while (announced.load(acquire) < 3) std::this_thread::sleep_for(1ms);
    event.notify_all();
    for (std::thread& each : threads) each.join();
    CHECK((notified[0] && notified[1] && notified[2]));
}
