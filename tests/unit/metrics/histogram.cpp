// tests/unit/metrics/histogram.cpp: many threads record, nothing is lost, and a snapshot is whole.
#include <weir/metrics/histogram.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <random>
#include <thread>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("a snapshot holds what was recorded") {
    histogram sizes;
    CHECK(sizes.snapshot() == distribution{});
    distribution expected;
    std::mt19937_64 random{1};
    for (int n = 0; n < 10'000; ++n) {
        auto const value = random() >> (random() % 64);
        sizes.record(value);
        expected.record(value);
    }
    CHECK(sizes.snapshot() == expected);
    CHECK(sizes.dropped() == 0);
}

TEST_CASE("the edges of the range are recorded") {
    histogram sizes;
    sizes.record(std::uint64_t{0});
    sizes.record(std::numeric_limits<std::uint64_t>::max());
    auto const seen = sizes.snapshot();
    CHECK(seen.count() == 2);
    CHECK(seen.min() == 0);
    CHECK(seen.max() > std::numeric_limits<std::uint64_t>::max() / 128 * 126);
}

TEST_CASE("durations are recorded as nanoseconds, whatever their unit") {
    histogram times;
    distribution expected;
    times.record(100ns);
    expected.record(100);
    times.record(3us);
    expected.record(3'000);
    times.record(2h);
    expected.record(7'200'000'000'000);
    times.record(std::chrono::duration<double>{0.25});
    expected.record(250'000'000);
    CHECK(times.snapshot() == expected);
}

TEST_CASE("a clock that went back and a duration without end are bounded, not undefined") {
    histogram times;
    distribution expected;
    times.record(-5ms);
    times.record(std::chrono::nanoseconds::min());
    times.record(std::chrono::duration<double>{-1e300});
    times.record(std::chrono::duration<double>{std::numeric_limits<double>::quiet_NaN()});
    expected.record(0, 4);
    auto const longest = static_cast<std::uint64_t>(std::chrono::nanoseconds::max().count());
    times.record(std::chrono::hours::max());
    times.record(std::chrono::duration<double>{1e300});
    times.record(std::chrono::nanoseconds::max());
    expected.record(longest, 3);
    CHECK(times.snapshot() == expected);
}

TEST_CASE("threads that meet an octave at once lose no number") {
    // Each round begins with no octave allocated, so that all threads race to install the same ones.
    constexpr int recorders = 4;
    for (int round = 0; round < 50; ++round) {
        histogram sizes;
        std::atomic<int> ready{0};
        std::vector<std::thread> threads;
        for (int n = 0; n < recorders; ++n)
            threads.emplace_back([&] {
                ready.fetch_add(1);
                while (ready.load() < recorders) std::this_thread::yield();
                for (unsigned shift = 0; shift < 64; ++shift) sizes.record(std::uint64_t{1} << shift);
            });
        for (auto& thread : threads) thread.join();
        distribution expected;
        for (unsigned shift = 0; shift < 64; ++shift) expected.record(std::uint64_t{1} << shift, recorders);
        REQUIRE(sizes.snapshot() == expected);
    }
}

TEST_CASE("snapshots taken while threads record only grow, and the last one is whole") {
    constexpr std::uint64_t each = 20'000;
    constexpr std::uint64_t recorders = 3;
    histogram sizes;
    std::atomic<std::uint64_t> left{recorders};
    std::vector<std::thread> threads;
    for (std::uint64_t n = 0; n < recorders; ++n)
        threads.emplace_back([&, n] {
            std::mt19937_64 random{n};
            for (std::uint64_t k = 0; k < each; ++k) sizes.record(random() >> 30);
            left.fetch_sub(1);
        });
    distribution before;
    bool whole = true;
    while (left.load() != 0) {
        auto now = sizes.snapshot();
        // A bucket that fell would make the difference count more than what came in between.
        whole = whole && now.count() >= before.count() && now.since(before).count() == now.count() - before.count();
        before = std::move(now);
    }
    for (auto& thread : threads) thread.join();
    CHECK(whole);
    CHECK(sizes.snapshot().count() == each * recorders);
    CHECK(sizes.dropped() == 0);
}
