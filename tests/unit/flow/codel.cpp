// tests/unit/flow/codel.cpp: a burst passes unharmed, a standing queue is cut, the urgent last.
#include <weir/flow/codel.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>

using namespace weir;
using namespace std::chrono_literals;

namespace {

time_point const start{1000h};

// One leaves each millisecond from `from` to `to`, having waited for `waited`; how many were sent away.
int shed_between(codel& queue, duration from, duration to, duration waited, priority urgency = priority::normal) {
    int shed = 0;
    for (duration at = from; at < to; at += 1ms) shed += queue.sheds(waited, start + at, urgency);
    return shed;
}

} // namespace

TEST_CASE("a burst that lasts less than an interval is left alone, however long its waits") {
    codel queue;
    CHECK(shed_between(queue, 0ms, 99ms, 1s) == 0);
    CHECK(shed_between(queue, 99ms, 300ms, 1ms) == 0);
}

TEST_CASE("a queue that has not been short for an interval sends away who has waited too long") {
    codel queue;
    CHECK(shed_between(queue, 0ms, 100ms, 50ms) == 0);
    CHECK(shed_between(queue, 100ms, 300ms, 50ms) == 200);
    CHECK(shed_between(queue, 300ms, 310ms, 8ms) == 0); // above the target, and bearable
    CHECK(shed_between(queue, 310ms, 320ms, 50ms) == 10);
}

TEST_CASE("once it was short it stands no longer") {
    codel queue;
    shed_between(queue, 0ms, 150ms, 50ms);
    CHECK(queue.sheds(50ms, start + 150ms));
    CHECK(!queue.sheds(1ms, start + 151ms));
    CHECK(shed_between(queue, 152ms, 190ms, 50ms) == 0);
}

TEST_CASE("a pause in which nobody came begins anew") {
    codel queue;
    shed_between(queue, 0ms, 150ms, 50ms);
    CHECK(!queue.sheds(50ms, start + 10s));
}

TEST_CASE("in a standing queue the less urgent are sent away first") {
    codel queue;
    shed_between(queue, 0ms, 150ms, 50ms);
    auto const sheds = [&](duration waited, priority urgency) { return queue.sheds(waited, start + 160ms, urgency); };
    CHECK(sheds(6ms, priority::low));
    CHECK(!sheds(6ms, priority::normal));
    CHECK(sheds(11ms, priority::normal));
    CHECK(!sheds(11ms, priority::high));
    CHECK(sheds(21ms, priority::high));
}
