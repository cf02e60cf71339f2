// tests/unit/coro/scope.cpp: nothing outlives its scope, whatever throws, stops or ends first.
#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"
#include "support/threads_executor.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <coroutine>
#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

task<> counts_after_yield(int& ended) {
    co_await yield();
    ++ended;
}

task<> throws_after_yield(char const* what) {
    co_await yield();
    throw std::runtime_error(what);
}

task<> waits_for_a_stop(event& never, int& stopped) {
    auto const waited = co_await never.wait();
    co_await yield();
    if (!waited) ++stopped;
}

template <class T>
std::string what_is_thrown(task<T> work) {
    try {
        static_cast<void>(sync_wait(std::move(work)));
    } catch (std::runtime_error const& error) {
        return error.what();
    }
    return "nothing";
}

} // namespace

TEST_CASE("a scope ends after all its children (T1)") {
    int ended = 0;
    auto const body = [](scope& children, int& count) -> task<int> {
        for (int n = 0; n < 100; ++n) children.spawn([&count] { return counts_after_yield(count); });
        CHECK(children.pending() == 100);
        co_return count; // none has run yet
    };
    int const seen_by_body = sync_wait(in_scope(body, std::ref(ended)));
    CHECK(seen_by_body == 0);
    CHECK(ended == 100);
}

TEST_CASE("in_scope gives what its body gives: values, move-only values, references, nothing") {
    auto const move_only = [](scope&) -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
    CHECK(*sync_wait(in_scope(move_only)) == 4);
    int target = 0;
    auto const refers = [&](scope&) -> task<int&> { co_return target; };
    CHECK(&sync_wait(in_scope(refers)) == &target);
    auto const nothing = [](scope&) -> task<> { co_return; };
    sync_wait(in_scope(nothing));
}

namespace {

task<> sets(bool& into, counted held) {
    co_await yield();
    into = held.value == 7;
}
task<> reads(std::string const& text, std::string& into) {
    co_await yield();
    into = text;
}
task<> views(std::string_view text, std::string& into) {
    co_await yield();
    into = text;
}

struct may_throw {
    may_throw(may_throw&&) noexcept(false);
};
[[maybe_unused]] constexpr auto by_value = [](long, int*, std::unique_ptr<int>) -> task<> { co_return; };
[[maybe_unused]] auto const with_capture = [n = 1]() -> task<> {
    static_cast<void>(n);
    co_return;
};
[[maybe_unused]] constexpr auto for_any = [](auto) -> task<> { co_return; };
static_assert(detail::keeps_its_own<decltype(by_value) const&, int, std::nullptr_t, std::unique_ptr<int>>);
static_assert(detail::keeps_its_own<decltype(&reads), std::reference_wrapper<std::string>,
                                    std::reference_wrapper<std::string>>);
static_assert(!detail::keeps_its_own<decltype(&reads), std::string, std::reference_wrapper<std::string>>,
              "a reference would refer to what spawn was given");
static_assert(!detail::keeps_its_own<decltype(&views), std::string, std::reference_wrapper<std::string>>,
              "a view would look at what spawn was given");
static_assert(!detail::keeps_its_own<decltype(&views), std::reference_wrapper<std::string>,
                                     std::reference_wrapper<std::string>>);
static_assert(!detail::keeps_its_own<task<> (*)(may_throw), may_throw>,
              "a move that throws could not be told from a function that does");
static_assert(!detail::keeps_its_own<decltype(with_capture) const&>);
static_assert(!detail::keeps_its_own<decltype(for_any) const&, int>, "its parameter is not known before the call");

} // namespace

TEST_CASE("what is spawned with a temporary keeps it, by value, by reference and for a view") {
    bool set = false;
    std::string read;
    std::string viewed;
    auto const body = [&](scope& children) -> task<> {
        std::string const long_enough(100, 'x');
        children.spawn(sets, std::ref(set), counted{7});
        children.spawn(reads, std::string(long_enough), std::ref(read));
        children.spawn(&views, long_enough + "y", std::ref(viewed));
        co_return;
    };
    sync_wait(in_scope(body));
    CHECK(set);
    CHECK(read == std::string(100, 'x'));
    CHECK(viewed == std::string(100, 'x') + "y");
    CHECK(counted::alive == 0);
}

TEST_CASE("a function whose task keeps its arguments is spawned in one frame, any other callable in two") {
    manual_executor runs;
    context const where{runs};
    auto const frames_of = [&](auto spawns) {
        scope children{where};
        std::size_t const made = blocks_made_by([&] { // on a thread without a frame_pool each is a block
            spawns(children);
            runs.run_all();
        });
        CHECK(children.pending() == 0);
        CHECK(!scope::join{children}.await_suspend(std::noop_coroutine()));
        return made;
    };
    auto const plain = [](int& count) -> task<> {
        ++count;
        co_return;
    };
    int ran = 0;
    auto const function = [&](scope& children) { children.spawn(plain, std::ref(ran)); };
    auto const captures = [&](scope& children) { children.spawn([&ran, &plain] { return plain(ran); }); };
    static_cast<void>(frames_of(function)); // the executor's list grows once
    std::size_t const direct = frames_of(function);
    std::size_t const wrapped = frames_of(captures);
    if (!WEIR_TSAN) CHECK((direct == 1 && wrapped == 2)); // which counts none
    CHECK(ran == 3);
}

