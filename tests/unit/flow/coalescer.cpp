// tests/unit/flow/coalescer.cpp: callers of one key share one run of the loader, its value and its failures.
#include "support/allocations.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using weir::coalescer;
using weir::coalescer_options;
using weir::context;
using weir::errc;
using weir::event;
using weir::result;
using weir::shared_value;
using weir::sync_wait;
using weir::task;
using weir::test::manual_executor;
using weir::test::started;

namespace {

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

// A hash that tells nothing apart, and throws when it is told to.
struct poor_hash {
    inline static bool throws = false;
    std::size_t operator()(int) const {
        if (throws) throw std::runtime_error("hash");
        return 1;
    }
};
struct poor_equal {
    inline static bool throws = false;
    bool operator()(int a, int b) const {
        if (throws) throw std::runtime_error("equal");
        return a == b;
    }
};

template <class C, class K>
using get_of = started<decltype(std::declval<C&>().get(std::declval<K>()))>;

} // namespace

TEST_CASE("S1: callers of one key share one run and one value", "[coalescer]") {
    manual_executor loop;
    event open;
    int runs = 0;
    coalescer<int, std::string> c{[&](int const& key) -> task<std::string> {
        ++runs;
        static_cast<void>(co_await open.wait());
        co_return std::to_string(key);
    }};
    int const key = 5;
    std::deque<get_of<decltype(c), int const&>> callers;
    for (int n = 0; n < 8; ++n) callers.emplace_back(c.get(key), context{loop});
    loop.run_all();
    CHECK(runs == 1);
    CHECK(c.figures().in_flight == 1);
    open.set();
    loop.run_all();
    auto const first = callers[0].take();
    REQUIRE(first);
    CHECK(**first == "5");
    for (int n = 1; n < 8; ++n) {
        REQUIRE(callers[static_cast<std::size_t>(n)].done());
        CHECK((*first).same_as(*callers[static_cast<std::size_t>(n)].take()));
    }
    auto const figures = c.figures();
    CHECK(figures.leads == 1);
    CHECK(figures.joins == 7);
    CHECK(figures.in_flight == 0);
    CHECK(figures.failures == 0);
}

TEST_CASE("S2: keys do not wait for each other, though their hashes collide", "[coalescer]") {
    manual_executor loop;
    event never;
    coalescer<int, int, poor_hash> c{[&](int const& key) -> task<int> {
        if (key == 1) static_cast<void>(co_await never.wait());
        co_return key;
    }};
    started slow{c.get(1), context{loop}};
    started quick{c.get(2), context{loop}};
    loop.run_all();
    CHECK(!slow.done());
    REQUIRE(quick.done());
    CHECK(**quick.take() == 2);
    never.set();
    loop.run_all();
    CHECK(**slow.take() == 1);
}

TEST_CASE("S3: all callers get the same exception, and the next one loads anew", "[coalescer]") {
    manual_executor loop;
    event open;
    int runs = 0;
    coalescer<int, int> c{[&](int const&) -> task<int> {
        if (++runs > 1) co_return runs;
        static_cast<void>(co_await open.wait());
        throw std::runtime_error("no such thing");
    }};
    started first{c.get(1), context{loop}};
    started second{c.get(1), context{loop}};
    open.set();
    loop.run_all();
    std::runtime_error const* seen[2]{};
    try {
        static_cast<void>(first.take());
    } catch (std::runtime_error const& error) {
        seen[0] = &error;
        try {
            static_cast<void>(second.take());
        } catch (std::runtime_error const& other) { seen[1] = &other; }
    }
    CHECK(seen[0] != nullptr);
    CHECK(seen[0] == seen[1]);
    CHECK(c.figures().failures == 1);
    started third{c.get(1), context{loop}};
    CHECK(**third.take() == 2);
}

TEST_CASE("a loader's error is everybody's result", "[coalescer]") {
    coalescer<int, int> c{[](int const& key) -> task<result<int>> {
        if (key < 0) co_return errc::too_long;
        co_return key;
    }};
    CHECK(sync_wait(c.get(-1)).error() == errc::too_long);
    CHECK(**sync_wait(c.get(3)) == 3);
    CHECK(c.figures().failures == 1);
}

