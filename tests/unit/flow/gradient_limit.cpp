// tests/unit/flow/gradient_limit.cpp: the limit finds the room of a backend, and follows it when it changes.
#include <weir/flow/gradient_limit.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <random>

using namespace weir;
using namespace std::chrono_literals;

namespace {

// A backend with `room` servers of 1 ms each, driven at the limit: the time grows once they are all busy.
void drive(gradient_limit& limit, double room, int calls) {
    for (int n = 0; n < calls; ++n) {
        double const at_once = limit.limit();
        double const slowed = std::max(1.0, at_once / room);
        limit.took(std::chrono::microseconds{static_cast<int>(1000 * slowed)}, at_once);
    }
}

} // namespace

TEST_CASE("the limit grows to the backend's room and stays near it") {
    for (double const room : {10.0, 50.0, 200.0}) {
        gradient_limit limit{5};
        drive(limit, room, 10'000);
        CHECK(limit.limit() > room);
        double most = 0;
        int short_of = 0;
        for (int n = 0; n < 100'000; ++n) {
            drive(limit, room, 1);
            most = std::max(most, limit.limit());
            short_of += limit.limit() < room;
        }
        CHECK(most < 3 * room);      // the tolerance, and the queue that it tries
        CHECK(short_of < 100'000 / 50); // while it probes
    }
}

TEST_CASE("times that scatter widely do not shrink it") {
    gradient_limit limit{5};
    std::mt19937 random{3};
    std::exponential_distribution<double> scatter{1.0};
    int short_of = 0;
    for (int n = 0; n < 200'000; ++n) {
        double const slowed = std::max(1.0, limit.limit() / 50);
        limit.took(std::chrono::microseconds{500 + static_cast<int>(500 * slowed * scatter(random))}, limit.limit());
        if (n > 10'000) short_of += limit.limit() < 25;
    }
    CHECK(short_of < 200'000 / 50);
}

TEST_CASE("a backend that becomes slow shrinks it, and one that is slow for good is learnt anew") {
    gradient_limit limit{5};
    drive(limit, 100, 5000);
    double const before = limit.limit();
    for (int n = 0; n < 2000; ++n) limit.took(10ms, limit.limit());
    CHECK(limit.limit() < before / 3);
    CHECK(limit.limit() >= 1);
    for (int n = 0; n < 50'000; ++n) {
        double const slowed = std::max(1.0, limit.limit() / 100);
        limit.took(std::chrono::microseconds{static_cast<int>(10'000 * slowed)}, limit.limit());
    }
    CHECK(limit.limit() > 80);
}

TEST_CASE("who uses less than half of it teaches nothing about its size") {
    gradient_limit limit{100};
    for (int n = 0; n < 10'000; ++n) limit.took(1ms, 10);
    CHECK(limit.limit() == 100);
}

TEST_CASE("it stays between its bounds") {
    gradient_options options;
    options.least = 4;
    options.most = 30;
    gradient_limit limit{1000, options};
    CHECK(limit.limit() == 30);
    drive(limit, 1e9, 1000);
    CHECK(limit.limit() == 30);
    for (int n = 0; n < 100; ++n) limit.lost();
    CHECK(limit.limit() == 4);
}

TEST_CASE("a time of no length is as good as any") {
    gradient_limit limit{5};
    for (int n = 0; n < 1000; ++n) limit.took(0ns, limit.limit());
    CHECK(limit.limit() > 5);
}
