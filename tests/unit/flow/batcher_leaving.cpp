// tests/unit/flow/batcher_leaving.cpp: callers leave before and after dispatch; the batcher lingers, drains and closes.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"
#include "unit/flow/fate.hpp"

#include <weir/coro/yield.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <span>
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

using boxes = batcher<std::unique_ptr<int>, int>;
using asked = started<decltype(std::declval<boxes&>().submit(nullptr))>;

std::unique_ptr<int> box(int value) { return std::make_unique<int>(value); }

// Opens the boxes, once `open` is set; notes what it was sent.
struct opener {
    event open;
    std::vector<std::vector<int>> batches;

    auto function() {
        return [this](std::span<std::unique_ptr<int>> items, replies<int>& out) -> task<> {
            batches.emplace_back();
            for (auto& one : items) batches.back().push_back(*one);
            static_cast<void>(co_await open.wait());
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n, *items[n]); // though callers have gone
        };
    }
};

batcher_options lingering(weir::duration linger, std::size_t max_items = 256) {
    batcher_options options;
    options.linger = linger;
    options.max_items = max_items;
    return options;
}

} // namespace

TEST_CASE("B7: withdrawn before its dispatch, a request is never sent", "[batcher]") {
    manual_executor loop;
    opener handler;
    handler.open.set();
    boxes b{handler.function()};
    stop_source leaves;
    asked stays{b.submit(box(1)), context{loop}};
    asked goes{b.submit(box(2)), context{loop}.with_stop(leaves.token())};
    asked stays_too{b.submit(box(3)), context{loop}};
    leaves.request_stop();
    loop.run_all();
    CHECK(handler.batches == std::vector<std::vector<int>>{{1, 3}});
    CHECK(*stays.take() == 1);
    CHECK(goes.take().error() == errc::cancelled);
    CHECK(*stays_too.take() == 3);
    CHECK(b.figures().withdrawn == 1);
}

TEST_CASE("B7: after its dispatch, the caller goes at once and the answer is dropped", "[batcher]") {
    manual_executor loop;
    opener handler;
    boxes b{handler.function()};
    stop_source leaves;
    asked stays{b.submit(box(1)), context{loop}};
    {
        asked goes{b.submit(box(2)), context{loop}.with_stop(leaves.token())};
        loop.run_all();
        leaves.request_stop();
        loop.run_all();
        REQUIRE(goes.done()); // the handler is still at it
        CHECK(goes.take().error() == errc::cancelled);
    } // and now its frame is gone
    handler.open.set();
    loop.run_all();
    CHECK(*stays.take() == 1);
    CHECK(b.figures().discarded == 1);
}

TEST_CASE("B7: a stop at any moment leaves every other caller its answer", "[batcher]") {
    int const turns = GENERATE(range(0, 9));
    unsigned const seed = GENERATE(range(1u, 7u));
    manual_executor loop{seed};
    int sent = 0;
    batcher_options options;
    options.max_items = 2;
    boxes b{[&](std::span<std::unique_ptr<int>> items, replies<int>& out) -> task<> {
                for (std::size_t n = 0; n < items.size(); ++n) {
                    ++sent;
                    co_await weir::yield();
                    out.set(n, *items[n]);
                }
            },
            options};
    stop_source leaves;
    std::deque<asked> callers;
    for (int n = 0; n < 5; ++n) {
        context const where{loop};
        callers.emplace_back(b.submit(box(n)), n == 2 || n == 3 ? where.with_stop(leaves.token()) : where);
    }
    for (int n = 0; n < turns; ++n) loop.run_one();
    leaves.request_stop();
    loop.run_all();
    for (int n = 0; n < 5; ++n) {
        auto const got = callers[static_cast<std::size_t>(n)].take();
        if (got) CHECK(*got == n);
        else CHECK((n == 2 || n == 3));
    }
    auto const figures = b.figures();
    CHECK(figures.items == static_cast<std::size_t>(sent));
    CHECK(figures.items + figures.withdrawn == 5);
    CHECK(figures.in_flight == 0);
}

TEST_CASE("B8: when all have left there is no batch", "[batcher]") {
    manual_executor loop;
    opener handler;
    boxes b{handler.function()};
    stop_source leaves;
    asked first{b.submit(box(1)), context{loop}.with_stop(leaves.token())};
    asked second{b.submit(box(2)), context{loop}.with_stop(leaves.token())};
    leaves.request_stop();
    loop.run_all();
    CHECK(handler.batches.empty());
    CHECK(b.figures().batches == 0);
    CHECK(first.take().error() == errc::cancelled);
    CHECK(second.take().error() == errc::cancelled);
    handler.open.set();
    asked third{b.submit(box(3)), context{loop}};
    loop.run_all();
    CHECK(*third.take() == 3);
}

