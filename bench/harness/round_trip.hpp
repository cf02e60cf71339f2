// bench/harness/round_trip.hpp: how long a cache line takes from one core to another and back.
// Not: a latency of the processor's data sheet; it is what a guest's two cores are apart at this moment.
#pragma once

#include "cores.hpp"

#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <thread>

namespace bench {

// Nanoseconds of a round trip: the median of 65 batches, so that a preempted batch does not count.
// Needs:  two different cores. Errors: throws std::system_error where a core is not to be had.
// Cost:   two threads and 32,500 trips, 2 to 40 ms.
double round_trip_ns(unsigned one, unsigned other);

inline double round_trip_ns(unsigned one, unsigned other) {
    constexpr std::size_t batches = 65;
    constexpr std::uint32_t trips = 500;
    constexpr auto all = static_cast<std::uint32_t>((batches + 1) * trips);

    if (one == other || !may_use(one) || !may_use(other))
        throw std::system_error{EINVAL, std::generic_category(), "round_trip_ns needs two usable cores"};

    // Odd while the ball is with the other side, 2n after n trips.
    struct alignas(weir::cache_line) {
        weir::atomic<std::uint32_t> word{0};
    } ball;

    pinned const here{one}; // before the thread starts: it may throw
    std::thread returns{[&] {
        pin(other);
        for (std::uint32_t trip = 0; trip < all; ++trip) {
            while (ball.word.load(weir::acquire) != 2 * trip + 1) {} // [serve]
            ball.word.store(2 * trip + 2, weir::release);            // [return]
        }
    }};

    std::uint32_t trip = 0;
    auto const batch = [&] {
        for (std::uint32_t n = 0; n < trips; ++n, ++trip) {
            ball.word.store(2 * trip + 1, weir::release);            // [serve]
            while (ball.word.load(weir::acquire) != 2 * trip + 2) {} // [return]
        }
    };
    std::array<double, batches> took{};
    batch(); // the other thread starts and finds its core
    for (double& nanoseconds : took) {
        auto const start = std::chrono::steady_clock::now();
        batch();
        std::chrono::duration<double, std::nano> const passed = std::chrono::steady_clock::now() - start;
        nanoseconds = passed.count() / trips;
    }
    returns.join();

    auto const middle = took.begin() + batches / 2;
    std::nth_element(took.begin(), middle, took.end());
    return *middle;
}

} // namespace bench