TEST_CASE("a function that throws before it makes a task stops the siblings like a child that throws") {
    event never;
    int stopped = 0;
    auto const body = [&](scope& children) -> task<> {
        children.spawn([&] { return waits_for_a_stop(never, stopped); });
        children.spawn(+[]() -> task<> { throw std::runtime_error("no task"); });
        co_await yield(); // spawn itself threw nothing
        ++stopped;
    };
    CHECK(what_is_thrown(in_scope(body)) == "no task");
    CHECK(stopped == 2);
}

TEST_CASE("the first exception wins, the others are counted, the siblings are stopped and joined (T2)") {
    event never;
    int stopped = 0;
    std::size_t failures = 0;
    auto const work = [&]() -> task<> {
        context const& above = co_await this_task();
        scope children{above};
        for (int n = 0; n < 5; ++n) children.spawn([&] { return waits_for_a_stop(never, stopped); });
        children.spawn(throws_after_yield, "first");
        children.spawn(throws_after_yield, "second");
        co_await scope::join(children);
        failures = children.failures();
        children.rethrow_first();
    };
    CHECK(what_is_thrown(work()) == "first");
    CHECK(stopped == 5);
    CHECK(failures == 2);
}

TEST_CASE("a body that throws stops the children and is joined with them (T1)") {
    event never;
    int stopped = 0;
    auto const body = [&](scope& children) -> task<int> {
        children.spawn([&] { return waits_for_a_stop(never, stopped); });
        co_await yield();
        throw std::runtime_error("body");
    };
    CHECK(what_is_thrown(in_scope(body)) == "body");
    CHECK(stopped == 1);
}

TEST_CASE("a child that throws stops the body") {
    event never;
    bool body_was_stopped = false;
    auto const body = [&](scope& children) -> task<> {
        children.spawn(throws_after_yield, "child");
        auto const waited = co_await never.wait();
        body_was_stopped = !waited && waited.error() == errc::cancelled;
    };
    CHECK(what_is_thrown(in_scope(body)) == "child");
    CHECK(body_was_stopped);
}

TEST_CASE("a callable that throws before it makes a task fails like a child that throws") {
    auto const body = [](scope& children) -> task<> {
        children.spawn([]() -> task<> { throw std::runtime_error("no task"); });
        co_return;
    };
    CHECK(what_is_thrown(in_scope(body)) == "no task");
}

TEST_CASE("the arguments of a spawned child die before the scope ends") {
    int alive_at_the_end = -1;
    auto const work = [&]() -> task<> {
        auto const child = [](counted held) -> task<> {
            co_await yield();
            held.value = 0;
        };
        auto const body = [&child](scope& children) -> task<> {
            for (int n = 0; n < 10; ++n) children.spawn(child, counted{n});
            co_return;
        };
        co_await in_scope(body);
        alive_at_the_end = counted::alive;
    };
    sync_wait(work());
    CHECK(alive_at_the_end == 0);
}

TEST_CASE("what a spawned lambda captured lives until the child is done") {
    auto const held = std::make_shared<int>(5);
    int seen = 0;
    auto const body = [&](scope& children) -> task<> {
        auto copy = held;
        auto child = [mine = std::move(copy), &seen]() -> task<> {
            co_await yield();
            seen = *mine;
        };
        children.spawn(std::move(child));
        co_return;
    };
    sync_wait(in_scope(body));
    CHECK(seen == 5);
    CHECK(held.use_count() == 1);
}

TEST_CASE("when moving an argument throws, spawn throws and nothing was begun") {
    struct throws_at {
        explicit throws_at(int moves) : left{moves} {}
        throws_at(throws_at&& other) : left{other.left - 1} {
            if (left < 0) throw std::runtime_error("move");
        }
        int left;
    };
    for (int moves = 0; moves < 3; ++moves) {
        int ran = 0;
        std::string caught = "nothing";
        std::size_t pending = 99;
        auto const child = [](int& count, throws_at) -> task<> {
            ++count;
            co_return;
        };
        auto const body = [&](scope& children) -> task<> {
            try {
                throws_at argument{moves};
                children.spawn(child, std::ref(ran), std::move(argument));
            } catch (std::runtime_error const& error) {
                caught = error.what();
            }
            pending = children.pending();
            co_return;
        };
        auto const outcome = what_is_thrown(in_scope(body));
        // Into the call, into the frame: those are spawn's. The third move makes the call in the child.
        if (moves < 2) {
            CHECK(caught == "move");
            CHECK(pending == 0);
            CHECK(outcome == "nothing");
        } else {
            CHECK(caught == "nothing");
            CHECK(pending == 1);
            CHECK(outcome == "move");
        }
        CHECK(ran == 0);
    }
}

