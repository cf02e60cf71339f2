// tests/stress/batcher.cpp: many requests, none lost or counted twice, and nothing allocated on the way; partitions that
// come and go between real threads.
#include "support/allocations.hpp"
#include "support/counting_new.hpp"
#include "support/scale.hpp"
#include "support/threads_executor.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/batcher.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
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

using number = std::uint64_t;
using numbers = weir::batcher<number, number>;

struct by_remainder {
    number partition(number n) const noexcept { return n % 61; }
};

task<> asks(numbers& b, number count, number& wrong) {
    for (number n = 0; n < count; ++n) {
        auto const got = co_await b.submit(n);
        wrong += !got || *got != n + 1;
    }
}

task<> all_ask(weir::scope& children, numbers& b, std::size_t tasks, number each, number& wrong) {
    for (std::size_t n = 0; n < tasks; ++n) children.spawn(&asks, std::ref(b), each, std::ref(wrong));
    co_return;
}

} // namespace

TEST_CASE("B15: ten million requests leave the counters true, and allocate nothing", "[stress][batcher]") {
    constexpr std::size_t tasks = 64;
    number const each = scaled(10'000'000, 50) / tasks;
    number handled = 0;
    number batches = 0;
    numbers b{[&](std::span<number> items, replies<number>& out) -> task<> {
        ++batches;
        handled += items.size();
        for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n] + 1);
        co_return;
    }};
    number wrong = 0;
    auto const all = [&](number count) {
        weir::sync_wait(weir::in_scope(&all_ask, std::ref(b), tasks, count, std::ref(wrong)));
    };
    auto const first = weir::test::blocks_made_by([&] { all(10); }); // lanes grow to their size
    auto const made = weir::test::blocks_made_by([&] { all(each); });
    CHECK(made <= first); // what the tasks themselves cost
    auto const figures = b.figures();
    CHECK(wrong == 0);
    CHECK(figures.items == tasks * (each + 10));
    CHECK(figures.items == handled);
    CHECK(figures.batches == batches);
    CHECK(figures.batches <= figures.items / 16); // they were batched
    CHECK(figures.pending == 0);
    CHECK(figures.in_flight == 0);
    CHECK(figures.withdrawn + figures.discarded + figures.refused + figures.shed + figures.extra_calls == 0);
}

TEST_CASE("partitions come and go on many threads, each one batch at a time", "[stress][batcher]") {
    std::size_t const rounds = scaled(60'000);
    threads_executor pool{2};
    weir::batcher_options options;
    options.executor = pool;
    options.max_lanes = 3;
    std::array<atomic<int>, 61> under_way{};
    atomic<int> wrong{0};
    atomic<number> handled{0};
    weir::batcher<number, number, by_remainder> b{
        [&](std::span<number> items, replies<number>& out) -> task<> {
            auto& mine = under_way[items[0] % 61];
            if (mine.fetch_add(1, acq_rel) != 0) wrong.fetch_add(1, relaxed); // [one]
            handled.fetch_add(items.size(), relaxed); // only counts
            if (items[0] % 2) co_await weir::yield();
            for (std::size_t n = 0; n < items.size(); ++n) {
                if (items[n] % 61 != items[0] % 61) wrong.fetch_add(1, relaxed); // only counts
                out.set(n, items[n]);
            }
            mine.fetch_sub(1, acq_rel); // [one]
        },
        options};
    atomic<number> answered{0};
    {
        std::vector<std::jthread> threads;
        for (unsigned t = 0; t < 3; ++t)
            threads.emplace_back([&, t] {
                std::minstd_rand random{t + 1};
                auto body = [&]() -> task<> {
                    for (std::size_t n = 0; n < rounds; ++n) {
                        number const asked = random();
                        auto const got = co_await b.submit(asked);
                        if (!got || *got != asked) wrong.fetch_add(1, relaxed); // only counts
                        else answered.fetch_add(1, relaxed);
                    }
                };
                weir::sync_wait(body());
            });
    }
    weir::sync_wait(b.close());
    CHECK(wrong.load() == 0);
    CHECK(answered.load() == 3 * rounds);
    CHECK(b.figures().items == handled.load());
    CHECK(b.figures().partitions == 0);
}

TEST_CASE("callers leave partitions at every moment, and each is forgotten once", "[stress][batcher]") {
    std::size_t const rounds = scaled(20'000);
    threads_executor pool{2};
    weir::batcher_options options;
    options.executor = pool;
    options.max_lanes = 1;
    atomic<int> wrong{0};
    weir::batcher<number, number, by_remainder> b{
        [](std::span<number> items, replies<number>& out) -> task<> {
            if (items[0] % 2) co_await weir::yield();
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
        },
        options};
    {
        std::vector<std::jthread> threads;
        for (unsigned t = 0; t < 2; ++t)
            threads.emplace_back([&, t] {
                std::minstd_rand random{t + 1};
                for (std::size_t n = 0; n < rounds; ++n) {
                    number const asked = random() % 5;
                    stop_source source;
                    atomic<bool> stopped{false};
                    unsigned const spins = random() % 256;
                    // A job of the pool stops it, as often before as after it is sent.
                    struct stopping : weir::job {
                        stop_source& source;
                        atomic<bool>& stopped;
                        unsigned spins;
                        stopping(stop_source& s, atomic<bool>& d, unsigned n) noexcept
                            : weir::job{&go}, source{s}, stopped{d}, spins{n} {}
                        static void go(weir::job& self) noexcept {
                            auto& one = static_cast<stopping&>(self);
                            for (unsigned k = 0; k < one.spins; ++k) weir::pause();
                            one.source.request_stop();
                            one.stopped.store(true, weir::release); // [stopped]
                        }
                    } stops{source, stopped, spins};
                    weir::executor_ref{pool}.post(stops);
                    auto const got = weir::sync_wait(b.submit(asked), source.token());
                    if (got ? *got != asked : got.error() != errc::cancelled) wrong.fetch_add(1, relaxed); // only counts
                    while (!stopped.load(weir::acquire)) std::this_thread::yield(); // [stopped]
                }
            });
    }
    weir::sync_wait(b.close());
    CHECK(wrong.load() == 0);
    auto const figures = b.figures();
    CHECK(figures.partitions == 0);
    CHECK(figures.withdrawn + figures.discarded > 0);
    CHECK(figures.items + figures.withdrawn <= 2 * rounds);
}
