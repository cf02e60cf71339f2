// tests/unit/base/futex.cpp: sleeping on a word until it changes, somebody wakes us, or a deadline comes.
#include <weir/base/futex.hpp>

#include "support/watchdog.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <limits>
#include <thread>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

// As every caller does: a sleep may end for no reason.
void sleep_while(futex_word& word, std::uint32_t expected) {
    while (word.load(acquire) == expected) CHECK(futex_wait_until(word, expected, futex_deadline::max()));
}

} // namespace

TEST_CASE("a word that has changed already is not slept on", "[futex]") {
    test::watchdog const dog{20};
    futex_word word{1};
    CHECK(futex_wait_until(word, 0, futex_deadline::max()));
    CHECK(futex_wait_until(word, 0, steady_clock::now() + 1h));
}

TEST_CASE("a deadline in the past, at the beginning of time or before it does not wait", "[futex]") {
    test::watchdog const dog{20};
    futex_word word{0};
    for (auto const deadline : {steady_clock::now() - 1s, futex_deadline{}, futex_deadline{-1ns}, futex_deadline::min()})
        CHECK_FALSE(futex_wait_until(word, 0, deadline));
}

TEST_CASE("a deadline comes when it was said, and not before", "[futex]") {
    test::watchdog const dog{20};
    futex_word word{0};
    auto const deadline = steady_clock::now() + 20ms;
    while (futex_wait_until(word, 0, deadline)) {}
    CHECK(steady_clock::now() >= deadline);
}

TEST_CASE("a wake ends a sleep whose deadline is the last of all, or none", "[futex]") {
    test::watchdog const dog{20};
    for (auto const deadline : {futex_deadline::max() - 1ns, futex_deadline::max()}) {
        futex_word word{0};
        std::thread sleeper([&] {
            while (word.load(acquire) == 0 && futex_wait_until(word, 0, deadline)) {}
        });
        std::this_thread::sleep_for(5ms);
        word.store(1, release);
        futex_wake_one(&word);
        sleeper.join();
    }
}

TEST_CASE("wake_all wakes all, and each wake_one one at least", "[futex]") {
    test::watchdog const dog{20};
    for (bool const at_once : {true, false}) {
        futex_word word{0};
        std::vector<std::thread> sleepers;
        for (int n = 0; n < 4; ++n) sleepers.emplace_back([&] { sleep_while(word, 0); });
        std::this_thread::sleep_for(5ms);
        word.store(1, release);
        if (at_once) futex_wake_all(&word);
        else
            for (int n = 0; n < 4; ++n) futex_wake_one(&word);
        for (std::thread& each : sleepers) each.join();
    }
}

TEST_CASE("a wake at an address whose word has ended harms nobody", "[futex]") {
    alignas(futex_word) std::array<unsigned char, sizeof(futex_word)> memory;
    memory.fill(0xa5);
    auto const* const where = reinterpret_cast<futex_word const*>(memory.data());
    futex_wake_one(where);
    futex_wake_all(where);
    CHECK(std::all_of(memory.begin(), memory.end(), [](unsigned char byte) { return byte == 0xa5; }));
}

TEST_CASE("a signal ends no wait that is repeated", "[futex]") {
    test::watchdog const dog{20};
    struct sigaction quiet {};
    struct sigaction before {};
    quiet.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &quiet, &before); // without SA_RESTART: the system call comes back
    futex_word word{0};
    std::thread sleeper([&] { sleep_while(word, 0); });
    for (int n = 0; n < 3; ++n) {
        std::this_thread::sleep_for(2ms);
        ::pthread_kill(sleeper.native_handle(), SIGUSR1);
    }
    word.store(1, release);
    futex_wake_one(&word);
    sleeper.join();
    ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_CASE("a span of time ends where the clock can say, and otherwise never or long ago", "[futex]") {
    auto const before = steady_clock::now();
    auto const soon = deadline_after(10ms);
    CHECK(soon >= before + 10ms);
    CHECK(soon <= steady_clock::now() + 10ms);
    CHECK(deadline_after(0s) == futex_deadline::min());
    CHECK(deadline_after(-5h) == futex_deadline::min());
    CHECK(deadline_after(std::chrono::hours::max()) == futex_deadline::max());
    CHECK(deadline_after(std::chrono::nanoseconds::max()) == futex_deadline::max());
    CHECK(deadline_after(std::chrono::hours::min()) == futex_deadline::min());
    using exact = std::chrono::duration<double>;
    CHECK(deadline_after(exact{std::numeric_limits<double>::infinity()}) == futex_deadline::max());
    CHECK(deadline_after(exact{std::numeric_limits<double>::quiet_NaN()}) == futex_deadline::min());
    CHECK(deadline_after(std::chrono::duration<double, std::nano>{0.25}) > before); // rounded up: not at once
    CHECK(has_passed(futex_deadline::min()));
    CHECK(has_passed(before));
    CHECK_FALSE(has_passed(steady_clock::now() + 1h));
    CHECK_FALSE(has_passed(futex_deadline::max()));
}
