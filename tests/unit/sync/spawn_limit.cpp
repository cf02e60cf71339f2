// tests/unit/sync/spawn_limit.cpp: never more than so many, nobody forgotten, and what was stopped was not begun.
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"
#include "support/threads_executor.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/spawn_limit.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

class tally {
public:
    void enter() noexcept {
        std::size_t const now = inside_.fetch_add(1, relaxed) + 1;
        std::size_t seen = most_.load(relaxed);
        while (seen < now && !most_.compare_exchange_weak(seen, now, relaxed)) {}
    }
    void leave() noexcept {
        inside_.fetch_sub(1, relaxed);
        ended_.fetch_add(1, relaxed);
    }
    std::size_t most() const noexcept { return most_.load(relaxed); }
    std::size_t ended() const noexcept { return ended_.load(relaxed); }

private:
    atomic<std::size_t> inside_{0}, most_{0}, ended_{0};
};

task<> takes_two_turns(tally& of) {
    of.enter();
    co_await yield();
    co_await yield();
    of.leave();
}

task<> waits(event& flag) { static_cast<void>(co_await flag.wait()); }

task<> throws_after_yield(char const* what) {
    co_await yield();
    throw std::runtime_error(what);
}

} // namespace

TEST_CASE("never more than the limit run, all of them do, and as many as may") {
    for (std::size_t const limit : {1u, 3u, 50u}) {
        tally seen;
        auto const body = [&](scope& children) -> task<> {
            spawn_limit at_most{children, limit};
            for (int n = 0; n < 20; ++n) {
                auto const begun = co_await at_most.spawn(takes_two_turns, std::ref(seen));
                CHECK(begun.has_value());
            }
        };
        sync_wait(in_scope(body));
        CHECK(seen.ended() == 20);
        CHECK(seen.most() == std::min<std::size_t>(limit, 20));
    }
}

TEST_CASE("a limit that stands in the scope's body may end before its children") {
    event flag;
    manual_executor runs;
    auto const body = [&](scope& children) -> task<> {
        spawn_limit at_most{children, 2};
        for (int n = 0; n < 2; ++n) {
            auto const begun = co_await at_most.spawn(waits, std::ref(flag));
            CHECK(begun.has_value());
        }
    };
    started work{in_scope(body), context{runs}};
    runs.run_all();
    CHECK(!work.done());
    flag.set();
    runs.run_all();
    CHECK(work.done());
}

TEST_CASE("a stop ends the wait, and the child was not begun: its arguments die and no place is lost (T6, T7)") {
    for (bool const before : {true, false}) {
        manual_executor runs;
        event flag;
        stop_source stop;
        int ran = 0;
        auto const child = [](int& count, counted held) -> task<> {
            ++count;
            held.value = 0;
            co_return;
        };
        auto const body = [&](scope& children) -> task<> {
            spawn_limit at_most{children, 1};
            auto const first = co_await at_most.spawn(waits, std::ref(flag));
            CHECK(first.has_value());
            context const& above = co_await this_task();
            context const narrower = above.with_stop(stop.token());
            co_await use_context(narrower);
            auto const second = co_await at_most.spawn(child, std::ref(ran), counted{1});
            co_await use_context(above);
            CHECK(second.error() == errc::timed_out);
            CHECK(counted::alive == 0);
            flag.set();
            auto const third = co_await at_most.spawn(child, std::ref(ran), counted{1});
            CHECK(third.has_value());
        };
        if (before) stop.request_stop(errc::timed_out);
        started work{in_scope(body), context{runs}};
        runs.run_all();
        if (!before) {
            CHECK(!work.done());
            stop.request_stop(errc::timed_out);
            runs.run_all();
        }
        REQUIRE(work.done());
        CHECK(ran == 1);
    }
}

TEST_CASE("who only tries begins a child while there is room and nobody waits, and keeps its arguments else") {
    event flag;
    manual_executor runs;
    std::vector<bool> begun;
    bool kept = false;
    auto const holds = [](event& of, std::unique_ptr<int> value) -> task<> {
        static_cast<void>(co_await of.wait());
        *value = 2;
    };
    auto const body = [&](scope& children) -> task<> {
        spawn_limit at_most{children, 1};
        auto mine = std::make_unique<int>(1);
        begun.push_back(at_most.try_spawn(holds, std::ref(flag), std::make_unique<int>(1)));
        begun.push_back(at_most.try_spawn(holds, std::ref(flag), std::move(mine)));
        kept = mine != nullptr;
        flag.set();
        while (at_most.free() == 0) co_await yield();
        begun.push_back(at_most.try_spawn(holds, std::ref(flag), std::move(mine)));
    };
    started work{in_scope(body), context{runs}};
    runs.run_all();
    REQUIRE(work.done());
    CHECK(begun == std::vector{true, false, true});
    CHECK(kept);
}

