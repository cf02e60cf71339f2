// tests/unit/runtime/runtime.cpp: tasks run, their values and exceptions arrive, and a runtime leaves nothing behind.
#include "support/backends.hpp"
#include "support/scale.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/sync/event.hpp>
#include <weir/timer/sleep.hpp>

#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

runtime_options workers(unsigned count) { return backend_runtime::with(io::backend_choice::automatic, count); }

task<int> answer(int value) {
    co_await yield();
    co_return value;
}
task<> count_up(atomic<int>& n) {
    co_await yield();
    n.fetch_add(1, relaxed); // read once the runtime has joined
}

// A callable or an argument that takes its time to die, and says when it has.
class slow_to_die {
public:
    explicit slow_to_die(atomic<int>& alive) : alive_{&alive} { alive_->fetch_add(1, relaxed); }
    slow_to_die(slow_to_die const& other) : alive_{other.alive_} { alive_->fetch_add(1, relaxed); } // moves copy
    slow_to_die& operator=(slow_to_die const&) = delete;
    ~slow_to_die() {
        std::this_thread::sleep_for(5ms);
        alive_->fetch_sub(1, release);
    }
    task<int> operator()() const { return answer(42); }

private:
    atomic<int>* alive_;
};

} // namespace

TEST_CASE("block_on gives a value, a reference's target, nothing, or what was thrown") {
    test::watchdog const watched{patience};
    unsigned const count = GENERATE(1u, 2u, 4u, 8u);
    runtime rt{workers(count)};
    CHECK(rt.workers() == count);
    CHECK(rt.block_on(answer, 42) == 42);
    int target = 0;
    int& same = rt.block_on([](int& of) -> task<int&> { co_return of; }, std::ref(target));
    CHECK(&same == &target);
    rt.block_on([](int& of) -> task<> {
        of = 7;
        co_return;
    }, std::ref(target));
    CHECK(target == 7);
    auto moved = rt.block_on([](std::unique_ptr<int> one) -> task<std::unique_ptr<int>> { co_return std::move(one); },
                             std::make_unique<int>(5));
    CHECK(*moved == 5);
    CHECK_THROWS_AS(rt.block_on([]() -> task<int> {
        co_await yield();
        throw std::out_of_range("thrown inside");
    }), std::out_of_range);
    CHECK(rt.block_on(answer, 43) == 43); // an exception of block_on's own stops nobody else
}

TEST_CASE("block_on returns when its callable and arguments are gone") {
    test::watchdog const watched{patience};
    runtime rt{workers(2)};
    atomic<int> alive{0};
    CHECK(rt.block_on(slow_to_die{alive}) == 42);
    CHECK(alive.load(acquire) == 0);
    rt.block_on([](slow_to_die) -> task<> { co_return; }, slow_to_die{alive});
    CHECK(alive.load(acquire) == 0);
}

TEST_CASE("several threads may block on one runtime") {
    test::watchdog const watched{patience};
    unsigned const count = GENERATE(1u, 2u);
    runtime rt{workers(count)};
    atomic<int> right{0};
    std::vector<std::thread> callers;
    auto const rounds = static_cast<int>(scaled(2000));
    for (int t = 0; t < 4; ++t)
        callers.emplace_back([&, t] {
            for (int i = 0; i < rounds; ++i)
                if (rt.block_on(answer, t * rounds + i) == t * rounds + i) right.fetch_add(1, relaxed); // joined below
        });
    for (auto& each : callers) each.join();
    CHECK(right.load(relaxed) == 4 * rounds);
}

