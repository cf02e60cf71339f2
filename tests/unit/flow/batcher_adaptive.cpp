// tests/unit/flow/batcher_adaptive.cpp: a batcher with a latency target waits for nothing at rest, gathers behind what is
// under way, and makes larger batches where there is more to do.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/flow/batcher.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <span>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using weir::batcher;
using weir::batcher_options;
using weir::context;
using weir::event;
using weir::replies;
using weir::task;
using weir::test::manual_executor;
using weir::test::started;
using weir::test::virtual_wheel;

namespace {

using numbers = batcher<int, int>;
using asked = started<decltype(std::declval<numbers&>().submit(0))>;
using batches = std::vector<std::vector<int>>;

// Takes `length` of real time, then until `open` is set; notes the batches.
struct slow_echo {
    event open;
    weir::duration length{};
    batches seen;

    auto function() {
        return [this](std::span<int> items, replies<int>& out) -> task<> {
            seen.emplace_back(items.begin(), items.end());
            std::this_thread::sleep_for(length);
            static_cast<void>(co_await open.wait());
            for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
        };
    }
};

batcher_options within(weir::duration target, std::size_t lanes) {
    batcher_options options;
    options.latency_target = target;
    options.max_in_flight = lanes;
    return options;
}

} // namespace

TEST_CASE("with nothing under way a request is sent at once, however much time there is", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    slow_echo handler;
    handler.open.set();
    numbers b{handler.function(), within(1h, 2)};
    std::deque<asked> callers;
    for (int n = 0; n < 3; ++n) {
        callers.emplace_back(b.submit(n), context{loop});
        loop.run_all();
        CHECK(callers.back().done());
        handler.length = 5ms; // what is usual is known from now on, and changes nothing
    }
    CHECK(handler.seen == batches{{0}, {1}, {2}});
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("behind a batch under way an idle lane gathers, until that has ended", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    slow_echo handler;
    handler.open.set();
    handler.length = 20ms;
    numbers b{handler.function(), within(1h, 2)};
    std::deque<asked> callers;
    callers.emplace_back(b.submit(0), context{loop});
    loop.run_all();
    handler.length = 0ms;
    handler.open.reset();
    for (int n = 1; n < 4; ++n) {
        callers.emplace_back(b.submit(n), context{loop});
        loop.run_all();
    }
    CHECK(handler.seen == batches{{0}, {1}});
    CHECK(time.wheel().size() == 1);
    handler.open.set();
    loop.run_all();
    CHECK(handler.seen == batches{{0}, {1}, {2, 3}});
    for (auto& one : callers) CHECK(one.take());
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("it gathers no longer than a batch takes, nor where the target leaves nothing", "[batcher]") {
    for (bool const leaves : {true, false}) {
        virtual_wheel time;
        manual_executor loop;
        slow_echo handler;
        handler.open.set();
        handler.length = 20ms;
        numbers b{handler.function(), within(leaves ? weir::duration{1h} : weir::duration{30ms}, 2)};
        std::deque<asked> callers;
        callers.emplace_back(b.submit(0), context{loop});
        loop.run_all();
        handler.length = 0ms;
        handler.open.reset();
        for (int n = 1; n < 3; ++n) {
            callers.emplace_back(b.submit(n), context{loop});
            loop.run_all();
        }
        CHECK(time.wheel().size() == static_cast<std::size_t>(leaves));
        time.advance_by(10min, loop); // far beyond what a batch takes, far below the target
        CHECK(handler.seen == batches{{0}, {1}, {2}});
        handler.open.set();
        loop.run_all();
        for (auto& one : callers) CHECK(one.take());
    }
}

TEST_CASE("batches grow from where they begin to what a call with a cost is worth", "[batcher]") {
    virtual_wheel time;
    manual_executor loop;
    std::size_t largest = 0;
    numbers b{[&](std::span<int> items, replies<int>& out) -> task<> {
                  largest = std::max(largest, items.size());
                  std::this_thread::sleep_for(1ms);
                  for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
                  co_return;
              },
              within(1min, 1)};
    CHECK(b.figures().max_items == 16);
    std::deque<asked> callers;
    for (int n = 0; n < 1500; ++n) callers.emplace_back(b.submit(n), context{loop});
    loop.run_all();
    for (auto& one : callers) CHECK(one.take());
    CHECK(b.figures().max_items >= 64);
    CHECK(b.figures().max_items <= 256);
    CHECK(largest >= 64);
    CHECK(largest <= 256);
}
