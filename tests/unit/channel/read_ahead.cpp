// tests/unit/channel/read_ahead.cpp: a generator that is read by a task of its own can be waited for like a channel.
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/channel/chunks.hpp>
#include <weir/channel/read_ahead.hpp>
#include <weir/coro/async_generator.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// Yields 1, 2, 3 ..., each when its gate was opened.
class tap {
public:
    explicit tap(int count) : gates_(static_cast<std::size_t>(count)) {}
    async_generator<int> flow() {
        for (event& each : gates_) {
            ++read;
            auto const waited = co_await each.wait();
            if (!waited) co_return;
            co_yield int{read};
        }
    }
    void open(int number) { gates_[static_cast<std::size_t>(number - 1)].set(); }
    int read = 0;

private:
    std::vector<event> gates_;
};

} // namespace

TEST_CASE("a generator is read so many elements ahead, in order", "[read_ahead]") {
    auto const body = [](scope& children) -> task<std::vector<int>> {
        tap from{9};
        for (int n = 1; n <= 9; ++n) from.open(n);
        auto values = read_ahead(children, from.flow(), 3);
        for (int n = 0; n < 5; ++n) co_await yield();
        std::vector<int> got{from.read};
        for (auto one = co_await values.recv(); one; one = co_await values.recv()) got.push_back(*one);
        co_return got;
    };
    CHECK(sync_wait(in_scope(body)) == std::vector{3, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("chunks of a generator come when their time is over; what was begun is read on, for the next", "[read_ahead]") {
    virtual_wheel time;
    manual_executor runs;
    scope children{context{runs}};
    tap from{4};
    {
        auto some = chunks{read_ahead(children, from.flow(), 2), 3, 1h};
        auto const ask = [&]() -> task<std::vector<int>> {
            auto got = co_await some.recv();
            if (!got) co_return std::vector<int>{};
            co_return *std::move(got);
        };
        started first{ask(), context{runs}};
        runs.run_all();
        from.open(1);
        runs.run_all();
        CHECK_FALSE(first.done());
        CHECK(from.read == 2); // and the read of the second is under way
        time.advance_by(2h, runs);
        REQUIRE(first.done());
        CHECK(first.take() == std::vector{1});
        from.open(2);
        from.open(3);
        from.open(4);
        started second{ask(), context{runs}};
        runs.run_all();
        REQUIRE(second.done());
        CHECK(second.take() == std::vector{2, 3, 4});
        started last{ask(), context{runs}};
        runs.run_all();
        REQUIRE(last.done());
        CHECK(last.take().empty());
        CHECK(time.wheel().size() == 0);
    }
    auto const join = [&]() -> task<> { co_await scope::join(children); };
    started joined{join(), context{runs}};
    runs.run_all();
    CHECK(joined.done());
}

TEST_CASE("who leaves early has the generator stopped where it waits, and the scope joins it (T1)", "[read_ahead]") {
    manual_executor runs;
    scope children{context{runs}};
    tap from{4};
    {
        auto const values = read_ahead(children, from.flow(), 2);
        runs.run_all();
        CHECK(from.read == 1);
    }
    CHECK(children.pending() == 1); // it has not heard yet
    auto const join = [&]() -> task<> { co_await scope::join(children); };
    started joined{join(), context{runs}};
    CHECK_FALSE(joined.done());
    runs.run_all();
    CHECK(joined.done());
}
