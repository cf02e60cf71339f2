// tests/unit/coro/context.cpp: what is handed down, how it is narrowed, and who reads it.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/coro/context.hpp>
#include <weir/coro/task.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

TEST_CASE("of two deadlines the earlier one stays") {
    time_point const now = clock::now();
    context const outer = context{}.with_deadline(now + 5s);
    CHECK(outer.with_deadline(now + 10s).deadline == now + 5s);
    CHECK(outer.with_deadline(now + 1s).deadline == now + 1s);
    CHECK(context{}.deadline == no_deadline);
}

TEST_CASE("another stop leaves executor, deadline and priority as they are") {
    manual_executor runs;
    stop_source stop;
    context where = context{runs}.with_deadline(time_point{} + 1s);
    where.priority = priority::high;
    context const narrower = where.with_stop(stop.token());
    CHECK(narrower.executor == executor_ref{runs});
    CHECK(narrower.deadline == time_point{} + 1s);
    CHECK(narrower.priority == priority::high);
    CHECK(narrower.stop.source() == &stop);
    CHECK(!where.stop.stop_possible());
}

TEST_CASE("use_context narrows what is awaited from there on, and can be taken back") {
    manual_executor runs;
    stop_source stop;
    bool inside = false;
    bool outside = true;
    auto const asks = [](bool& possible) -> task<> {
        context const& here = co_await this_task();
        possible = here.stop.stop_possible();
    };
    auto const work = [&]() -> task<> {
        context const& above = co_await this_task();
        context const narrower = above.with_stop(stop.token());
        co_await use_context(narrower);
        co_await asks(inside);
        co_await use_context(above);
        co_await asks(outside);
    };
    started runs_work{work(), context{runs}};
    CHECK(runs_work.done());
    CHECK(inside);
    CHECK(!outside);
}

TEST_CASE("a coroutine that carries no context has that of its thread") {
    manual_executor runs;
    context const here{runs};
    current_guard<context const> const installed{&here};
    CHECK(&context_of(std::coroutine_handle<>{std::noop_coroutine()}) == &here);
}