TEST_CASE("S4: who asks again as soon as it has its answer begins a new run", "[coalescer]") {
    int runs = 0;
    coalescer<int, int> c{[&](int const&) -> task<result<int>> {
        if (++runs < 3) co_return errc::timed_out;
        co_return runs;
    }};
    auto retry = [&]() -> task<int> {
        for (;;) {
            auto const got = co_await c.get(1);
            if (got) co_return **got;
        }
    };
    CHECK(sync_wait(retry()) == 3);
    CHECK(c.figures().leads == 3);
}

TEST_CASE("S9: a loader that asks for its own key is told so, and may ask for others", "[coalescer]") {
    coalescer<int, int>* self = nullptr;
    std::error_code told;
    auto through = [&](int key) -> task<result<shared_value<int>>> { co_return co_await self->get(key); };
    coalescer<int, int> c{[&](int const& key) -> task<int> {
        if (key == 0) co_return 100;
        auto const own = co_await through(key);
        told = own.error();
        auto const other = co_await self->get(key - 1);
        co_return **other + key;
    }};
    self = &c;
    CHECK(**sync_wait(c.get(2)) == 103);
    CHECK(told == errc::self_deadlock);
}

TEST_CASE("S9: a loader is told so through a scope of its own, too", "[coalescer]") {
    coalescer<int, int>* self = nullptr;
    std::error_code told;
    auto ask = [&](weir::scope&, int key) -> task<> {
        auto const own = co_await self->get(key);
        told = own.error();
    };
    coalescer<int, int> c{[&](int const& key) -> task<int> {
        co_await weir::in_scope(ask, key);
        co_return key;
    }};
    self = &c;
    CHECK(**sync_wait(c.get(2)) == 2);
    CHECK(told == errc::self_deadlock);
}

TEST_CASE("S11: a loader that is done at once answers without a turn of the executor", "[coalescer]") {
    manual_executor loop;
    coalescer<int, int> c{[](int const& key) -> task<int> { co_return key; }};
    started caller{c.get(9), context{loop}};
    REQUIRE(caller.done());
    CHECK(**caller.take() == 9);
    CHECK(loop.ready() == 0);
}

TEST_CASE("S11: a long run of flights that are done at once does not grow the stack", "[coalescer]") {
    coalescer<int, int> c{[](int const& key) -> task<int> { co_return key; }};
    auto many = [&]() -> task<long> {
        long sum = 0;
        for (int n = 0; n < 200'000; ++n) {
            auto const one = co_await c.get(n % 7);
            sum += **one;
        }
        co_return sum;
    };
    CHECK(sync_wait(many()) > 0);
}

TEST_CASE("S12: a loader that throws before it is a coroutine fails its callers all the same", "[coalescer]") {
    coalescer<int, int> c{[](int const& key) -> task<int> {
        if (key == 1) throw std::runtime_error("at once");
        return [](int value) -> task<int> { co_return value; }(key);
    }};
    CHECK_THROWS_AS(sync_wait(c.get(1)), std::runtime_error);
    CHECK(**sync_wait(c.get(2)) == 2);
    CHECK(c.figures().in_flight == 0);
}

TEST_CASE("S13: each caller goes on on its own executor", "[coalescer]") {
    manual_executor leads;
    manual_executor joins;
    event open;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
        static_cast<void>(co_await open.wait());
        co_return key;
    }};
    started leader{c.get(1), context{leads}};
    started joiner{c.get(1), context{joins}};
    open.set();
    CHECK(joins.run_all() == 0);
    leads.run_all();
    CHECK(leader.done());
    CHECK(!joiner.done());
    CHECK(joins.run_all() == 1);
    CHECK(joiner.done());
    static_cast<void>(leader.take());
    static_cast<void>(joiner.take());
}

TEST_CASE("flights run where the options say", "[coalescer]") {
    manual_executor here;
    manual_executor there;
    coalescer_options options;
    options.executor = there;
    int runs = 0;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
                              ++runs;
                              co_return key;
                          },
                          options};
    started caller{c.get(1), context{here}};
    here.run_all();
    CHECK(runs == 0);
    there.run_all();
    CHECK(runs == 1);
    CHECK(!caller.done());
    here.run_all();
    CHECK(**caller.take() == 1);
}

