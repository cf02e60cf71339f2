// tests/unit/flow/batcher.cpp: batches form by themselves, and each caller gets the answer to its own request.
#include "support/allocations.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

using weir::batcher;
using weir::batcher_options;
using weir::context;
using weir::errc;
using weir::event;
using weir::replies;
using weir::result;
using weir::sync_wait;
using weir::task;
using weir::test::manual_executor;
using weir::test::started;

namespace {

using numbers = batcher<int, int>;
using asked = started<decltype(std::declval<numbers&>().submit(0))>;

// Doubles, once `open` is set; notes the batches that it was given.
struct doubler {
    event open;
    std::vector<std::vector<int>> batches;

    auto function() {
        return [this](std::span<int> items, replies<int>& out) -> task<> {
            batches.emplace_back(items.begin(), items.end());
            static_cast<void>(co_await open.wait());
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n] * 2);
        };
    }
};

// Throws when it is moved for the `left`-th time from now.
struct jumpy {
    explicit jumpy(int number) noexcept : value{number} {}
    jumpy(jumpy&& other) : value{other.value} {
        if (armed && value == bad) throw std::runtime_error("move");
    }
    int value;
    inline static bool armed = false;
    inline static int bad = 0;
};

} // namespace

TEST_CASE("B1: each request is answered once, in one batch with those that came with it", "[batcher]") {
    manual_executor loop;
    doubler handler;
    handler.open.set();
    numbers b{handler.function()};
    std::deque<asked> callers;
    for (int n = 0; n < 5; ++n) callers.emplace_back(b.submit(n), context{loop});
    CHECK(handler.batches.empty());
    loop.run_all();
    REQUIRE(handler.batches.size() == 1);
    CHECK(handler.batches[0] == std::vector{0, 1, 2, 3, 4}); // B2: in their order
    for (int n = 0; n < 5; ++n) CHECK(*callers[static_cast<std::size_t>(n)].take() == 2 * n);
    auto const figures = b.figures();
    CHECK(figures.batches == 1);
    CHECK(figures.items == 5);
    CHECK(figures.in_flight == 0);
}

TEST_CASE("what comes while the lane is busy goes next, together", "[batcher]") {
    manual_executor loop;
    doubler handler;
    numbers b{handler.function()};
    std::deque<asked> callers;
    callers.emplace_back(b.submit(0), context{loop});
    loop.run_all();
    for (int n = 1; n < 4; ++n) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    CHECK(handler.batches == std::vector<std::vector<int>>{{0}});
    CHECK(b.figures().pending == 3);
    CHECK(b.figures().in_flight == 1);
    handler.open.set();
    loop.run_all();
    CHECK(handler.batches == std::vector<std::vector<int>>{{0}, {1, 2, 3}});
    for (auto& one : callers) CHECK(one.take());
}

TEST_CASE("B4: no batch is empty or larger than allowed", "[batcher]") {
    manual_executor loop;
    doubler handler;
    handler.open.set();
    batcher_options options;
    options.max_items = 4;
    numbers b{handler.function(), options};
    std::deque<asked> callers;
    for (int n = 0; n < 10; ++n) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    CHECK(handler.batches == std::vector<std::vector<int>>{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}});
    for (auto& one : callers) CHECK(one.take());
}

TEST_CASE("B5: a reply that fails, throws or is left out concerns its own caller", "[batcher]") {
    manual_executor loop;
    numbers b{[](std::span<int> items, replies<int>& out) -> task<> {
        out.set(0, items[0]);
        out.fail(1, errc::too_long);
        out.fail(2, std::make_exception_ptr(std::runtime_error("item")));
        CHECK(out.is_set(2));
        CHECK(!out.is_set(3));
        co_return;
    }};
    std::deque<asked> callers;
    for (int n = 0; n < 4; ++n) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    CHECK(*callers[0].take() == 0);
    CHECK(callers[1].take().error() == errc::too_long);
    CHECK_THROWS_AS(callers[2].take(), std::runtime_error);
    CHECK(callers[3].take().error() == errc::no_reply);
}

