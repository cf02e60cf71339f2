// tests/unit/flow/batcher_partitions.cpp: requests of one partition go together and with no others; partitions have lines
// and bounds of their own, share the lanes in turns, and are forgotten.
#include "support/allocations.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/coro/stop.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <span>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;
using weir::batcher;
using weir::batcher_options;
using weir::context;
using weir::errc;
using weir::event;
using weir::overflow;
using weir::replies;
using weir::stop_source;
using weir::task;
using weir::test::manual_executor;
using weir::test::started;
using weir::test::virtual_wheel;

namespace {

// A number's hundreds are its partition.
struct by_hundreds {
    std::uint64_t partition(int number) const noexcept { return static_cast<std::uint64_t>(number / 100); }
};
// And its last digit is its key.
struct by_digit : by_hundreds {
    int key(int number) const noexcept { return number % 10; }
};

using numbers = batcher<int, int, by_hundreds>;
using asked = started<decltype(std::declval<numbers&>().submit(0))>;
using batches = std::vector<std::vector<int>>;

// Gives back what it got, once the partition's gate is open; notes the batches.
struct echo {
    std::array<event, 4> open;
    batches seen;

    void open_all() noexcept {
        for (event& one : open) one.set();
    }
    auto function() {
        return [this](std::span<int> items, replies<int>& out) -> task<> {
            seen.emplace_back(items.begin(), items.end());
            static_cast<void>(co_await open[static_cast<std::size_t>(items[0] / 100) % 4].wait());
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
        };
    }
};

batcher_options lanes(std::size_t count) {
    batcher_options options;
    options.max_lanes = count;
    return options;
}

} // namespace

TEST_CASE("a batch has requests of one partition only, in their order", "[batcher]") {
    manual_executor loop;
    echo handler;
    handler.open_all();
    numbers b{handler.function()};
    std::deque<asked> callers;
    for (int const n : {1, 101, 2, 201, 102, 3}) callers.emplace_back(b.submit(n), context{loop});
    CHECK(b.figures().partitions == 3);
    loop.run_all();
    CHECK(handler.seen == batches{{1, 2, 3}, {101, 102}, {201}});
    for (auto& one : callers) CHECK(one.take());
    CHECK(b.figures().partitions == 0);
    CHECK(b.figures().items == 6);
}

TEST_CASE("B11: a slow partition holds up no other, and keeps to its own bound", "[batcher]") {
    manual_executor loop;
    echo handler;
    handler.open[1].set();
    numbers b{handler.function()};
    std::deque<asked> callers;
    for (int const n : {1, 2}) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    callers.emplace_back(b.submit(3), context{loop}); // waits for the first batch
    for (int const n : {101, 102}) {
        callers.emplace_back(b.submit(n), context{loop});
        loop.run_all();
    }
    CHECK(handler.seen == batches{{1, 2}, {101}, {102}});
    CHECK(b.figures().in_flight == 1);
    CHECK(b.figures().pending == 1);
    handler.open[0].set();
    loop.run_all();
    CHECK(handler.seen == batches{{1, 2}, {101}, {102}, {3}});
    for (auto& one : callers) CHECK(one.take());
}

TEST_CASE("lanes are no more than allowed, and who waits for one is served in turns", "[batcher]") {
    manual_executor loop;
    echo handler;
    auto options = lanes(2);
    options.max_items = 1;
    numbers b{handler.function(), options};
    std::deque<asked> callers;
    for (int const n : {1, 101, 2, 102, 201, 301, 202}) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    CHECK(handler.seen == batches{{1}, {101}});
    CHECK(b.figures().in_flight == 2);
    handler.open_all();
    loop.run_all();
    REQUIRE(handler.seen.size() == 7);
    auto const place = [&](int n) { return std::find(handler.seen.begin(), handler.seen.end(), std::vector{n}); };
    CHECK(place(201) < place(2)); // a partition that has had a lane goes behind those that have not
    CHECK(place(301) < place(102));
    CHECK(place(201) < place(202));
    for (auto& one : callers) CHECK(one.take());
    CHECK(b.figures().partitions == 0);
}

TEST_CASE("a million partitions leave nothing behind, and allocate nothing after the first", "[batcher]") {
    manual_executor loop;
    struct itself {
        std::uint64_t partition(std::uint64_t n) const noexcept { return n; }
    };
    batcher<std::uint64_t, std::uint64_t, itself> b{
        [](std::span<std::uint64_t> items, replies<std::uint64_t>& out) -> task<> {
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
            co_return;
        }};
    std::uint64_t wrong = 0;
    auto const asks = [&](std::uint64_t count) -> task<> {
        for (std::uint64_t n = 0; n < count; ++n) {
            auto const got = co_await b.submit(n * 0x9e3779b97f4a7c15u);
            wrong += !got || *got != n * 0x9e3779b97f4a7c15u;
        }
    };
    weir::sync_wait(asks(100));
    auto const first = weir::test::blocks_made_by([&] { weir::sync_wait(asks(0)); }); // what a wait itself costs
    auto const made = weir::test::blocks_made_by([&] { weir::sync_wait(asks(1'000'000)); });
    CHECK(made <= first + 1);
    CHECK(wrong == 0);
    CHECK(b.figures().partitions == 0);
    CHECK(b.figures().batches == 1'000'100);
}