TEST_CASE("S14: a value that can only be moved is shared, and outlives its coalescer", "[coalescer]") {
    shared_value<std::unique_ptr<int>> kept;
    {
        coalescer<int, std::unique_ptr<int>> c{
            [](int const& key) -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(key); }};
        auto got = sync_wait(c.get(12));
        kept = *std::move(got);
    }
    CHECK(**kept == 12);
}

TEST_CASE("a key is looked up by what compares with it, and made only to lead", "[coalescer]") {
    coalescer<std::string, std::size_t, text_hash> c{
        [](std::string const& key) -> task<std::size_t> { co_return key.size(); }};
    std::string_view const view = "seven77";
    CHECK(**sync_wait(c.get(view)) == 7);
    CHECK(**sync_wait(c.get("four")) == 4);
    CHECK(**sync_wait(c.get(std::string("three"))) == 5);
    CHECK(!c.invalidate(view));
}

TEST_CASE("S16: many callers of one key are answered in one sweep", "[coalescer]") {
    std::size_t const count = weir::test::scaled(100'000);
    manual_executor loop;
    manual_executor home; // takes the answers, cheaply
    event open;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
        static_cast<void>(co_await open.wait());
        co_return key;
    }};
    int const key = 4;
    std::deque<get_of<decltype(c), int const&>> callers;
    callers.emplace_back(c.get(key), context{loop});
    for (std::size_t n = 1; n < count; ++n) callers.emplace_back(c.get(key), context{home});
    open.set();
    loop.run_all();
    CHECK(home.ready() == count - 1);
    std::size_t answered = 0;
    home.run_all();
    for (auto& one : callers) answered += one.done() && **one.take() == 4;
    CHECK(answered == count);
}

TEST_CASE("bounds on flights and on waiters refuse, and only what is too much", "[coalescer]") {
    manual_executor loop;
    event open;
    coalescer_options options;
    options.max_flights = 2;
    options.max_waiters = 2;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
                              static_cast<void>(co_await open.wait());
                              co_return key;
                          },
                          options};
    started a{c.get(1), context{loop}};
    started b{c.get(1), context{loop}};
    started too_many{c.get(1), context{loop}};
    started other{c.get(2), context{loop}};
    started too_far{c.get(3), context{loop}};
    REQUIRE(too_many.done());
    CHECK(too_many.take().error() == errc::overloaded);
    REQUIRE(too_far.done());
    CHECK(too_far.take().error() == errc::overloaded);
    open.set();
    loop.run_all();
    CHECK(a.take());
    CHECK(b.take());
    CHECK(other.take());
    started later{c.get(3), context{loop}};
    CHECK(later.take());
}

TEST_CASE("S19: a hash, an equality or a key that throws leaves nothing behind", "[coalescer]") {
    manual_executor loop;
    event open;
    coalescer<int, int, poor_hash, poor_equal> c{[&](int const& key) -> task<int> {
        static_cast<void>(co_await open.wait());
        co_return key;
    }};
    started first{c.get(1), context{loop}};
    poor_hash::throws = true;
    CHECK_THROWS_AS(sync_wait(c.get(2)), std::runtime_error);
    poor_hash::throws = false;
    poor_equal::throws = true;
    CHECK_THROWS_AS(sync_wait(c.get(2)), std::runtime_error);
    weir::stop_source stop; // the listener of who failed must not stay
    CHECK_THROWS_AS(sync_wait(c.get(1), stop.token()), std::runtime_error);
    stop.request_stop();
    poor_equal::throws = false;
    CHECK(c.figures().in_flight == 1);
    open.set();
    loop.run_all();
    CHECK(first.take());
    CHECK(c.figures().in_flight == 0);
}

TEST_CASE("a join allocates nothing, and a lead nothing but pooled frames", "[coalescer]") {
    weir::frame_pool_guard const frames;
    event open;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
        static_cast<void>(co_await open.wait());
        co_return key;
    }};
    auto ask = [&]() -> task<> { static_cast<void>(co_await c.get(1)); };
    auto answer = [&]() -> task<> {
        open.set();
        co_return;
    };
    auto round = [&] {
        open.reset();
        sync_wait(weir::when_all(ask(), ask(), ask(), answer()));
    };
    round(); // fills the pool
    std::size_t const made = weir::test::blocks_made_by(round);
    if (!weir::test::sanitized) CHECK(made == 0); // a sanitizer makes frames too large for the pool
    CHECK(c.figures().leads == 2);
    CHECK(c.figures().joins == 4);
}