TEST_CASE("B6: a handler that throws fails its whole batch, and nobody of the next", "[batcher]") {
    manual_executor loop;
    int calls = 0;
    numbers b{[&](std::span<int> items, replies<int>& out) -> task<> {
        out.set(0, items[0]);
        if (++calls == 1) {
            co_await weir::yield();
            throw std::runtime_error("batch");
        }
        co_return;
    }};
    asked first{b.submit(1), context{loop}};
    asked second{b.submit(2), context{loop}};
    loop.run_one();
    asked next{b.submit(3), context{loop}};
    loop.run_all();
    CHECK_THROWS_AS(first.take(), std::runtime_error);
    CHECK_THROWS_AS(second.take(), std::runtime_error);
    CHECK(*next.take() == 3);
}

TEST_CASE("B6: so does one that throws before it is a coroutine", "[batcher]") {
    numbers b{[](std::span<int>, replies<int>&) -> task<> { throw std::runtime_error("at once"); }};
    CHECK_THROWS_AS(sync_wait(b.submit(1)), std::runtime_error);
    CHECK_THROWS_AS(sync_wait(b.submit(2)), std::runtime_error);
}

TEST_CASE("B9: a handler may submit to its own batcher, and wait for it", "[batcher]") {
    numbers* self = nullptr;
    numbers b{[&](std::span<int> items, replies<int>& out) -> task<> {
        for (std::size_t n = 0; n < items.size(); ++n) {
            if (items[n] == 0) {
                out.set(n, 0);
                continue;
            }
            auto const below = co_await self->submit(items[n] - 1);
            out.set(n, *below + items[n]);
        }
    }};
    self = &b;
    CHECK(*sync_wait(b.submit(6)) == 21);
    CHECK(*sync_wait(b.submit(3)) == 6);
    CHECK(b.figures().in_flight == 0);
}

TEST_CASE("B9: lanes are borrowed, not multiplied", "[batcher]") {
    manual_executor loop;
    numbers* self = nullptr;
    int under_way = 0;
    int most = 0;
    numbers b{[&](std::span<int> items, replies<int>& out) -> task<> {
        most = std::max(most, ++under_way);
        if (items[0] == 9) static_cast<void>(co_await self->submit(1));
        for (int n = 0; n < 3; ++n) co_await weir::yield();
        for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
        --under_way;
    }};
    self = &b;
    std::deque<asked> callers;
    callers.emplace_back(b.submit(9), context{loop});
    loop.run_all();
    CHECK(most == 2);
    most = 0;
    for (int round = 0; round < 4; ++round) {
        callers.emplace_back(b.submit(round), context{loop});
        loop.run_one();
    }
    loop.run_all();
    CHECK(most == 1);
    for (auto& one : callers) CHECK(one.take());
}

TEST_CASE("B10: a full line refuses where it is asked to", "[batcher]") {
    manual_executor loop;
    doubler handler;
    batcher_options options;
    options.overflow = weir::overflow::refuse;
    options.max_pending = 2;
    numbers b{handler.function(), options};
    std::deque<asked> callers;
    callers.emplace_back(b.submit(0), context{loop});
    loop.run_all(); // under way, so not in line
    for (int n = 1; n < 4; ++n) callers.emplace_back(b.submit(n), context{loop});
    REQUIRE(callers[3].done());
    CHECK(callers[3].take().error() == errc::overloaded);
    CHECK(b.figures().refused == 1);
    handler.open.set();
    loop.run_all();
    for (std::size_t n = 0; n < 3; ++n) CHECK(callers[n].take());
}

TEST_CASE("B11: as many batches are under way as there are lanes", "[batcher]") {
    manual_executor loop;
    doubler handler;
    batcher_options options;
    options.max_items = 2;
    options.max_in_flight = 3;
    numbers b{handler.function(), options};
    std::deque<asked> callers;
    for (int n = 0; n < 10; ++n) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    CHECK(handler.batches.size() == 3);
    CHECK(b.figures().in_flight == 3);
    handler.open.set();
    loop.run_all();
    CHECK(handler.batches.size() == 5);
    for (int n = 0; n < 10; ++n) CHECK(*callers[static_cast<std::size_t>(n)].take() == 2 * n);
}

