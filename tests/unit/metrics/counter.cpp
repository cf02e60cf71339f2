// tests/unit/metrics/counter.cpp: counters and gauges count exactly, from any number of threads.
#include <weir/metrics/counter.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

using namespace weir;

TEST_CASE("a counter begins at zero and adds what it is told") {
    counter hits;
    CHECK(hits.value() == 0);
    hits.add();
    hits.add(41);
    hits.add(0);
    CHECK(hits.value() == 42);
}

TEST_CASE("a counter wraps at the end of its range instead of failing") {
    counter hits;
    hits.add(~std::uint64_t{0});
    CHECK(hits.value() == ~std::uint64_t{0});
    hits.add(3);
    CHECK(hits.value() == 2);
}

TEST_CASE("no addition is lost when more threads add than there are copies") {
    constexpr std::uint64_t each = 10'000;
    auto const adders = 2 * shard_count() + 3;
    counter hits;
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < adders; ++n)
        threads.emplace_back([&] {
            for (std::uint64_t k = 0; k < each; ++k) hits.add();
        });
    for (auto& thread : threads) thread.join();
    CHECK(hits.value() == adders * each);
}

TEST_CASE("a reader never sees a counter fall while others add") {
    counter hits;
    std::atomic<bool> done{false};
    std::vector<std::thread> threads;
    for (int n = 0; n < 3; ++n)
        threads.emplace_back([&] {
            while (!done.load()) hits.add();
        });
    std::uint64_t before = 0;
    bool fell = false;
    for (int n = 0; n < 20'000; ++n) {
        auto const now = hits.value();
        fell = fell || now < before;
        before = now;
    }
    done.store(true);
    for (auto& thread : threads) thread.join();
    CHECK_FALSE(fell);
    CHECK(hits.value() >= before);
}

TEST_CASE("two counters of one thread do not mix") {
    counter hits;
    counter misses;
    hits.add(2);
    misses.add(5);
    CHECK(hits.value() == 2);
    CHECK(misses.value() == 5);
}

TEST_CASE("a thread keeps its copy, and threads in a row take different ones") {
    auto const mine = this_shard();
    CHECK(this_shard() == mine);
    CHECK(mine < shard_count());
    std::vector<std::size_t> taken;
    for (std::size_t n = 0; n < shard_count(); ++n)
        std::thread([&] {
            auto const first = this_shard();
            taken.push_back(this_shard() == first ? first : max_shards);
        }).join();
    std::sort(taken.begin(), taken.end());
    std::vector<std::size_t> all;
    for (std::size_t n = 0; n < shard_count(); ++n) all.push_back(n);
    CHECK(taken == all);
}

TEST_CASE("the copies of a counter lie on cache lines of their own") {
    CHECK(alignof(gauge) == cache_line);
    CHECK(shard_count() >= 1);
    CHECK(shard_count() <= max_shards);
    CHECK((shard_count() & (shard_count() - 1)) == 0);
}

TEST_CASE("a gauge rises, falls below zero and is set") {
    gauge level;
    CHECK(level.value() == 0);
    level.add(2);
    level.sub(5);
    CHECK(level.value() == -3);
    level.set(7);
    level.add();
    level.sub();
    CHECK(level.value() == 7);
}

TEST_CASE("a gauge that many scopes raise returns to where it was") {
    gauge level;
    std::vector<std::thread> threads;
    std::atomic<std::int64_t> lowest{1};
    for (int n = 0; n < 4; ++n)
        threads.emplace_back([&] {
            for (int k = 0; k < 5'000; ++k) {
                gauge_guard const inside{level};
                auto const now = level.value();
                if (now < 1) lowest.store(now);
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(level.value() == 0);
    CHECK(lowest.load() == 1);
}
