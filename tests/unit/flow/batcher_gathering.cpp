// tests/unit/flow/batcher_gathering.cpp: what makes a batch large enough: weights, deadlines, and a line that is full.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/flow/batcher.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <span>
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

struct by_value {
    std::size_t weight(int number) const noexcept { return static_cast<std::size_t>(number); }
};

using numbers = batcher<int, int>;
using loads = batcher<int, int, by_value>;
using asked = started<decltype(std::declval<numbers&>().submit(0))>;
using loaded = started<decltype(std::declval<loads&>().submit(0))>;
using batches = std::vector<std::vector<int>>;

// Gives back what it got, once `open` is set; notes the batches.
struct echo {
    event open;
    batches seen;

    auto function() {
        return [this](std::span<int> items, replies<int>& out) -> task<> {
            seen.emplace_back(items.begin(), items.end());
            static_cast<void>(co_await open.wait());
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
        };
    }
};

batcher_options at_most(std::size_t weight, weir::duration linger = weir::duration::zero()) {
    batcher_options options;
    options.max_weight = weight;
    options.linger = linger;
    return options;
}

batcher_options lingering(weir::duration linger) {
    batcher_options options;
    options.linger = linger;
    return options;
}

batcher_options shedding(std::size_t max_pending) {
    batcher_options options;
    options.overflow = overflow::shed_oldest;
    options.max_pending = max_pending;
    return options;
}

} // namespace

TEST_CASE("B4: no batch is heavier than allowed, and one that is so by itself goes alone", "[batcher]") {
    manual_executor loop;
    echo handler;
    handler.open.set();
    loads b{handler.function(), at_most(10)};
    std::deque<loaded> callers;
    for (int const weight : {4, 6, 3, 20, 0, 1, 8, 2}) callers.emplace_back(b.submit(weight), context{loop});
    loop.run_all();
    CHECK(handler.seen == batches{{4, 6}, {3}, {20}, {0, 1, 8}, {2}});
    for (auto& one : callers) CHECK(one.take());
}

TEST_CASE("B11: a line that is heavy is shared by the lanes, though it is short", "[batcher]") {
    manual_executor loop;
    echo handler;
    auto options = at_most(10);
    options.max_in_flight = 2;
    loads b{handler.function(), options};
    std::deque<loaded> callers;
    for (int n = 0; n < 3; ++n) callers.emplace_back(b.submit(10 - n), context{loop});
    CHECK(loop.ready() == 2); // the second does not wait for the first to take
    loop.run_all();
    CHECK(handler.seen == batches{{10}, {9}});
    handler.open.set();
    loop.run_all();
    CHECK(handler.seen == batches{{10}, {9}, {8}});
    for (auto& one : callers) CHECK(one.take());
}

TEST_CASE("B3: a linger ends as the batch is heavy enough, and weight goes with who leaves", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    echo handler;
    handler.open.set();
    loads b{handler.function(), at_most(10, 10h)};
    stop_source leaves;
    loaded goes{b.submit(6), context{loop}.with_stop(leaves.token())};
    loaded first{b.submit(3), context{loop}};
    loop.run_all();
    leaves.request_stop();
    loaded second{b.submit(5), context{loop}};
    loop.run_all();
    CHECK(handler.seen.empty());
    loaded third{b.submit(2), context{loop}};
    loop.run_all();
    CHECK(handler.seen == batches{{3, 5, 2}});
    CHECK(time.wheel().size() == 0);
    CHECK(goes.take().error() == errc::cancelled);
    CHECK(first.take());
    CHECK(second.take());
    CHECK(third.take());
}

TEST_CASE("the earliest deadline of a batch shortens its linger, so that the answer is in time", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    echo handler;
    handler.open.set();
    numbers b{handler.function(), lingering(10h)};
    asked patient{b.submit(1), context{loop}};
    loop.run_all(); // and lingers
    asked hurried{b.submit(2), context{loop}.with_deadline(weir::clock::now() + 4h)};
    asked less_so{b.submit(3), context{loop}.with_deadline(weir::clock::now() + 8h)};
    loop.run_all();
    time.advance_by(179min, loop); // until three of the four hours are over
    CHECK(handler.seen.empty());
    time.advance_by(2min, loop);
    CHECK(handler.seen == batches{{1, 2, 3}});
    CHECK(time.wheel().size() == 0);
    CHECK(patient.take());
    CHECK(hurried.take());
    CHECK(less_so.take());
}

