// tests/unit/flow/batcher_sharing.cpp: requests of equal keys are sent once, and all who asked get the answer.
#include "support/allocations.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/flow/shared_value.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;
using weir::batcher;
using weir::batcher_options;
using weir::context;
using weir::errc;
using weir::event;
using weir::replies;
using weir::stop_source;
using weir::task;
using weir::test::manual_executor;
using weir::test::started;
using weir::test::virtual_wheel;

namespace {

// A request that can only be moved, with a key.
struct query {
    explicit query(int number) : value{std::make_unique<int>(number)} {}
    std::unique_ptr<int> value;
};
struct by_value {
    int key(query const& one) const noexcept { return *one.value; }
};

using queries = batcher<query, int, by_value>;
using asked = started<decltype(std::declval<queries&>().submit(query{0}))>;
using batches = std::vector<std::vector<int>>;

// Doubles, once `open` is set; notes the batches.
struct doubler {
    event open;
    batches seen;

    auto function() {
        return [this](std::span<query> items, replies<int>& out) -> task<> {
            seen.emplace_back();
            for (auto const& one : items) seen.back().push_back(*one.value);
            static_cast<void>(co_await open.wait());
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n, *items[n].value * 2);
        };
    }
};

batcher_options of_two() {
    batcher_options options;
    options.max_items = 2;
    return options;
}

} // namespace

TEST_CASE("B1: equal requests of a batch are sent once, and do not count towards its size", "[batcher]") {
    manual_executor loop;
    doubler handler;
    handler.open.set();
    queries b{handler.function(), of_two()};
    std::deque<asked> callers;
    std::vector<int> const numbers{1, 1, 2, 1, 2, 3, 1};
    for (int const n : numbers) callers.emplace_back(b.submit(query{n}), context{loop});
    loop.run_all();
    CHECK(handler.seen == batches{{1, 2}, {3}});
    for (std::size_t n = 0; n < numbers.size(); ++n) CHECK(*callers[n].take() == 2 * numbers[n]);
    CHECK(b.figures().items == 3);
    CHECK(b.figures().shared == 4);
    CHECK(b.figures().pending == 0);
}

TEST_CASE("what is equal to a request that is under way goes with the next batch", "[batcher]") {
    manual_executor loop;
    doubler handler;
    queries b{handler.function()};
    asked first{b.submit(query{1}), context{loop}};
    loop.run_all();
    asked second{b.submit(query{1}), context{loop}};
    asked third{b.submit(query{1}), context{loop}};
    handler.open.set();
    loop.run_all();
    CHECK(handler.seen == batches{{1}, {1}});
    CHECK(*first.take() == 2);
    CHECK(*second.take() == 2);
    CHECK(*third.take() == 2);
}

TEST_CASE("B7: whoever of those who share a request leaves, the others get the answer", "[batcher]") {
    unsigned const leaving = GENERATE(range(0u, 8u)); // bit n: caller n of three
    bool const dispatched = GENERATE(true, false);
    manual_executor loop;
    doubler handler;
    queries b{handler.function()};
    stop_source leaves;
    std::deque<asked> callers;
    for (unsigned n = 0; n < 3; ++n)
        callers.emplace_back(b.submit(query{7}),
                             leaving >> n & 1 ? context{loop}.with_stop(leaves.token()) : context{loop});
    asked other{b.submit(query{8}), context{loop}};
    if (dispatched) loop.run_all();
    leaves.request_stop();
    loop.run_all();
    handler.open.set();
    loop.run_all();
    bool const sent = dispatched || leaving != 7;
    CHECK(handler.seen == (sent ? batches{{7, 8}} : batches{{8}}));
    for (unsigned n = 0; n < 3; ++n) {
        auto const got = callers[n].take();
        if (leaving >> n & 1) CHECK(got.error() == errc::cancelled);
        else CHECK(*got == 14);
    }
    CHECK(*other.take() == 16);
    CHECK(b.figures().withdrawn == !sent);
    CHECK(b.figures().discarded == (dispatched && leaving == 7));
    asked again{b.submit(query{7}), context{loop}}; // nobody is found who is gone
    loop.run_all();
    CHECK(*again.take() == 14);
}

