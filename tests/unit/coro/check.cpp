// tests/unit/coro/check.cpp: work that does not wait hears of a stop and of its deadline where it asks.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/coro/check.hpp>
#include <weir/coro/task.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <system_error>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// Requests the stop itself at the third step, if there is one; gives how many steps were done.
task<int> works(stop_source* stops, errc& ended_by) {
    int steps = 0;
    try {
        for (; steps < 6; ++steps) {
            if (steps == 3 && stops) stops->request_stop(errc::shut_down);
            co_await check();
        }
    } catch (std::system_error const& error) {
        ended_by = static_cast<errc>(error.code().value());
    }
    co_return steps;
}

task<std::error_code> asks() {
    context const& here = co_await this_task();
    co_return here.status().error();
}

} // namespace

TEST_CASE("without a stop and a deadline it goes on, and never suspends") {
    manual_executor runs;
    errc ended_by{};
    started work{works(nullptr, ended_by), context{runs}};
    REQUIRE(work.done());
    CHECK(work.take() == 6);
    CHECK(runs.ready() == 0);
}

TEST_CASE("a stop ends the work at the next check, with its reason (T6)") {
    manual_executor runs;
    stop_source stop;
    errc ended_by{};
    started work{works(&stop, ended_by), context{runs}.with_stop(stop.token())};
    REQUIRE(work.done());
    CHECK(work.take() == 3);
    CHECK(ended_by == errc::shut_down);
}

TEST_CASE("a deadline that is past ends the work although no timer has fired; one to come does not (T5)") {
    manual_executor runs;
    for (time_point const at : {time_point::min(), time_point{}, clock::now()}) {
        errc ended_by{};
        started late{works(nullptr, ended_by), context{runs}.with_deadline(at)};
        REQUIRE(late.done());
        CHECK(late.take() == 0);
        CHECK(ended_by == errc::timed_out);
    }
    errc ended_by{};
    started in_time{works(nullptr, ended_by), context{runs}.with_deadline(clock::now() + 1h)};
    REQUIRE(in_time.done());
    CHECK(in_time.take() == 6);
}

TEST_CASE("the status says the same without a throw, and a stop goes before a deadline") {
    manual_executor runs;
    stop_source stop;
    context const where = context{runs}.with_stop(stop.token());
    started nothing{asks(), where};
    CHECK(!nothing.take());
    started late{asks(), where.with_deadline(clock::now())};
    CHECK(late.take() == errc::timed_out);
    stop.request_stop(errc::closed);
    started stopped{asks(), where.with_deadline(clock::now())};
    CHECK(stopped.take() == errc::closed);
}
