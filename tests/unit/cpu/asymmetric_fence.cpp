// tests/unit/cpu/asymmetric_fence.cpp: of two who store and then look, one sees the other, though only one has a fence.
#include "support/scale.hpp"

#include <weir/cpu/asymmetric_fence.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/cpu/pause.hpp>

#include <catch2/catch_test_macros.hpp>

#include <thread>

using namespace weir;

TEST_CASE("a light side and a heavy side never miss each other both") {
    auto const rounds = static_cast<int>(test::scaled(20'000));
    asymmetric_fence const fence;
    alignas(cache_line) atomic<int> left{0};
    alignas(cache_line) atomic<int> right{0};
    alignas(cache_line) atomic<int> round_of_left{0};
    alignas(cache_line) atomic<int> round_of_right{0};
    alignas(cache_line) atomic<int> left_saw{0};
    std::thread light{[&] {
        for (int round = 1; round <= rounds; ++round) {
            while (round_of_right.load(acquire) != round) {}
            left.store(round, relaxed); // the fences order it before the look
            fence.light();
            left_saw.store(right.load(relaxed), relaxed); // published by the round
            round_of_left.store(round, release);
        }
    }};
    int both_missed = 0;
    for (int round = 1; round <= rounds; ++round) {
        round_of_right.store(round, release);
        for (int n = 0; n < round % 64; ++n) weir::pause(); // meets the other at each of its steps
        right.store(round, relaxed); // as above
        fence.heavy();
        bool const missed = left.load(relaxed) != round;
        backoff wait;
        while (round_of_left.load(acquire) != round) wait();
        both_missed += missed && left_saw.load(relaxed) != round;
    }
    light.join();
    CHECK(both_missed == 0);
}

TEST_CASE("asking the kernel again changes nothing") {
    CHECK(asymmetric_fence{}.kernel_helps() == asymmetric_fence{}.kernel_helps());
}
