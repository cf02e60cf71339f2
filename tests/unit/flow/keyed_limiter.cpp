// tests/unit/flow/keyed_limiter.cpp: keys do not feel each other, and what is at rest takes no memory.
#include <weir/flow/keyed_limiter.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;

namespace {

time_point const start{1000h};

struct touchy {
    touchy(int number) : value{number} {}
    touchy(touchy const& other) : value{other.value} {
        if (value < 0) throw std::runtime_error("copy");
    }
    bool operator==(touchy const& other) const { return value == other.value; }
    int value;
};
struct hash_touchy {
    std::size_t operator()(touchy const& key) const { return static_cast<std::size_t>(key.value); }
};

} // namespace

TEST_CASE("each key has a burst and a rate of its own") {
    keyed_limiter<std::string> callers{rate{10, 2}};
    for (std::string const key : {"a", "b", "a much longer key than fits into a small string"}) {
        CHECK(callers.try_acquire(key, 2, start) == duration::zero());
        CHECK(callers.try_acquire(key, 1, start) == 100ms);
        CHECK(callers.try_acquire(key, 1, start + 100ms) == duration::zero());
        CHECK(callers.try_acquire(key, 3, start) == duration::max());
    }
    CHECK(callers.active() == 3);
}

TEST_CASE("a million keys that come once leave no memory behind them") {
    keyed_limiter<int> callers{rate{1000, 1}, 4};
    time_point now = start;
    std::size_t most = 0;
    for (int key = 0; key < 1'000'000; ++key) {
        now += 10us; // so a hundred keys at a time have a bucket that is not full
        CHECK_FALSE(callers.try_acquire(key, 1, now) != duration::zero());
        if (key % 1000 == 0) most = std::max(most, callers.active());
    }
    CHECK(most < 1000);
}

TEST_CASE("a purge forgets none that still owes") {
    keyed_limiter<int> callers{rate{1, 1}, 1};
    CHECK(callers.try_acquire(-1, 1, start) == duration::zero());
    for (int key = 0; key < 1000; ++key) CHECK(callers.try_acquire(key, 1, start + 1ms) == duration::zero());
    CHECK(callers.try_acquire(-1, 1, start + 2ms) == 998ms);
}

TEST_CASE("a key that cannot be copied takes nothing and breaks nothing") {
    keyed_limiter<touchy, hash_touchy> callers{rate{1, 1}};
    CHECK_THROWS_AS(callers.try_acquire(touchy{-1}, 1, start), std::runtime_error);
    CHECK(callers.active() == 0);
    CHECK(callers.try_acquire(touchy{1}, 1, start) == duration::zero());
}

TEST_CASE("threads share a key's tokens exactly") {
    keyed_limiter<int> callers{rate{1e-6, 1000}};
    std::atomic<int> taken{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] {
            for (int n = 0; n < 6000; ++n) taken += callers.try_acquire(n % 10, 1, start) == duration::zero();
        });
    for (auto& each : threads) each.join();
    CHECK(taken == 10 * 1000);
}
