// tests/stress/flow.cpp: coalescer and batcher between real threads, with callers that leave at every moment.
// Seconds, not hours; the sanitizers look on. Threads only note what they see, the test's own thread judges it.
#include "support/scale.hpp"
#include "support/threads_executor.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using weir::acq_rel;
using weir::atomic;
using weir::errc;
using weir::relaxed;
using weir::replies;
using weir::stop_source;
using weir::task;
using weir::test::scaled;
using weir::test::threads_executor;

namespace {

using crew = std::vector<std::jthread>;

// Stops what it is aimed at, from a thread of its own, after a number of pauses.
class stopper {
public:
    void aim(stop_source* at, unsigned spins) noexcept {
        spins_ = spins;
        at_.store(at, weir::release); // [aim]
    }
    // Until the stop is over, so that its source may die.
    void wait() const noexcept {
        while (at_.load(weir::acquire)) std::this_thread::yield(); // [aim]
    }

private:
    void work() {
        while (!ends_.load(relaxed)) { // a flag of its own, nothing is published by it
            stop_source* const target = at_.load(weir::acquire); // [aim]
            if (!target) {
                std::this_thread::yield();
                continue;
            }
            for (unsigned n = 0; n < spins_; ++n) weir::pause();
            target->request_stop();
            at_.store(nullptr, weir::release); // [aim]
        }
    }

    atomic<stop_source*> at_{nullptr};
    atomic<bool> ends_{false};
    unsigned spins_ = 0;
    struct ender {
        atomic<bool>& flag;
        ~ender() { flag.store(true, relaxed); }
    };
    std::jthread thread_{[this] { work(); }};
    ender end_{ends_};
};

} // namespace