TEST_CASE("B5: an error, an exception and a missing reply are shared too", "[batcher]") {
    int const how = GENERATE(0, 1, 2);
    manual_executor loop;
    queries b{[&](std::span<query>, replies<int>& out) -> task<> {
        if (how == 0) out.fail(0, errc::too_long);
        if (how == 1) throw std::runtime_error("batch");
        co_return;
    }};
    std::deque<asked> callers;
    for (int n = 0; n < 3; ++n) callers.emplace_back(b.submit(query{1}), context{loop});
    loop.run_all();
    for (auto& one : callers) {
        if (how == 0) CHECK(one.take().error() == errc::too_long);
        if (how == 1) CHECK_THROWS_AS(one.take(), std::runtime_error);
        if (how == 2) CHECK(one.take().error() == errc::no_reply);
    }
}

TEST_CASE("B14: a reply that cannot be copied is shared by a handle", "[batcher]") {
    struct held : weir::detail::counted {
        explicit held(int number) : counted{[](counted& self) noexcept { delete static_cast<held*>(&self); }} {
            value = std::make_unique<int>(number);
        }
        std::unique_ptr<int> value;
    };
    using reply = weir::shared_value<std::unique_ptr<int>>;
    manual_executor loop;
    batcher<query, reply, by_value> b{[](std::span<query> items, replies<reply>& out) -> task<> {
        for (std::size_t n = 0; n < items.size(); ++n) {
            auto* const one = new held{*items[n].value};
            out.set(n, reply{*one, one->value});
        }
        co_return;
    }};
    started first{b.submit(query{3}), context{loop}};
    started second{b.submit(query{3}), context{loop}};
    loop.run_all();
    auto const one = first.take();
    auto const other = second.take();
    CHECK(one->same_as(*other));
    CHECK(***one == 3);
}

TEST_CASE("B10: a request that is shed goes with all who share it, and sharing needs no room", "[batcher]") {
    manual_executor loop;
    doubler handler;
    batcher_options options;
    options.overflow = weir::overflow::shed_oldest;
    options.max_pending = 2;
    queries b{handler.function(), options};
    std::deque<asked> callers;
    callers.emplace_back(b.submit(query{0}), context{loop});
    loop.run_all();
    for (int const n : {1, 1, 2, 2, 1, 3}) callers.emplace_back(b.submit(query{n}), context{loop});
    handler.open.set();
    loop.run_all();
    CHECK(handler.seen == batches{{0}, {2, 3}});
    for (std::size_t const n : {1u, 2u, 5u}) CHECK(callers[n].take().error() == errc::overloaded);
    for (std::size_t const n : {0u, 3u, 4u, 6u}) CHECK(callers[n].take());
    CHECK(b.figures().shed == 1);
}

TEST_CASE("a linger hurries for who shares a request, too", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    doubler handler;
    handler.open.set();
    batcher_options options;
    options.linger = 10h;
    queries b{handler.function(), options};
    asked first{b.submit(query{1}), context{loop}};
    loop.run_all();
    asked hurried{b.submit(query{1}), context{loop}.with_deadline(weir::clock::now() + 4h)};
    loop.run_all();
    time.advance_by(181min, loop);
    CHECK(handler.seen == batches{{1}});
    CHECK(first.take());
    CHECK(hurried.take());
}

TEST_CASE("B15: after many shared requests the figures add up, and a key costs no allocation", "[batcher]") {
    struct identity {
        int key(int one) const noexcept { return one; }
    };
    using numbers = batcher<int, int, identity>;
    int const rounds = static_cast<int>(weir::test::scaled(2'000));
    manual_executor loop;
    numbers b{[](std::span<int> items, replies<int>& out) -> task<> {
        for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
        co_return;
    }};
    std::size_t right = 0;
    for (int round = 0; round < rounds; ++round) {
        std::deque<started<decltype(b.submit(0))>> callers;
        for (int n = 0; n < 20; ++n) callers.emplace_back(b.submit(n % 4 + round), context{loop});
        loop.run_all();
        for (int n = 0; n < 20; ++n) right += *callers[static_cast<std::size_t>(n)].take() == n % 4 + round;
    }
    CHECK(right == static_cast<std::size_t>(rounds) * 20);
    CHECK(b.figures().items == static_cast<std::size_t>(rounds) * 4);
    CHECK(b.figures().shared == static_cast<std::size_t>(rounds) * 16);
    std::size_t made = 0;
    auto many = [&]() -> task<> {
        static_cast<void>(co_await b.submit(0));
        std::size_t const before = weir::test::blocks_made.load();
        for (int n = 1; n < 100; ++n) static_cast<void>(co_await b.submit(n));
        made = weir::test::blocks_made.load() - before;
    };
    weir::sync_wait(many());
    if (!weir::test::sanitized) CHECK(made == 0); // a sanitizer makes frames too large for the pool
}