TEST_CASE("a lane moves to the executor of who is next", "[batcher]") {
    manual_executor one;
    manual_executor other;
    doubler handler;
    handler.open.set();
    batcher_options options;
    options.max_items = 1;
    numbers b{handler.function(), options};
    asked first{b.submit(1), context{one}};
    asked second{b.submit(2), context{other}};
    one.run_all();
    CHECK(first.done());
    CHECK(!second.done());
    CHECK(handler.batches.size() == 1);
    other.run_all();
    CHECK(*second.take() == 4);
    CHECK(*first.take() == 2);
}

TEST_CASE("B14: requests and replies that can only be moved go there and back", "[batcher]") {
    using boxes = batcher<std::unique_ptr<int>, std::unique_ptr<int>>;
    boxes b{[](std::span<std::unique_ptr<int>> items, replies<std::unique_ptr<int>>& out) -> task<> {
        for (std::size_t n = 0; n < items.size(); ++n) out.set(n, std::move(items[n]));
        co_return;
    }};
    auto const back = sync_wait(b.submit(std::make_unique<int>(8)));
    CHECK(**back == 8);
}

TEST_CASE("B14: a request that throws on its way into the batch fails alone", "[batcher]") {
    manual_executor loop;
    std::vector<int> seen;
    batcher<jumpy, int> b{[&](std::span<jumpy> items, replies<int>& out) -> task<> {
        for (std::size_t n = 0; n < items.size(); ++n) {
            seen.push_back(items[n].value);
            out.set(n, items[n].value);
        }
        co_return;
    }};
    for (int bad = 0; bad < 4; ++bad) {
        seen.clear();
        jumpy::bad = bad;
        std::deque<started<decltype(b.submit(jumpy{0}))>> callers;
        for (int n = 0; n < 3; ++n) callers.emplace_back(b.submit(jumpy{n}), context{loop});
        jumpy::armed = true;
        loop.run_all();
        jumpy::armed = false;
        CHECK(seen.size() == (bad < 3 ? 2u : 3u));
        for (int n = 0; n < 3; ++n) {
            auto& one = callers[static_cast<std::size_t>(n)];
            REQUIRE(one.done());
            if (n == bad) CHECK_THROWS_AS(one.take(), std::runtime_error);
            else CHECK(*one.take() == n);
        }
    }
}

TEST_CASE("B4: a batch of which nothing is left is not sent", "[batcher]") {
    int calls = 0;
    batcher<jumpy, void> b{[&](std::span<jumpy>, replies<void>& out) -> task<> {
        ++calls;
        out.set(0);
        co_return;
    }};
    manual_executor loop;
    started one{b.submit(jumpy{1}), context{loop}};
    jumpy::bad = 1;
    jumpy::armed = true;
    loop.run_all();
    jumpy::armed = false;
    CHECK_THROWS_AS(one.take(), std::runtime_error);
    CHECK(calls == 0);
    CHECK(sync_wait(b.submit(jumpy{2})));
    CHECK(calls == 1);
}

TEST_CASE("B15: after many requests the figures add up, and no submit has allocated", "[batcher]") {
    std::size_t const count = weir::test::scaled(400'000);
    numbers b{[](std::span<int> items, replies<int>& out) -> task<> {
        for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
        co_return;
    }};
    std::size_t right = 0;
    std::size_t made = 0;
    auto many = [&]() -> task<> {
        static_cast<void>(co_await b.submit(0));
        std::size_t const before = weir::test::blocks_made.load();
        for (std::size_t n = 1; n < count; ++n) {
            auto const got = co_await b.submit(static_cast<int>(n));
            right += *got == static_cast<int>(n);
        }
        made = weir::test::blocks_made.load() - before;
    };
    sync_wait(many());
    CHECK(right == count - 1);
    if (!weir::test::sanitized) CHECK(made == 0); // a sanitizer makes frames too large for the pool
    CHECK(b.figures().items == count);
    CHECK(b.figures().batches == count);
    CHECK(b.figures().pending == 0);
}