TEST_CASE("a hundred thousand spawned tasks run, whoever spawns them") {
    test::watchdog const watched{patience};
    unsigned const count = GENERATE(1u, 2u, 4u, 8u);
    bool const inside = GENERATE(false, true);
    auto const tasks = static_cast<int>(scaled(100'000));
    atomic<int> ran{0};
    runtime rt{workers(count)};
    auto const spawn_all = [](runtime& on, int n, atomic<int>& counter) {
        for (int i = 0; i < n; ++i) on.spawn(count_up, std::ref(counter));
    };
    if (inside)
        rt.block_on([](runtime& on, int n, atomic<int>& counter, auto spawns) -> task<> {
            spawns(on, n, counter);
            co_return;
        }, std::ref(rt), tasks, std::ref(ran), spawn_all);
    else spawn_all(rt, tasks, ran);
    rt.block_on([](atomic<int>& n, int until) -> task<> {
        while (n.load(relaxed) < until) co_await yield();
    }, std::ref(ran), tasks);
    rt.shutdown();
    CHECK(ran.load(relaxed) == tasks);
}

TEST_CASE("scopes inside scopes join from the inside out") {
    test::watchdog const watched{patience};
    unsigned const count = GENERATE(1u, 4u);
    runtime rt{workers(count)};
    class nest {
    public:
        static task<> level(scope& here, int depth, atomic<int>& n) {
            for (int i = 0; i < 3; ++i) {
                here.spawn(count_up, std::ref(n));
                if (depth > 0)
                    here.spawn([](int d, atomic<int>& counter) -> task<> {
                        auto const before = counter.load(relaxed); // a lower bound
                        co_await in_scope(&nest::level, d, std::ref(counter));
                        if (counter.load(relaxed) < before + 3) throw std::logic_error("a scope ended before its children");
                    }, depth - 1, std::ref(n));
            }
            co_return;
        }
    };
    atomic<int> n{0};
    rt.block_on([](atomic<int>& counter) -> task<> { co_await in_scope(&nest::level, 5, std::ref(counter)); }, std::ref(n));
    CHECK(n.load(relaxed) == 3 * (1 + 3 + 9 + 27 + 81 + 243));
}

TEST_CASE("an exception of a spawned task stops the others and arrives at shutdown, once") {
    test::watchdog const watched{patience};
    runtime rt{workers(2)};
    event never;
    atomic<int> cancelled{0};
    for (int i = 0; i < 10; ++i)
        rt.spawn([](event& e, atomic<int>& n) -> task<> {
            auto const waited = co_await e.wait();
            if (waited.error() == errc::cancelled) n.fetch_add(1, relaxed);
        }, std::ref(never), std::ref(cancelled));
    rt.spawn([]() -> task<> {
        co_await yield();
        throw std::runtime_error("a spawned task failed");
    });
    CHECK_THROWS_WITH(rt.shutdown(), "a spawned task failed");
    CHECK(cancelled.load(relaxed) == 10);
    rt.shutdown(); // the second has nothing to tell
}

TEST_CASE("two runtimes at once, and one inside the other's thread") {
    test::watchdog const watched{patience};
    runtime first{workers(2)};
    runtime second{workers(1)};
    CHECK(first.block_on([](runtime& other) -> task<int> {
        // A task of the first waits for the second, and spawns there.
        event done;
        other.spawn([](event& tells) -> task<> {
            static_cast<void>(co_await sleep_for(1ms));
            tells.set();
        }, std::ref(done));
        static_cast<void>(co_await done.wait());
        int const there = other.block_on(answer, 20); // blocks this worker
        runtime third{workers(2)};                    // and is destroyed on it
        int const inside = third.block_on(answer, 22);
        co_return there + inside;
    }, std::ref(second)) == 42);
}

TEST_CASE("a wait that another runtime's worker or a plain thread ends goes on at home") {
    test::watchdog const watched{patience};
    unsigned const count = GENERATE(1u, 2u);
    runtime rt{workers(count)};
    bool const home = rt.block_on([](runtime& own) -> task<bool> {
        for (int i = 0; i < 100; ++i) {
            event done;
            std::thread outside{[&done] { done.set(); }};
            static_cast<void>(co_await done.wait());
            outside.join();
            worker* const here = current<worker>();
            if (!here || &here->shared() != &own.get_executor()) co_return false;
        }
        co_return true;
    }, std::ref(rt));
    CHECK(home);
}

TEST_CASE("a runtime may end while the thread that set its last event is still inside set") {
    test::watchdog const watched{patience};
    unsigned const count = GENERATE(1u, 2u);
    for (int round = 0; round < 300; ++round) {
        event done;
        std::thread outside;
        {
            runtime rt{workers(count)};
            static_cast<void>(rt.workers());
            outside = std::thread{[&done] { done.set(); }};
            rt.block_on([](event& until) -> task<> { static_cast<void>(co_await until.wait()); }, std::ref(done));
        }
        outside.join();
    }
    SUCCEED();
}

TEST_CASE("a runtime that is never used starts nothing") {
    auto const threads = entries_of("task");
    auto const files = entries_of("fd");
    {
        runtime const idle{workers(8)};
        CHECK(entries_of("task") == threads);
        CHECK(entries_of("fd") == files);
    }
}

TEST_CASE("a thousand starts and stops leave no thread and no descriptor") {
    test::watchdog const watched{patience};
    auto const choice = GENERATE(io::backend_choice::io_uring, io::backend_choice::epoll);
    auto const rounds = static_cast<int>(scaled(1000));
    static_cast<void>(runtime{workers(1)}.block_on(answer, 1)); // what a process opens once
    auto const threads = entries_of("task");
    auto const files = entries_of("fd");
    for (int round = 0; round < rounds; ++round) {
        runtime rt{backend_runtime::with(choice, 1 + static_cast<unsigned>(round) % 3, 64)};
        if (round % 2) REQUIRE(rt.block_on(answer, round) == round);
        else
            rt.spawn([]() -> task<> { static_cast<void>(co_await sleep_for(1h)); });
    }
    CHECK(entries_of("task") == threads);
    CHECK(entries_of("fd") == files);
}

TEST_CASE("the threads bear the runtime's name and their number") {
    runtime_options options = workers(2);
    options.name = "nameable-and-long";
    runtime rt{options};
    auto const name = rt.block_on([]() -> task<std::string> {
        char text[16] = {};
        ::pthread_getname_np(::pthread_self(), text, sizeof text);
        co_return text;
    });
    CHECK(name.starts_with("nameable-and-lo"));
}