TEST_CASE("a deadline goes with who had it, and the others linger as long as before", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    echo handler;
    handler.open.set();
    numbers b{handler.function(), lingering(10h)};
    stop_source leaves;
    asked patient{b.submit(1), context{loop}};
    asked hurried{b.submit(2), context{loop}.with_stop(leaves.token()).with_deadline(weir::clock::now() + 4h)};
    loop.run_all();
    leaves.request_stop();
    loop.run_all();
    time.advance_by(9h, loop);
    CHECK(handler.seen.empty());
    time.advance_by(2h, loop);
    CHECK(handler.seen == batches{{1}});
    CHECK(patient.take());
    CHECK(hurried.take().error() == errc::cancelled);
}

TEST_CASE("B12: who comes after its deadline is sent at once, with those who linger", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    echo handler;
    handler.open.set();
    numbers b{handler.function(), lingering(weir::duration::max())};
    asked patient{b.submit(1), context{loop}};
    loop.run_all();
    asked late{b.submit(2), context{loop}.with_deadline(weir::clock::now() - 1h)};
    loop.run_all();
    CHECK(handler.seen == batches{{1, 2}});
    CHECK(patient.take());
    CHECK(late.take());
}

TEST_CASE("a batcher that takes long sends earlier before a deadline", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    std::size_t sent = 0;
    numbers b{[&](std::span<int> items, replies<int>& out) -> task<> {
                  ++sent;
                  weir::time_point const until = weir::clock::now() + 20ms;
                  while (weir::clock::now() < until) {}
                  for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
                  co_return;
              },
              lingering(10h)};
    asked teaches{b.submit(1), context{loop}};
    started drained{b.drain(), context{loop}};
    loop.run_all();
    REQUIRE(drained.done());
    CHECK(sent == 1);
    weir::time_point const now = weir::clock::now();
    asked hurried{b.submit(2), context{loop}.with_deadline(now + 1000ms)};
    asked more{b.submit(3), context{loop}.with_deadline(now + 100ms)}; // 40 ms before the end, not 25
    loop.run_all();
    time.advance_to(now + 68ms, loop);
    CHECK(sent == 2);
    CHECK(drained.take());
    CHECK(teaches.take());
    CHECK(hurried.take());
    CHECK(more.take());
}

TEST_CASE("B10: in a full line the first goes, where that is asked for, and the others keep their order", "[batcher]") {
    manual_executor loop;
    echo handler;
    numbers b{handler.function(), shedding(2)};
    std::deque<asked> callers;
    callers.emplace_back(b.submit(0), context{loop});
    loop.run_all(); // under way, so not in line
    for (int n = 1; n < 5; ++n) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    for (std::size_t n : {1u, 2u}) {
        REQUIRE(callers[n].done());
        CHECK(callers[n].take().error() == errc::overloaded);
    }
    CHECK(b.figures().shed == 2);
    CHECK(b.figures().refused == 0);
    CHECK(b.figures().pending == 2);
    handler.open.set();
    loop.run_all();
    CHECK(handler.seen == batches{{0}, {3, 4}});
    for (std::size_t n : {0u, 3u, 4u}) CHECK(callers[n].take());
}

TEST_CASE("B10: where nobody may wait, who comes is refused, as there is nobody to shed", "[batcher]") {
    manual_executor loop;
    echo handler;
    numbers b{handler.function(), shedding(0)};
    asked one{b.submit(1), context{loop}};
    REQUIRE(one.done());
    CHECK(one.take().error() == errc::overloaded);
    CHECK(b.figures().refused == 1);
}

TEST_CASE("B10: a line without a bound is served in order, and lets each go", "[batcher]") {
    manual_executor loop;
    echo handler;
    batcher_options options;
    options.max_items = 2;
    options.max_pending = 1; // means nothing to those who wait
    numbers b{handler.function(), options};
    stop_source leaves;
    std::deque<asked> callers;
    callers.emplace_back(b.submit(0), context{loop});
    loop.run_all();
    for (int n = 1; n < 6; ++n)
        callers.emplace_back(b.submit(n), n == 3 ? context{loop}.with_stop(leaves.token()) : context{loop});
    leaves.request_stop();
    handler.open.set();
    loop.run_all();
    CHECK(handler.seen == batches{{0}, {1, 2}, {4, 5}});
    for (std::size_t n = 0; n < 6; ++n) CHECK(callers[n].take().has_value() == (n != 3));
}