TEST_CASE("one partition more than allowed is refused, until another is over", "[batcher]") {
    manual_executor loop;
    echo handler;
    handler.open_all();
    auto options = lanes(4);
    options.max_partitions = 2;
    numbers b{handler.function(), options};
    std::deque<asked> callers;
    for (int const n : {1, 101, 201, 2}) callers.emplace_back(b.submit(n), context{loop});
    CHECK(callers[2].take().error() == errc::overloaded);
    CHECK(b.figures().refused == 1);
    loop.run_all();
    callers.emplace_back(b.submit(202), context{loop});
    loop.run_all();
    CHECK(*callers[4].take() == 202);
    CHECK(handler.seen == batches{{1, 2}, {101}, {202}});
}

TEST_CASE("B10: each line has a bound of its own, and sheds its own oldest", "[batcher]") {
    manual_executor loop;
    echo handler;
    handler.open_all();
    auto options = lanes(1);
    options.overflow = overflow::shed_oldest;
    options.max_pending = 2;
    numbers b{handler.function(), options};
    std::deque<asked> callers;
    for (int const n : {1, 101, 2, 102, 3}) callers.emplace_back(b.submit(n), context{loop});
    CHECK(b.figures().shed == 1);
    loop.run_all();
    CHECK(callers[0].take().error() == errc::overloaded);
    CHECK(handler.seen == batches{{2, 3}, {101, 102}});
}

TEST_CASE("B7: a partition of which all have left is forgotten, also where it waits for a lane", "[batcher]") {
    manual_executor loop;
    echo handler;
    numbers b{handler.function(), lanes(1)};
    stop_source stop;
    std::deque<asked> callers;
    callers.emplace_back(b.submit(1), context{loop});
    loop.run_all();
    callers.emplace_back(b.submit(101), context{loop}.with_stop(stop.token()));
    callers.emplace_back(b.submit(201), context{loop});
    CHECK(b.figures().partitions == 3);
    stop.request_stop();
    CHECK(b.figures().partitions == 2);
    handler.open_all();
    loop.run_all();
    CHECK(handler.seen == batches{{1}, {201}});
    CHECK(b.figures().withdrawn == 1);
    CHECK(b.figures().partitions == 0);
}

TEST_CASE("equal requests of different partitions are different", "[batcher]") {
    manual_executor loop;
    echo handler;
    handler.open_all();
    batcher<int, int, by_digit> b{handler.function()};
    using shared = started<decltype(b.submit(0))>;
    std::deque<shared> callers;
    for (int const n : {1, 101, 11, 111, 2}) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    CHECK(handler.seen == batches{{1, 2}, {101}});
    CHECK(b.figures().shared == 2);
    for (std::size_t const n : {0u, 2u}) CHECK(*callers[n].take() == 1);
    for (std::size_t const n : {1u, 3u}) CHECK(*callers[n].take() == 101);
}

TEST_CASE("B3: partitions linger each for itself, and a drain asks for all of them", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    echo handler;
    handler.open_all();
    auto options = lanes(4);
    options.linger = 1h;
    options.max_items = 2;
    numbers b{handler.function(), options};
    std::deque<asked> callers;
    for (int const n : {1, 101, 102, 201}) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    CHECK(handler.seen == batches{{101, 102}});
    started drained{b.drain(), context{loop}};
    loop.run_all();
    CHECK(handler.seen == batches{{101, 102}, {1}, {201}});
    CHECK(drained.take());
    for (auto& one : callers) CHECK(one.take());
    callers.emplace_back(b.submit(3), context{loop});
    loop.run_all();
    CHECK(handler.seen.size() == 3);
    time.advance_by(2h, loop);
    CHECK(handler.seen.back() == std::vector{3});
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("B13: a close answers every partition, and refuses from then on", "[batcher]") {
    manual_executor loop;
    echo handler;
    numbers b{handler.function(), lanes(1)};
    std::deque<asked> callers;
    for (int const n : {1, 101, 201}) callers.emplace_back(b.submit(n), context{loop});
    started closed{b.close(), context{loop}};
    loop.run_all();
    callers.emplace_back(b.submit(301), context{loop});
    CHECK(callers.back().take().error() == errc::closed);
    CHECK(!closed.done());
    handler.open_all();
    loop.run_all();
    CHECK(closed.done());
    closed.take();
    for (std::size_t n = 0; n < 3; ++n) CHECK(callers[n].take());
}

TEST_CASE("B9: a handler that asks for another partition borrows a lane, round a circle, too", "[batcher]") {
    manual_executor loop;
    numbers* asks = nullptr;
    numbers b{[&](std::span<int> items, replies<int>& out) -> task<> {
                  for (std::size_t n = 0; n < items.size(); ++n) {
                      int sum = items[n];
                      int const next = (items[n] + 100) % 300 - 10; // of the next partition, and nearer to the end
                      if (items[n] % 100 >= 10) {
                          auto const more = co_await asks->submit(next);
                          sum += *more;
                      }
                      out.set(n, sum);
                  }
              },
              lanes(1)};
    asks = &b;
    asked caller{b.submit(55), context{loop}};
    loop.run_all();
    CHECK(*caller.take() == 55 + 145 + 235 + 25 + 115 + 205);
    CHECK(b.figures().partitions == 0);
    CHECK(b.figures().in_flight == 0);
}

TEST_CASE("B6: what a partition's handler throws is for that batch alone", "[batcher]") {
    manual_executor loop;
    numbers b{[](std::span<int> items, replies<int>& out) -> task<> {
        if (items[0] >= 100) throw std::runtime_error("partition");
        for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
        co_return;
    }};
    std::deque<asked> callers;
    for (int const n : {1, 101, 2}) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    CHECK(*callers[0].take() == 1);
    CHECK_THROWS_AS(callers[1].take(), std::runtime_error);
    CHECK(*callers[2].take() == 2);
}