TEST_CASE("callers on many threads share flights, and every value is of its key and loaded while somebody asked",
          "[stress][coalescer]") {
    constexpr int keys = 8;
    std::size_t const rounds = scaled(60'000);
    std::array<atomic<int>, keys> loading{};
    atomic<std::uint64_t> loads{0};
    atomic<int> wrong{0};
    weir::coalescer<int, std::vector<int>> c{[&](int const& key) -> task<std::vector<int>> {
        loads.fetch_add(1, relaxed); // only counts
        auto& mine = loading[static_cast<std::size_t>(key)];
        if (mine.fetch_add(1, acq_rel) != 0) wrong.fetch_add(1, relaxed); // [one] S1: one at a time, as nobody leaves
        if (key % 2) co_await weir::yield();
        mine.fetch_sub(1, acq_rel); // [one]
        co_return std::vector<int>(4, key);
    }};
    {
        crew threads;
        for (unsigned t = 0; t < 3; ++t)
            threads.emplace_back([&, t] {
                std::minstd_rand random{t + 1};
                auto body = [&]() -> task<> {
                    for (std::size_t n = 0; n < rounds; ++n) {
                        int const key = static_cast<int>(random() % keys);
                        auto const got = co_await c.get(key);
                        if (!got || (*got)->at(3) != key) wrong.fetch_add(1, relaxed); // only counts
                    }
                };
                weir::sync_wait(body());
            });
    }
    CHECK(wrong.load() == 0);
    auto const figures = c.figures();
    CHECK(figures.leads == loads.load());
    CHECK(figures.leads + figures.joins == 3 * rounds);
    CHECK(figures.in_flight == 0);
}

TEST_CASE("callers that leave at every moment disturb nobody", "[stress][coalescer]") {
    std::size_t const rounds = scaled(30'000);
    threads_executor pool{2};
    weir::coalescer_options options;
    options.executor = pool; // the callers' loops end with them
    atomic<int> wrong{0};
    weir::coalescer<int, std::vector<int>> c{[&](int const& key) -> task<std::vector<int>> {
                                                 for (int n = 0; n < key; ++n) co_await weir::yield();
                                                 co_return std::vector<int>(4, key);
                                             },
                                             options};
    atomic<std::uint64_t> left{0};
    {
        crew threads;
        for (unsigned t = 0; t < 2; ++t)
            threads.emplace_back([&, t] {
                std::minstd_rand random{t + 1};
                stopper stops;
                for (std::size_t n = 0; n < rounds; ++n) {
                    int const key = static_cast<int>(random() % 3);
                    stop_source source;
                    bool const leaves = random() % 2;
                    if (leaves) stops.aim(&source, random() % 64);
                    auto const got = weir::sync_wait(c.get(key), source.token());
                    if (got ? (*got)->at(3) != key : (!leaves || got.error() != errc::cancelled))
                        wrong.fetch_add(1, relaxed); // only counts
                    if (!got) left.fetch_add(1, relaxed);
                    if (random() % 16 == 0) c.invalidate(key);
                    stops.wait();
                }
            });
    }
    weir::sync_wait(c.close());
    CHECK(wrong.load() == 0);
    CHECK(left.load() > 0);
    CHECK(c.figures().in_flight == 0);
}

TEST_CASE("a coalescer closed under load answers everybody and may die at once", "[stress][coalescer]") {
    std::size_t const rounds = scaled(4'000);
    threads_executor pool{2};
    atomic<int> wrong{0};
    for (std::size_t round = 0; round < rounds; ++round) {
        weir::coalescer_options options;
        options.executor = pool;
        auto c = std::make_unique<weir::coalescer<int, int>>(
            [](int const& key) -> task<int> {
                co_await weir::yield();
                co_return key;
            },
            options);
        crew threads;
        atomic<int> asking{2};
        for (int t = 0; t < 2; ++t)
            threads.emplace_back([&, t] {
                auto body = [&]() -> task<> {
                    for (int n = 0; n < 20; ++n) {
                        auto const got = co_await c->get(n % 2 + t);
                        if (got ? **got != n % 2 + t : got.error() != errc::closed) wrong.fetch_add(1, relaxed);
                    }
                };
                weir::sync_wait(body());
                asking.fetch_sub(1, weir::release); // [asked]
            });
        weir::sync_wait(c->close());
        while (asking.load(weir::acquire) != 0) std::this_thread::yield(); // [asked]
        c.reset();
    }
    CHECK(wrong.load() == 0);
}

TEST_CASE("requests of many threads are each answered once, in batches of any shape", "[stress][batcher]") {
    std::size_t const rounds = scaled(60'000);
    atomic<std::uint64_t> handled{0};
    atomic<int> wrong{0};
    weir::batcher_options options;
    options.max_items = 3;
    options.max_in_flight = 2;
    weir::batcher<std::uint64_t, std::uint64_t> b{
        [&](std::span<std::uint64_t> items, replies<std::uint64_t>& out) -> task<> {
            if (items.empty() || items.size() > 3) wrong.fetch_add(1, relaxed); // only counts
            handled.fetch_add(items.size(), relaxed);
            if (items[0] % 3 == 0) co_await weir::yield();
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n] + 1);
        },
        options};
    {
        crew threads;
        for (unsigned t = 0; t < 3; ++t)
            threads.emplace_back([&, t] {
                auto body = [&]() -> task<> {
                    for (std::size_t n = 0; n < rounds; ++n) {
                        auto const got = co_await b.submit(t * rounds + n);
                        if (!got || *got != t * rounds + n + 1) wrong.fetch_add(1, relaxed); // only counts
                    }
                };
                weir::sync_wait(body());
            });
    }
    CHECK(wrong.load() == 0);
    CHECK(handled.load() == 3 * rounds);
    CHECK(b.figures().items == 3 * rounds);
    weir::sync_wait(b.close());
    CHECK(b.figures().in_flight == 0);
}

TEST_CASE("requests withdrawn at every moment are sent whole or not at all", "[stress][batcher]") {
    std::size_t const rounds = scaled(30'000);
    threads_executor pool{2};
    weir::batcher_options options;
    options.executor = pool; // the callers' loops end with them
    options.max_items = 4;
    options.max_in_flight = 2;
    atomic<int> wrong{0};
    atomic<std::uint64_t> handled{0};
    weir::batcher<std::unique_ptr<std::size_t>, std::size_t> b{
        [&](std::span<std::unique_ptr<std::size_t>> items, replies<std::size_t>& out) -> task<> {
            handled.fetch_add(items.size(), relaxed);
            if (*items[0] % 2) co_await weir::yield();
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n, *items[n]);
        },
        options};
    {
        crew threads;
        for (unsigned t = 0; t < 2; ++t)
            threads.emplace_back([&, t] {
                std::minstd_rand random{t + 1};
                stopper stops;
                for (std::size_t n = 0; n < rounds; ++n) {
                    stop_source source;
                    bool const leaves = random() % 2;
                    if (leaves) stops.aim(&source, random() % 64);
                    auto const got = weir::sync_wait(b.submit(std::make_unique<std::size_t>(n)), source.token());
                    if (got ? *got != n : (!leaves || got.error() != errc::cancelled)) wrong.fetch_add(1, relaxed);
                    stops.wait();
                }
            });
    }
    weir::sync_wait(b.close());
    CHECK(wrong.load() == 0);
    auto const figures = b.figures();
    CHECK(figures.items == handled.load());
    CHECK(figures.items + figures.withdrawn <= 2 * rounds); // who was stopped before it asked is in neither
    CHECK(figures.withdrawn + figures.discarded > 0);
}

TEST_CASE("time and size race for a lingering batch, and each request is in one", "[stress][batcher]") {
    std::size_t const rounds = scaled(8'000);
    weir::timer_wheel wheel{weir::clock::now()};
    atomic<bool> ends{false};
    std::jthread ticks([&] {
        while (!ends.load(relaxed)) { // a flag of its own, nothing is published by it
            wheel.advance(weir::clock::now());
            std::this_thread::yield();
        }
    });
    atomic<int> wrong{0};
    {
        threads_executor pool{2, &wheel};
        weir::batcher_options options;
        options.executor = pool;
        options.linger = 70us; // about a tick of the wheel
        options.max_items = 2;
        weir::batcher<std::size_t, std::size_t> b{
            [&](std::span<std::size_t> items, replies<std::size_t>& out) -> task<> {
                if (items.empty() || items.size() > 2) wrong.fetch_add(1, relaxed); // only counts
                for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
                co_return;
            },
            options};
        {
            crew threads;
            for (unsigned t = 0; t < 2; ++t)
                threads.emplace_back([&] {
                    auto body = [&]() -> task<> {
                        for (std::size_t n = 0; n < rounds; ++n) {
                            auto const got = co_await b.submit(n);
                            if (!got || *got != n) wrong.fetch_add(1, relaxed); // only counts
                        }
                    };
                    weir::sync_wait(body());
                });
        }
        weir::sync_wait(b.close());
        CHECK(b.figures().items == 2 * rounds);
    }
    ends.store(true, relaxed); // as above
    ticks.join();
    CHECK(wrong.load() == 0);
    CHECK(wheel.size() == 0);
}

TEST_CASE("a batcher closed under load answers everybody and may die at once", "[stress][batcher]") {
    std::size_t const rounds = scaled(4'000);
    threads_executor pool{2};
    atomic<int> wrong{0};
    for (std::size_t round = 0; round < rounds; ++round) {
        weir::batcher_options options;
        options.executor = pool;
        options.max_in_flight = 2;
        auto b = std::make_unique<weir::batcher<int, int>>(
            [](std::span<int> items, replies<int>& out) -> task<> {
                co_await weir::yield();
                for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
            },
            options);
        crew threads;
        atomic<int> asking{2};
        for (int t = 0; t < 2; ++t)
            threads.emplace_back([&, t] {
                auto body = [&]() -> task<> {
                    for (int n = 0; n < 20; ++n) {
                        auto const got = co_await b->submit(n + t);
                        if (got ? *got != n + t : got.error() != errc::closed) wrong.fetch_add(1, relaxed);
                    }
                };
                weir::sync_wait(body());
                asking.fetch_sub(1, weir::release); // [asked]
            });
        weir::sync_wait(b->close());
        while (asking.load(weir::acquire) != 0) std::this_thread::yield(); // [asked]
        b.reset();
    }
    CHECK(wrong.load() == 0);
}
