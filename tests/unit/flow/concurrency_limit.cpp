// tests/unit/flow/concurrency_limit.cpp: so many at once; the rest wait, in bounds, or are sent away before any work.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/flow/concurrency_limit.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <deque>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

using entering = started<task<result<call_slot>>>;

concurrency_options fixed(std::size_t slots, std::size_t max_waiting = 1000) {
    concurrency_options with;
    with.slots = slots;
    with.adaptive = false;
    with.max_waiting = max_waiting;
    return with;
}

context as_urgent_as(priority urgency, manual_executor& runs) {
    context where{runs};
    where.priority = urgency;
    return where;
}

} // namespace

TEST_CASE("no more than its slots are out, and each that ends lets the next in, in order") {
    manual_executor runs;
    concurrency_limit limit{fixed(2)};
    std::deque<entering> callers;
    for (int n = 0; n < 4; ++n) callers.emplace_back(limit.enter(), context{runs});
    CHECK(callers[1].done());
    CHECK(!callers[2].done());
    CHECK(!limit.try_enter());
    CHECK(limit.figures().waiting == 2);
    CHECK(limit.figures().in_flight == 2);
    {
        auto slot = callers[0].take();
        REQUIRE(slot);
    }
    runs.run_all();
    CHECK(callers[2].done());
    CHECK(!callers[3].done());
    auto second = callers[1].take();
    second->succeeded();
    runs.run_all();
    CHECK(callers[3].done());
    static_cast<void>(callers[2].take());
    static_cast<void>(callers[3].take());
    CHECK(limit.figures().in_flight == 0);
    CHECK(limit.figures().waiting == 0);
}

TEST_CASE("a bounded queue sends away whom it has no room for, the less urgent sooner") {
    manual_executor runs;
    concurrency_limit limit{fixed(1, 4)};
    call_slot const held = limit.try_enter();
    std::vector<std::pair<priority, bool>> const comers{
        {priority::low, true},    {priority::low, true}, {priority::low, false}, {priority::normal, true},
        {priority::normal, false}, {priority::high, true}, {priority::high, false}};
    std::deque<entering> callers;
    std::deque<stop_source> stops;
    for (auto const& [urgency, waits] : comers) {
        stops.emplace_back();
        callers.emplace_back(limit.enter(), as_urgent_as(urgency, runs).with_stop(stops.back().token()));
        CHECK(callers.back().done() == !waits);
        if (!waits) CHECK(callers.back().take().error() == errc::overloaded);
    }
    CHECK(limit.figures().shed == 3);
    for (auto& each : stops) each.request_stop();
    runs.run_all();
    for (std::size_t n = 0; n < comers.size(); ++n)
        if (comers[n].second) CHECK(callers[n].take().error() == errc::cancelled);
    CHECK(limit.figures().waiting == 0);
}

TEST_CASE("a stopped waiter takes no slot with it") {
    manual_executor runs;
    concurrency_limit limit{fixed(1)};
    stop_source stop;
    call_slot held = limit.try_enter();
    entering leaving{limit.enter(), context{runs}.with_stop(stop.token())};
    entering staying{limit.enter(), context{runs}};
    stop.request_stop();
    held.release();
    runs.run_all();
    REQUIRE(staying.done());
    CHECK(staying.take().has_value());
    CHECK(leaving.take().error() == errc::cancelled);
    CHECK(limit.try_enter());
}

TEST_CASE("a limit that shrinks takes slots as they come back, and one that grows lets waiters in") {
    manual_executor runs;
    concurrency_options with;
    with.slots = 10;
    with.gradient.least = 2;
    concurrency_limit limit{with};
    std::vector<call_slot> slots;
    for (int n = 0; n < 10; ++n) slots.push_back(limit.try_enter());
    for (int n = 0; n < 10; ++n) {
        slots[static_cast<std::size_t>(n)].overloaded();
        slots[static_cast<std::size_t>(n)] = call_slot{};
    }
    std::size_t const shrunk = limit.figures().slots;
    CHECK(shrunk < 5);
    std::vector<call_slot> again;
    while (call_slot one = limit.try_enter()) again.push_back(std::move(one));
    CHECK(again.size() == shrunk); // no permit lost, none made
    entering waits{limit.enter(), context{runs}};
    CHECK(!waits.done());
    time_point const now = clock::now();
    // Quick answers at the limit: it grows, by more slots than the one that is given back.
    std::size_t const before = limit.figures().slots;
    for (int n = 0; n < 2000 && limit.figures().slots < before + 3; ++n) {
        again.back().succeeded(now);
        again.pop_back();
        runs.run_all();
        if (call_slot one = limit.try_enter(now)) again.push_back(std::move(one));
    }
    REQUIRE(limit.figures().slots >= before + 3);
    REQUIRE(waits.done());
    auto entered = waits.take();
    std::size_t out = again.size() + 1;
    while (call_slot one = limit.try_enter()) {
        again.push_back(std::move(one));
        ++out;
    }
    CHECK(out == limit.figures().slots);
}

TEST_CASE("a limit that shrinks by several at once takes what is free at once") {
    concurrency_options with;
    with.slots = 100;
    concurrency_limit limit{with};
    call_slot lost = limit.try_enter();
    lost.overloaded();
    std::size_t const shrunk = limit.figures().slots;
    REQUIRE(shrunk == 90);
    std::vector<call_slot> out;
    while (call_slot one = limit.try_enter()) out.push_back(std::move(one));
    CHECK(out.size() == shrunk);
}

TEST_CASE("what is dropped without a word teaches nothing") {
    concurrency_options with;
    with.slots = 10;
    concurrency_limit limit{with};
    for (int n = 0; n < 100; ++n) static_cast<void>(limit.try_enter());
    CHECK(limit.figures().slots == 10);
    CHECK(limit.figures().in_flight == 0);
}

TEST_CASE("a queue that stands sends away who has waited too long, before any work") {
    manual_executor runs;
    concurrency_options with = fixed(1);
    with.queue.target = 0ns;
    with.queue.interval = 1ns;
    concurrency_limit limit{with};
    call_slot held = limit.try_enter();
    std::deque<entering> callers;
    for (int n = 0; n < 6; ++n) callers.emplace_back(limit.enter(), context{runs});
    int shed = 0;
    held.release();
    for (int n = 0; n < 20; ++n) {
        runs.run_all();
        for (auto& each : callers)
            if (each.done()) {
                auto ended = each.take();
                if (!ended) {
                    CHECK(ended.error() == errc::overloaded);
                    ++shed;
                }
            }
        while (!callers.empty() && callers.front().done()) callers.pop_front();
    }
    CHECK(callers.empty());
    CHECK(static_cast<std::uint64_t>(shed) == limit.figures().shed);
    CHECK(limit.try_enter()); // the slot of those that were sent away went on
}
