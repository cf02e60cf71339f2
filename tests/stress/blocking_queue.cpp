// tests/stress/blocking_queue.cpp: producers and consumers that sleep for each other in a queue of one or two places: no
// wake-up is lost, no value is lost or doubled, and the end is told when all is taken. Deadlines are short and random.
#include <weir/queue/blocking_queue.hpp>
#include <weir/queue/mpmc.hpp>

#include "support/scale.hpp"
#include "support/watchdog.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

using namespace weir;

namespace {

using team = std::vector<std::jthread>;
using microseconds = std::chrono::microseconds;

// A span of nothing at all, of a spin, of a short sleep, or without end.
microseconds some_span(std::minstd_rand& random) {
    constexpr std::array spans{microseconds{0}, microseconds{3}, microseconds{60}, microseconds::max()};
    return spans[random() % spans.size()];
}

template <class Queue>
void carries(std::size_t capacity, std::uint32_t producers, std::size_t consumers, std::uint32_t each) {
    test::watchdog const dog{60};
    blocking_queue<Queue> queue{capacity};
    std::vector<std::vector<std::uint32_t>> taken(consumers);
    atomic<std::uint32_t> producing{producers};
    atomic<int> broken{0};
    {
        team threads;
        for (std::uint32_t p = 0; p < producers; ++p)
            threads.emplace_back([&, p] {
                std::minstd_rand random{p + 1};
                for (std::uint32_t n = 0; n < each; ++n) {
                    std::uint32_t value = p * each + n;
                    for (;;) {
                        auto const went = queue.blocking_push_for(std::move(value), some_span(random));
                        if (went) break;
                        if (went.error() != errc::timed_out) broken.fetch_add(1, relaxed); // only a count
                    }
                }
                if (producing.fetch_sub(1, acq_rel) == 1) queue.close();
            });
        for (std::size_t c = 0; c < consumers; ++c)
            threads.emplace_back([&, c] {
                std::minstd_rand random{static_cast<std::uint32_t>(100 + c)};
                std::array<std::uint32_t, 3> some{};
                for (;;) {
                    auto const room = std::span{some}.first(1 + random() % some.size());
                    auto const got = queue.blocking_pop_n_for(room, some_span(random));
                    if (!got && got.error() == errc::closed) break;
                    if (!got) continue;
                    for (std::uint32_t const value : room.first(*got)) taken[c].push_back(value);
                }
            });
    }
    CHECK(broken.load(relaxed) == 0);
    std::vector<int> times(producers * each);
    bool in_order = true;
    for (auto const& mine : taken) {
        std::vector<std::int64_t> last(producers, -1);
        for (std::uint32_t const value : mine) {
            ++times[value];
            in_order = in_order && last[value / each] < value;
            last[value / each] = value;
        }
    }
    CHECK(in_order);
    CHECK(std::all_of(times.begin(), times.end(), [](int n) { return n == 1; }));
}

constexpr auto items = static_cast<std::uint32_t>(test::scaled(50'000, 5));

} // namespace

TEST_CASE("one producer and one consumer wait for each other", "[stress][blocking]") {
    for (std::size_t const capacity : {1u, 2u}) carries<spsc<std::uint32_t>>(capacity, 1, 1, items);
}

TEST_CASE("many producers and consumers wait for each other", "[stress][blocking]") {
    for (std::size_t const capacity : {1u, 2u}) {
        carries<mpmc<std::uint32_t>>(capacity, 3, 3, items / 6);
        carries<mpmc<std::uint32_t>>(capacity, 1, 3, items / 6);
        carries<mpmc<std::uint32_t>>(capacity, 3, 1, items / 6);
    }
}

TEST_CASE("what was accepted while a queue is closed is taken before the end is told", "[stress][blocking]") {
    test::watchdog const dog{60};
    int wrong = 0;
    for (std::size_t round = 0; round < test::scaled(2'000, 8); ++round) {
        blocking_queue<mpmc<int>> queue{2};
        std::array<int, 2> accepted{}, received{};
        {
            team threads;
            for (std::size_t n = 0; n < 2; ++n) {
                threads.emplace_back([&, n] {
                    while (queue.blocking_push(1)) ++accepted[n];
                });
                threads.emplace_back([&, n] {
                    while (queue.blocking_pop()) ++received[n];
                });
            }
            queue.close();
        }
        wrong += accepted[0] + accepted[1] != received[0] + received[1] || !queue.empty();
    }
    CHECK(wrong == 0);
}