TEST_CASE("B3: a linger ends with its time, or with a full batch, whichever is first", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    opener handler;
    handler.open.set();
    boxes b{handler.function(), lingering(10h, 3)};
    asked first{b.submit(box(1)), context{loop}};
    loop.run_all();
    time.advance_by(9h, loop);
    asked second{b.submit(box(2)), context{loop}}; // does not begin the linger anew
    loop.run_all();
    CHECK(handler.batches.empty());
    time.advance_by(2h, loop);
    CHECK(handler.batches == std::vector<std::vector<int>>{{1, 2}});
    CHECK(time.wheel().size() == 0);

    std::deque<asked> callers;
    for (int n = 3; n < 6; ++n) callers.emplace_back(b.submit(box(n)), context{loop});
    loop.run_all();
    CHECK(handler.batches.back() == std::vector{3, 4, 5});
    CHECK(time.wheel().size() == 0);

    callers.emplace_back(b.submit(box(6)), context{loop});
    loop.run_all();
    CHECK(time.wheel().size() == 1);
    for (int n = 7; n < 9; ++n) callers.emplace_back(b.submit(box(n)), context{loop});
    loop.run_all();
    CHECK(handler.batches.back() == std::vector{6, 7, 8});
    CHECK(time.wheel().size() == 0);
    CHECK(first.take());
    CHECK(second.take());
    for (auto& one : callers) CHECK(one.take());
}

TEST_CASE("B3: time and size at once send one batch", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    opener handler;
    handler.open.set();
    boxes b{handler.function(), lingering(1h, 2)};
    bool const time_first = GENERATE(true, false);
    asked first{b.submit(box(1)), context{loop}};
    loop.run_all();
    std::optional<asked> second;
    if (time_first) time.wheel().advance(time.now() + 2h);
    second.emplace(b.submit(box(2)), context{loop});
    if (!time_first) time.wheel().advance(time.now() + 2h);
    loop.run_all();
    CHECK(handler.batches == std::vector<std::vector<int>>{{1, 2}});
    CHECK(first.take());
    CHECK(second->take());
}

TEST_CASE("B8: the timer is gone when the last one has left a lingering lane", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    opener handler;
    handler.open.set();
    boxes b{handler.function(), lingering(10h)};
    stop_source leaves;
    asked first{b.submit(box(1)), context{loop}.with_stop(leaves.token())};
    loop.run_all();
    CHECK(time.wheel().size() == 1);
    leaves.request_stop();
    loop.run_all();
    CHECK(time.wheel().size() == 0);
    CHECK(handler.batches.empty());
    CHECK(first.take().error() == errc::cancelled);
}

TEST_CASE("B12: an endless linger waits for company or for a drain", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    opener handler;
    handler.open.set();
    boxes b{handler.function(), lingering(weir::duration::max())};
    asked first{b.submit(box(1)), context{loop}};
    loop.run_all();
    time.advance_by(10'000h, loop);
    CHECK(handler.batches.empty());
    started drained{b.drain(), context{loop}};
    loop.run_all();
    CHECK(handler.batches.size() == 1);
    REQUIRE(drained.done());
    CHECK(drained.take());
    CHECK(*first.take() == 1);
}

TEST_CASE("B12: without a linger no wheel is needed", "[batcher]") {
    manual_executor loop;
    opener handler;
    handler.open.set();
    REQUIRE(weir::current<weir::timer_wheel>() == nullptr);
    boxes b{handler.function()};
    asked one{b.submit(box(1)), context{loop}};
    loop.run_all();
    CHECK(*one.take() == 1);
}

TEST_CASE("B13: a drain waits for what is pending and under way, and may itself be stopped", "[batcher]") {
    manual_executor loop;
    opener handler;
    batcher_options options;
    options.max_items = 1;
    boxes b{handler.function(), options};
    started nothing{b.drain(), context{loop}};
    CHECK(nothing.done());
    CHECK(nothing.take());
    asked first{b.submit(box(1)), context{loop}};
    asked second{b.submit(box(2)), context{loop}};
    loop.run_all();
    stop_source impatience;
    started waits{b.drain(), context{loop}};
    started impatient{b.drain(), context{loop}.with_stop(impatience.token())};
    impatience.request_stop(errc::timed_out);
    loop.run_all();
    CHECK(impatient.take().error() == errc::timed_out);
    CHECK(!waits.done());
    handler.open.set();
    loop.run_all();
    CHECK(waits.take());
    CHECK(first.take());
    CHECK(second.take());
    CHECK(handler.batches.size() == 2);
}

TEST_CASE("B13: close refuses what is new, and sends what is old", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    opener handler;
    boxes b{handler.function(), lingering(10h)};
    asked first{b.submit(box(1)), context{loop}};
    loop.run_all();
    stop_source hurry;
    started closer{b.close(), context{loop}.with_stop(hurry.token())};
    asked late{b.submit(box(2)), context{loop}};
    REQUIRE(late.done());
    CHECK(late.take().error() == errc::closed);
    hurry.request_stop(); // cannot be hurried
    loop.run_all();
    CHECK(!closer.done());
    handler.open.set();
    loop.run_all();
    CHECK(closer.done());
    CHECK(*first.take() == 1);
    CHECK(handler.batches == std::vector<std::vector<int>>{{1}});
}

TEST_CASE("who is stopped before it submits sends nothing", "[batcher]") {
    manual_executor loop;
    opener handler;
    boxes b{handler.function()};
    stop_source stopped;
    stopped.request_stop();
    asked one{b.submit(box(1)), context{loop}.with_stop(stopped.token())};
    REQUIRE(one.done());
    CHECK(one.take().error() == errc::cancelled);
    loop.run_all();
    CHECK(handler.batches.empty());
}

TEST_CASE("to destroy a batcher with a request in it ends the program", "[batcher]") {
    auto const how = weir::test::fate_of([] {
        manual_executor loop;
        opener handler;
        auto b = std::make_unique<boxes>(handler.function());
        asked one{b->submit(box(1)), context{loop}};
        b.reset();
    });
    CHECK(how == weir::test::fate::aborted);
}
