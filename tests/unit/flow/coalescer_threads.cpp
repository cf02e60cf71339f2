// tests/unit/flow/coalescer_threads.cpp: what is kept, between real threads: nobody gets what was invalidated before.
#include "support/scale.hpp"
#include "support/threads_executor.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/coalescer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

TEST_CASE("S10: between threads nobody is given what was invalidated before it asked", "[coalescer][threads]") {
    constexpr std::size_t keys = 24;
    std::size_t const rounds = scaled(30'000);
    threads_executor pool{2};
    coalescer_options options;
    options.executor = pool;
    options.shards = 2;
    options.time_to_live = 200us;
    options.negative_time_to_live = 50us;
    options.stale_while_revalidate = 300us;
    options.stale_if_error = 300us;
    options.max_entries = 16; // fewer than there are keys
    std::array<atomic<std::uint64_t>, keys> versions{};
    atomic<std::uint64_t> wrong{0};
    atomic<std::uint64_t> loads{0};
    using loaded = std::unique_ptr<std::uint64_t>;
    coalescer<std::size_t, loaded> c{[&](std::size_t const& key) -> task<result<loaded>> {
                                         std::uint64_t const seen = versions[key].load(acquire); // [version]
                                         std::uint64_t const run = loads.fetch_add(1, relaxed);  // only counts
                                         if (run % 3 == 0) co_await yield();
                                         if (run % 7 == 0) co_return errc::too_long;
                                         co_return std::make_unique<std::uint64_t>(seen);
                                     },
                                     options};
    {
        std::vector<std::jthread> threads;
        for (unsigned t = 0; t < 3; ++t)
            threads.emplace_back([&, t] {
                std::minstd_rand random{t + 1};
                for (std::size_t n = 0; n < rounds; ++n) {
                    std::size_t const key = random() % keys;
                    std::uint64_t least = versions[key].load(acquire); // [version] an invalidation may be on its way
                    bool sure = false;
                    if (auto const what = random() % 16; what == 0) {
                        least = versions[key].fetch_add(1, acq_rel) + 1; // [version]
                        c.invalidate(key);
                        sure = true;
                    } else if (what == 1 && random() % 64 == 0) {
                        c.clear();
                    } else if (what == 2) {
                        auto const shown = c.peek(key);
                        if (shown && **shown > versions[key].load(acquire)) wrong.fetch_add(1, relaxed); // only counts
                    }
                    auto const got = random() % 8 ? sync_wait(c.get(key)) : sync_wait(c.refresh(key));
                    if (got ? sure && ***got < least : got.error() != errc::too_long) wrong.fetch_add(1, relaxed);
                }
            });
    }
    sync_wait(c.close());
    auto const figures = c.figures();
    CHECK(wrong.load() == 0);
    CHECK(figures.hits > 0);
    CHECK(figures.evictions > 0);
    CHECK(figures.in_flight == 0);
    CHECK(figures.waiters == 0);
    CHECK(figures.entries == 0);
    CHECK(figures.weight == 0);
    CHECK(figures.leads == loads.load());
}