TEST_CASE("a child that throws gives its place back and fails the scope") {
    std::string caught;
    event never;
    result<void> second;
    auto const body = [&](scope& children) -> task<> {
        spawn_limit at_most{children, 1};
        static_cast<void>(co_await at_most.spawn(throws_after_yield, "child"));
        second = co_await at_most.spawn(waits, std::ref(never)); // stopped by the failure, or begun and then stopped
    };
    try {
        sync_wait(in_scope(body));
    } catch (std::runtime_error const& error) {
        caught = error.what();
    }
    CHECK(caught == "child");
}

TEST_CASE("a child's place is free, and what it was given gone, before the scope counts it as gone") {
    std::vector<std::size_t> free_when_gone;
    std::vector<int> alive_when_gone;
    auto const child = [](counted held) -> task<> {
        co_await yield();
        held.value = 0;
    };
    auto const work = [&]() -> task<> {
        context const& above = co_await this_task();
        scope children{above};
        spawn_limit at_most{children, 2};
        static_cast<void>(co_await at_most.spawn(child, counted{1}));
        static_cast<void>(co_await at_most.spawn(child, counted{2}));
        co_await scope::join(children);
        free_when_gone.push_back(at_most.free());
        alive_when_gone.push_back(counted::alive);
    };
    sync_wait(work());
    CHECK(free_when_gone == std::vector<std::size_t>{2});
    CHECK(alive_when_gone == std::vector{0});
}

TEST_CASE("when moving an argument throws, nothing was begun and the place is free again") {
    class throws_at {
    public:
        explicit throws_at(int moves) : left_{moves} {}
        throws_at(throws_at&& other) : left_{other.left_ - 1} {
            if (left_ < 0) throw std::runtime_error("move");
        }

    private:
        int left_;
    };
    auto const child = [](int& count, throws_at) -> task<> {
        ++count;
        co_return;
    };
    int thrown = 0;
    for (int moves = 0; moves < 12; ++moves) {
        int ran = 0;
        std::size_t free = 0;
        bool spawned = false;
        auto const work = [&]() -> task<> {
            context const& above = co_await this_task();
            scope children{above};
            spawn_limit at_most{children, 1};
            try {
                throws_at argument{moves};
                auto const begun = co_await at_most.spawn(child, std::ref(ran), std::move(argument));
                spawned = begun.has_value();
            } catch (std::runtime_error const&) {
                ++thrown;
            }
            co_await scope::join(children); // a later move fails the child
            free = at_most.free();
        };
        sync_wait(work());
        CHECK(free == 1);
        CHECK(ran <= (spawned ? 1 : 0));
        if (moves == 11) CHECK(ran == 1);
    }
    CHECK(thrown > 0);
}

TEST_CASE("several limits share a scope, and bound only their own") {
    tally narrow_seen;
    tally wide_seen;
    auto const body = [&](scope& children) -> task<> {
        spawn_limit narrow{children, 1};
        spawn_limit wide{children, 4};
        for (int n = 0; n < 8; ++n) {
            static_cast<void>(co_await wide.spawn(takes_two_turns, std::ref(wide_seen)));
            static_cast<void>(narrow.try_spawn(takes_two_turns, std::ref(narrow_seen)));
        }
    };
    sync_wait(in_scope(body));
    CHECK(wide_seen.ended() == 8);
    CHECK(narrow_seen.most() == 1);
}

TEST_CASE("on several threads, with several who spawn, the limit holds") {
    std::size_t const each = scaled(4000);
    tally seen;
    threads_executor runs{3};
    auto const spawner = [&](spawn_limit& at_most) -> task<> {
        for (std::size_t n = 0; n < each; ++n)
            static_cast<void>(co_await at_most.spawn(takes_two_turns, std::ref(seen)));
    };
    auto const work = [&]() -> task<> {
        context const& above = co_await this_task();
        scope children{above};
        spawn_limit at_most{children, 3};
        for (int n = 0; n < 3; ++n) children.spawn(spawner, std::ref(at_most));
        co_await scope::join(children);
        CHECK(at_most.free() == 3);
    };
    started whole{work(), context{runs}};
    whole.wait();
    CHECK(seen.ended() == 3 * each);
    CHECK(seen.most() <= 3);
}