TEST_CASE("children spawn children, also after the body has ended") {
    int ended = 0;
    struct grows {
        static task<> tree(scope& children, int& count, int depth) {
            co_await yield();
            ++count;
            if (depth == 0) co_return;
            children.spawn(&tree, std::ref(children), std::ref(count), depth - 1);
            children.spawn(&tree, std::ref(children), std::ref(count), depth - 1);
        }
    };
    auto const body = [](scope& children, int& count) -> task<> {
        children.spawn(&grows::tree, std::ref(children), std::ref(count), 9);
        co_return;
    };
    sync_wait(in_scope(body, std::ref(ended)));
    CHECK(ended == 1023);
}

TEST_CASE("pending counts the children that have not ended, while the body runs and after") {
    std::vector<std::size_t> seen;
    auto const child = [&](scope& children) -> task<> {
        co_await yield();
        seen.push_back(children.pending());
    };
    auto const work = [&]() -> task<> {
        context const& above = co_await this_task();
        scope children{above};
        children.spawn(child, std::ref(children));
        children.spawn(child, std::ref(children));
        seen.push_back(children.pending());
        co_await scope::join(children);
        seen.push_back(children.pending());
    };
    sync_wait(work());
    // Where a frame is destroyed by a job of its own, the first child still counts when the second looks.
    std::size_t const second_sees = WEIR_NO_DESTROY_IN_SUSPEND ? 2 : 1;
    CHECK(seen == std::vector<std::size_t>{2, 2, second_sees, 0});
}

TEST_CASE("a child spawned into a stopped scope runs, and its first wait tells it (T10)") {
    event never;
    int stopped = 0;
    auto const body = [&](scope& children) -> task<> {
        children.request_stop();
        children.spawn([&] { return waits_for_a_stop(never, stopped); });
        co_return;
    };
    sync_wait(in_scope(body));
    CHECK(stopped == 1);
}

TEST_CASE("a stop from above reaches the children of nested scopes (T6)") {
    event never;
    int stopped = 0;
    manual_executor runs;
    stop_source stop;
    auto const inner = [&](scope& children) -> task<> {
        children.spawn([&] { return waits_for_a_stop(never, stopped); });
        co_return;
    };
    auto const outer = [&](scope& children) -> task<> {
        children.spawn([&] { return waits_for_a_stop(never, stopped); });
        co_await in_scope(inner);
    };
    started work{in_scope(outer), context{runs}.with_stop(stop.token())};
    runs.run_all();
    CHECK(!work.done());
    CHECK(stop.request_stop());
    CHECK(!stop.request_stop());
    runs.run_all();
    CHECK(work.done());
    CHECK(stopped == 2);
}

TEST_CASE("a stop before the scope begins, and one after it ended, change nothing else (T6)") {
    event never;
    int stopped = 0;
    manual_executor runs;
    stop_source stop;
    stop.request_stop();
    auto const body = [&](scope& children) -> task<> {
        children.spawn([&] { return waits_for_a_stop(never, stopped); });
        co_return;
    };
    {
        started work{in_scope(body), context{runs}.with_stop(stop.token())};
        runs.run_all();
        CHECK(work.done());
    }
    CHECK(stopped == 1);
    CHECK(!stop.request_stop());
}

TEST_CASE("a scope of many children over several threads joins each of them") {
    std::size_t const count = scaled(40'000);
    atomic<std::size_t> ended{0};
    threads_executor runs{3};
    auto const child = [&]() -> task<> {
        co_await yield();
        ended.fetch_add(1, relaxed);
    };
    auto const body = [&](scope& children) -> task<> {
        for (std::size_t n = 0; n < count; ++n) children.spawn(child);
        co_return;
    };
    started work{in_scope(body), context{runs}};
    work.wait();
    CHECK(ended.load(acquire) == count);
}

TEST_CASE("no frame is left after scopes that ended well, threw or were stopped") {
    int ended = 0;
    auto const well = [&](scope& children) -> task<> {
        for (int n = 0; n < 50; ++n) children.spawn([&] { return counts_after_yield(ended); });
        co_return;
    };
    auto const badly = [&](scope& children) -> task<> {
        for (int n = 0; n < 50; ++n) children.spawn(throws_after_yield, "x");
        co_return;
    };
    sync_wait(in_scope(well));
    CHECK(blocks_left_by([&] { sync_wait(in_scope(well)); }) == 0);
    CHECK(blocks_left_by([&] { static_cast<void>(what_is_thrown(in_scope(badly))); }) == 0);
}
