// tests/unit/flow/coalescer_circles.cpp: loaders that wait for each other in a circle are told when it closes.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <vector>

using namespace weir;
using namespace weir::test;

TEST_CASE("S9: a circle of loaders is told where it closes, at every length up to five", "[coalescer]") {
    for (int length = 1; length <= 5; ++length) {
        coalescer<int, int>* self = nullptr;
        std::vector<std::error_code> told;
        coalescer<int, int> c{[&](int const& key) -> task<int> {
            auto const next = co_await self->get((key + 1) % length);
            if (!next) told.push_back(next.error());
            co_return next ? **next + 1 : 100;
        }};
        self = &c;
        manual_executor loop;
        started caller{c.get(0), context{loop}};
        loop.run_all();
        REQUIRE(caller.done());
        CHECK(**caller.take() == 100 + length - 1);
        CHECK(told == std::vector{make_error_code(errc::self_deadlock)});
        CHECK(c.figures().in_flight == 0);
    }
}

TEST_CASE("S9: a circle through two coalescers and a scope is told, too", "[coalescer]") {
    coalescer<int, int>* other = nullptr;
    std::error_code told;
    auto ask = [&](scope&, int key) -> task<> { static_cast<void>(co_await other->get(key)); };
    coalescer<int, int> first{[&](int const& key) -> task<int> {
        co_await in_scope(ask, key);
        co_return key;
    }};
    coalescer<int, int> second{[&](int const& key) -> task<int> {
        auto const back = co_await first.get(key);
        told = back.error();
        co_return key;
    }};
    other = &second;
    CHECK(**sync_wait(first.get(3)) == 3);
    CHECK(told == errc::self_deadlock);
}

TEST_CASE("S9: who only shares a forebear, or asks for what one had long ago, may wait", "[coalescer]") {
    manual_executor loop;
    event open;
    coalescer<int, int>* self = nullptr;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
        if (key == 9) {
            static_cast<void>(co_await open.wait());
            co_return 9;
        }
        auto const leaf = co_await self->get(9); // both 1 and 2 wait for it
        co_return **leaf + key;
    }};
    self = &c;
    started one{c.get(1), context{loop}};
    started two{c.get(2), context{loop}};
    loop.run_all();
    open.set();
    loop.run_all();
    CHECK(**one.take() == 10);
    CHECK(**two.take() == 11);
    CHECK(c.figures().leads == 3);
}
