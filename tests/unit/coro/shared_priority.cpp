// tests/unit/coro/shared_priority.cpp: work that is done for several goes on where the most urgent of them is served.
#include "support/manual_executor.hpp"

#include <weir/coro/shared_priority.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace weir;
using namespace weir::test;

namespace {

// An executor of one priority, and the one that stands for high.
struct lane : manual_executor {
    executor& at(priority level) noexcept override { return level == priority::high && high ? *high : *this; }
    executor* high = nullptr;
};

class work {
public:
    explicit work(priority given) {
        shared.is_given(given);
        low.high = &high;
        here = context{low};
        here.priority = given;
        here.origin = shared.origin();
    }
    lane low;
    lane high;
    detail::shared_priority shared;
    context here;
};

} // namespace

TEST_CASE("what is done for one alone has its own priority, and goes on where it is") {
    lane low;
    lane high;
    low.high = &high;
    context here{low};
    here.priority = priority::low;
    int batch = 0;
    here.origin = &batch; // an origin that shares nothing
    CHECK(priority_of(here) == priority::low);
    CHECK(executor_of(here) == executor_ref{low});
}

TEST_CASE("work goes on at a priority that has risen, and never at one that fell") {
    work one{priority::low};
    CHECK(executor_of(one.here) == executor_ref{one.low});
    one.shared.rises_to(priority::high);
    CHECK(priority_of(one.here) == priority::high);
    CHECK(executor_of(one.here) == executor_ref{one.high});
    one.shared.rises_to(priority::normal);
    CHECK(priority_of(one.here) == priority::high);
}

TEST_CASE("part of the work that was given another priority does not rise with the rest") {
    work one{priority::normal};
    context narrower = one.here;
    narrower.priority = priority::low;
    one.shared.rises_to(priority::high);
    CHECK(priority_of(narrower) == priority::low);
    CHECK(executor_of(narrower) == executor_ref{one.low});
}

TEST_CASE("an executor that knows no priorities stands for all of them") {
    manual_executor runs;
    executor_ref const here{runs};
    CHECK(here.at(priority::high) == here);
    CHECK(here.at(priority::low) == here);
}
