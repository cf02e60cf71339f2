// tests/unit/sync/latch.cpp: the gate opens when the count is used up, once and for good, and for all who wait.
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"
#include "support/threads_executor.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/coro/task.hpp>
#include <weir/sync/latch.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

task<> passes(latch& gate, std::vector<int>& order, int name) {
    auto const waited = co_await gate.wait();
    order.push_back(waited ? name : -name);
}

} // namespace

TEST_CASE("a latch of zero is open, and so it is for one that was stopped") {
    manual_executor runs;
    stop_source stop;
    stop.request_stop();
    latch gate{0};
    CHECK(gate.try_wait());
    std::vector<int> order;
    started work{passes(gate, order, 1), context{runs}.with_stop(stop.token())};
    CHECK(work.done());
    CHECK(order == std::vector<int>{1});
    gate.count_down(0); // nothing is left to count
    CHECK(gate.try_wait());
}

TEST_CASE("the last of a count opens the latch, first come first, and resumes nobody inside the call (T8)") {
    manual_executor runs;
    context const where{runs};
    latch gate{3};
    std::vector<int> order;
    started first{passes(gate, order, 1), where};
    started second{passes(gate, order, 2), where};
    started third{passes(gate, order, 3), where};
    gate.count_down();
    gate.count_down(0);
    CHECK(!gate.try_wait());
    CHECK(runs.ready() == 0);
    gate.count_down(2);
    CHECK(gate.try_wait());
    CHECK(order.empty());
    runs.run_all();
    CHECK(order == std::vector<int>{1, 2, 3});
    started late{passes(gate, order, 4), where};
    CHECK(late.done());
}

TEST_CASE("the largest count can be counted down at once") {
    latch gate{latch::most};
    CHECK(!gate.try_wait());
    gate.count_down(latch::most - 1);
    CHECK(!gate.try_wait());
    gate.count_down();
    CHECK(gate.try_wait());
}

TEST_CASE("who was stopped before it waits is told, and the count is untouched (T6)") {
    manual_executor runs;
    stop_source stop;
    stop.request_stop();
    latch gate{1};
    std::vector<int> order;
    started work{passes(gate, order, 1), context{runs}.with_stop(stop.token())};
    CHECK(work.done());
    CHECK(order == std::vector<int>{-1});
    CHECK(!gate.try_wait());
    gate.count_down();
    CHECK(gate.try_wait());
}

TEST_CASE("a stop takes one out from between the others who wait for a latch (T6, T8)") {
    manual_executor runs;
    stop_source stop;
    latch gate{1};
    std::vector<int> order;
    started first{passes(gate, order, 1), context{runs}};
    started second{passes(gate, order, 2), context{runs}.with_stop(stop.token())};
    started third{passes(gate, order, 3), context{runs}};
    stop.request_stop();
    runs.run_all();
    CHECK(order == std::vector<int>{-2});
    gate.count_down();
    runs.run_all();
    CHECK(order == std::vector<int>{-2, 1, 3});
}

TEST_CASE("a stop after the latch has opened comes too late") {
    manual_executor runs;
    stop_source stop;
    latch gate{1};
    std::vector<int> order;
    started work{passes(gate, order, 1), context{runs}.with_stop(stop.token())};
    gate.count_down();
    stop.request_stop();
    runs.run_all();
    CHECK(order == std::vector<int>{1});
}

TEST_CASE("a timeout ends the wait for a latch, which opens for the others all the same") {
    virtual_wheel time;
    manual_executor runs;
    latch gate{1};
    std::vector<int> order;
    started hasty{timeout(gate.wait(), 1h), context{runs}};
    started patient{passes(gate, order, 2), context{runs}};
    time.advance_by(2h, runs);
    REQUIRE(hasty.done());
    CHECK(hasty.take().error() == errc::timed_out);
    CHECK(!patient.done());
    gate.count_down();
    runs.run_all();
    CHECK(order == std::vector<int>{2});
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("a latch ends as soon as its waiter or one who looks has seen it open, while count_down is still returning") {
    std::size_t const turns = scaled(20'000);
    threads_executor runs{1};
    atomic<latch*> given{nullptr};
    auto const counts = [&](std::size_t times) {
        for (std::size_t n = 0; n < times; ++n) {
            latch* gate = nullptr;
            while (!(gate = given.exchange(nullptr, acq_rel))) std::this_thread::yield();
            gate->count_down(); // of two: the first part is used up by who gave it
        }
    };
    std::thread opponent{[&] { counts(2 * turns); }};
    auto const give = [&](latch& gate) {
        given.store(&gate, release);
        gate.count_down();
    };
    auto const waits = [](auto const& gives) -> task<> {
        auto const gate = std::make_unique<latch>(std::size_t{2});
        gives(*gate);
        static_cast<void>(co_await gate->wait());
    };
    auto const all = [&]() -> task<> {
        for (std::size_t n = 0; n < turns; ++n) co_await waits(give);
    };
    started work{all(), context{runs}};
    work.wait();
    for (std::size_t n = 0; n < turns; ++n) {
        auto const gate = std::make_unique<latch>(std::size_t{2});
        give(*gate);
        while (!gate->try_wait()) std::this_thread::yield();
    }
    opponent.join();
    CHECK(given.load(acquire) == nullptr);
}
