// tests/unit/coro/yield.cpp: who yields goes behind all that is ready.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>

#include <catch2/catch_test_macros.hpp>

#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

class two_ends : public manual_executor {
public:
    void post_last(job& work) noexcept override {
        ++last;
        post(work);
    }
    int last = 0;
};

task<> takes_turns(std::vector<int>& order, int name) {
    for (int n = 0; n < 3; ++n) {
        order.push_back(name);
        co_await yield();
    }
}

} // namespace

TEST_CASE("two that yield take turns, by way of post_last") {
    two_ends runs;
    std::vector<int> order;
    started first{takes_turns(order, 1), context{runs}};
    started second{takes_turns(order, 2), context{runs}};
    runs.run_all();
    CHECK(first.done());
    CHECK(second.done());
    CHECK(order == std::vector<int>{1, 2, 1, 2, 1, 2});
    CHECK(runs.last == 6);
}

TEST_CASE("a stop does not keep anybody from yielding") {
    two_ends runs;
    stop_source stop;
    stop.request_stop();
    std::vector<int> order;
    started work{takes_turns(order, 1), context{runs}.with_stop(stop.token())};
    CHECK(order.size() == 1);
    runs.run_all();
    CHECK(work.done());
}
