// tests/unit/flow/token_bucket.cpp: never more than the rate and a burst, in any stretch of time.
#include <weir/flow/token_bucket.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;

namespace {

time_point const start{1000h};

} // namespace

TEST_CASE("a rested bucket gives a burst at once, and then one token each time one has come back") {
    token_bucket bucket{rate{10, 3}};
    for (int n = 0; n < 3; ++n) CHECK(bucket.try_take(1, start) == duration::zero());
    CHECK(bucket.try_take(1, start) == 100ms);
    CHECK(bucket.try_take(1, start + 40ms) == 60ms); // a refusal costs nothing
    CHECK(bucket.try_take(1, start + 100ms) == duration::zero());
    CHECK(bucket.try_take(1, start + 100ms) == 100ms);
}

TEST_CASE("a rest of any length saves up a burst and no more") {
    token_bucket bucket{rate{10, 3}};
    for (time_point const at : {start, start + 24h * 365 * 200}) {
        CHECK(bucket.available(at) == 3);
        CHECK(bucket.try_take(3, at) == duration::zero());
        CHECK(bucket.available(at) == 0);
        CHECK(bucket.try_take(1, at) == 100ms);
    }
}

TEST_CASE("a request larger than a burst is told that it never fits, and takes nothing") {
    token_bucket bucket{rate{10, 3}};
    CHECK(bucket.try_take(3.5, start) == duration::max());
    CHECK(bucket.try_take(3, start) == duration::zero());
}

TEST_CASE("a clock that is behind gives no tokens twice") {
    token_bucket bucket{rate{10, 1}};
    CHECK(bucket.try_take(1, start) == duration::zero());
    CHECK(bucket.try_take(1, start - 1h) == 1h + 100ms);
}

TEST_CASE("fractions of a token and of a token a second add up") {
    token_bucket bucket{rate{0.5, 1}};
    for (int n = 0; n < 4; ++n) CHECK(bucket.try_take(0.25, start) == duration::zero());
    CHECK(bucket.try_take(0.25, start) == 500ms);
    CHECK(bucket.try_take(0.25, start + 500ms) == duration::zero());
}

TEST_CASE("whoever asks whenever, no stretch of time sees more than its rate and one burst") {
    std::mt19937 random{7};
    token_bucket bucket{rate{100, 5}};
    std::vector<time_point> taken;
    time_point now = start;
    for (int n = 0; n < 20'000; ++n) {
        now += std::chrono::microseconds{random() % 8000};
        if (bucket.try_take(1, now) == duration::zero()) taken.push_back(now);
    }
    for (std::size_t first = 0; first < taken.size(); ++first)
        for (std::size_t last = first; last < taken.size() && last < first + 200; ++last) {
            double const seconds = std::chrono::duration<double>{taken[last] - taken[first]}.count();
            if (static_cast<double>(last - first + 1) > 5 + 100 * seconds + 1e-6)
                FAIL("too many within " << seconds << " s");
        }
    double const whole = std::chrono::duration<double>{now - start}.count();
    CHECK(static_cast<double>(taken.size()) > 0.9 * 100 * whole); // and few fewer
}

TEST_CASE("threads that take at the same time never share a token") {
    token_bucket bucket{rate{1e-3, 10'000}};
    std::atomic<int> taken{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] {
            for (int n = 0; n < 5'000; ++n) taken += bucket.try_take(1, start) == duration::zero();
        });
    for (auto& each : threads) each.join();
    CHECK(taken == 10'000);
}
