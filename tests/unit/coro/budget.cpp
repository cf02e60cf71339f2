// tests/unit/coro/budget.cpp: a task that never has to wait gives way all the same.
#include "support/watchdog.hpp"

#include <weir/coro/budget.hpp>
#include <weir/coro/scope.hpp>
#include <weir/runtime/runtime.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace weir;

TEST_CASE("a budget lasts for as many operations as it says, and is full again after a refill") {
    turn_budget budget;
    thread_word_guard const installed{thread_word::turn_budget, &budget};
    for (int turn = 0; turn < 2; ++turn) {
        for (unsigned n = 0; n < turn_budget::operations; ++n) REQUIRE(turn_budget::spend());
        CHECK(!turn_budget::spend());
        CHECK(!turn_budget::spend());
        budget.refill();
    }
}

TEST_CASE("a thread without a budget never uses it up") {
    for (unsigned n = 0; n < 3 * turn_budget::operations; ++n) REQUIRE(turn_budget::spend());
}

TEST_CASE("a loop of checkpoints lets others run once a budget, on the only worker there is") {
    test::watchdog const watched{20};
    runtime_options options;
    options.workers = 1;
    runtime rt{options};
    long loops = 0;
    rt.block_on([](long& n) -> task<> {
        co_await in_scope([](scope& children, long& count) -> task<> {
            bool over = false;
            co_await in_scope([](scope& inner, bool& end, long& c) -> task<> {
                inner.spawn([](bool& ends) -> task<> {
                    for (int i = 0; i < 3; ++i) co_await yield(); // turns of its own
                    ends = true;
                }, std::ref(end));
                while (!end) {
                    ++c;
                    co_await checkpoint();
                }
            }, std::ref(over), std::ref(count));
            static_cast<void>(children);
        }, std::ref(n));
    }, std::ref(loops));
    CHECK(loops >= turn_budget::operations); // no turn of its own before that
    CHECK(loops <= 8 * turn_budget::operations);
}
