// tests/stress/flight_urgency.cpp: callers who join a flight from several threads at once, each with a deadline and a
// priority of its own, while its loader looks on.
#include "support/scale.hpp"
#include "support/threads_executor.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/flow/flight_urgency.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

constexpr std::size_t threads = 3;

// What the caller `t` of a round asks with; each is the last, the most urgent or neither, in changing order.
time_point until_of(std::size_t round, std::size_t t) {
    return time_point{std::chrono::hours{1 + (round * 7 + t * 11) % 13}};
}
priority level_of(std::size_t round, std::size_t t) { return static_cast<priority>((round / 3 + t) % 3); }

} // namespace

TEST_CASE("of callers who join at once none is forgotten, and what the loader sees never goes back",
          "[stress][coalescer]") {
    std::size_t const rounds = scaled(300);
    threads_executor pool{2};
    coalescer_options options;
    options.executor = pool;
    atomic<int> forgotten{0};
    atomic<int> taken_back{0};
    coalescer<std::size_t, int>* asked = nullptr;
    coalescer<std::size_t, int> c{[&](std::size_t const& round) -> task<int> {
                                      context const& here = co_await this_task();
                                      time_point until = deadline_of(here);
                                      priority level = priority_of(here);
                                      while (asked->figures().waiters < threads) { // nobody leaves
                                          time_point const later = deadline_of(here);
                                          priority const higher = priority_of(here);
                                          if (later < until || higher > level) taken_back.fetch_add(1, relaxed); // counts
                                          until = later;
                                          level = higher;
                                          co_await yield();
                                      }
                                      time_point latest = time_point::min();
                                      for (std::size_t t = 0; t < threads; ++t)
                                          latest = std::max(latest, until_of(round, t));
                                      if (deadline_of(here) != latest || priority_of(here) != priority::high)
                                          forgotten.fetch_add(1, relaxed); // counts
                                      co_return 1;
                                  },
                                  options};
    asked = &c;
    std::barrier line{static_cast<std::ptrdiff_t>(threads)};
    {
        std::vector<std::jthread> crew;
        for (std::size_t t = 0; t < threads; ++t)
            crew.emplace_back([&, t] {
                auto asks = [&](std::size_t round) -> task<> {
                    context mine = co_await this_task();
                    mine.deadline = until_of(round, t);
                    mine.priority = level_of(round, t);
                    co_await use_context(mine);
                    static_cast<void>(co_await c.get(round));
                };
                for (std::size_t round = 0; round < rounds; ++round) {
                    line.arrive_and_wait();
                    sync_wait(asks(round));
                }
            });
    }
    CHECK(forgotten.load() == 0);
    CHECK(taken_back.load() == 0);
    CHECK(c.figures().leads == rounds);
    CHECK(c.figures().joins == (threads - 1) * rounds);
    sync_wait(c.close());
}
