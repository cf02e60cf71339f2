// tests/unit/flow/rate_limiter.cpp: who comes too early waits for its turn, in order, and leaves without a trace.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/flow/rate_limiter.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <deque>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

constexpr double one_an_hour = 1.0 / 3600;
using asked = started<task<result<void>>>;

} // namespace

TEST_CASE("a burst passes at once, the rest one by one as tokens come back") {
    virtual_wheel time;
    manual_executor runs;
    rate_limiter limit{rate{one_an_hour, 2}};
    std::deque<asked> callers;
    for (int n = 0; n < 5; ++n) callers.emplace_back(limit.acquire(), context{runs});
    std::vector<int> passed;
    for (int hour = 0; hour <= 3; ++hour) {
        int done = 0;
        for (auto const& each : callers) done += each.done();
        passed.push_back(done);
        time.advance_to(time.origin() + (hour + 1) * 1h + 1min, runs);
    }
    CHECK(passed == std::vector<int>{2, 3, 4, 5});
    for (auto& each : callers) CHECK(each.take().has_value());
    CHECK(time.wheel().size() == 0);
}

TEST_CASE("a large request is not overtaken by small ones behind it") {
    virtual_wheel time;
    manual_executor runs;
    rate_limiter limit{rate{one_an_hour, 3}};
    asked first{limit.acquire(2), context{runs}};
    asked large{limit.acquire(3), context{runs}};
    asked small{limit.acquire(1), context{runs}};
    CHECK(first.done());
    CHECK(limit.try_acquire(1) > duration::zero()); // nor by who does not wait, although a token is there
    time.advance_to(time.origin() + 1h + 30min, runs);
    CHECK(!large.done());
    CHECK(!small.done());
    time.advance_to(time.origin() + 2h + 30min, runs);
    CHECK(large.done());
    CHECK(!small.done());
    time.advance_to(time.origin() + 3h + 30min, runs);
    CHECK(small.done());
}

TEST_CASE("who leaves, at the head or in the queue, has taken nothing, and the next moves up") {
    virtual_wheel time;
    manual_executor runs;
    rate_limiter limit{rate{one_an_hour, 1}};
    CHECK(limit.try_acquire() == duration::zero());
    stop_source head_leaves;
    stop_source middle_leaves;
    asked head{limit.acquire(), context{runs}.with_stop(head_leaves.token())};
    asked middle{limit.acquire(), context{runs}.with_stop(middle_leaves.token())};
    asked last{limit.acquire(), context{runs}};
    middle_leaves.request_stop();
    runs.run_all();
    REQUIRE(middle.done());
    CHECK(middle.take().error() == errc::cancelled);
    head_leaves.request_stop();
    runs.run_all();
    REQUIRE(head.done());
    CHECK(head.take().error() == errc::cancelled);
    CHECK(!last.done());
    time.advance_to(time.origin() + 1h + 1min, runs);
    REQUIRE(last.done()); // in the first hour: neither of the others has used a token
    CHECK(last.take().has_value());
}

TEST_CASE("who would wait beyond its deadline is told at once, and takes nothing") {
    virtual_wheel time;
    manual_executor runs;
    rate_limiter limit{rate{one_an_hour, 1}};
    CHECK(limit.try_acquire() == duration::zero());
    asked hurried{limit.acquire(), context{runs}.with_deadline(time.origin() + 30min)};
    REQUIRE(hurried.done());
    CHECK(hurried.take().error() == errc::timed_out);
    asked patient{limit.acquire(), context{runs}.with_deadline(time.origin() + 2h)};
    CHECK(!patient.done());
    time.advance_to(time.origin() + 1h + 1min, runs);
    REQUIRE(patient.done());
    CHECK(patient.take().has_value());
}

TEST_CASE("more than a burst is refused, as it would never fit") {
    virtual_wheel time;
    manual_executor runs;
    rate_limiter limit{rate{10, 3}};
    asked greedy{limit.acquire(4), context{runs}};
    REQUIRE(greedy.done());
    CHECK(greedy.take().error() == errc::overloaded);
    CHECK(limit.try_acquire(4) == duration::max());
    CHECK(limit.available() == 3);
}
