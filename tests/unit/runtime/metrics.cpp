// tests/unit/runtime/metrics.cpp: a runtime's figures count what happened, and a registry writes them.
#include "support/backends.hpp"
#include "support/watchdog.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/runtime/blocking.hpp>
#include <weir/runtime/metrics.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/latch.hpp>
#include <weir/timer/sleep.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

runtime_options workers(unsigned count) {
    runtime_options options;
    options.workers = count;
    return options;
}

// Looks until it is so; the test's watchdog ends what never is.
template <class Condition>
void until(Condition holds) {
    while (!holds()) std::this_thread::sleep_for(1ms);
}

task<> wait_for(event& go, latch& there) {
    there.count_down();
    static_cast<void>(co_await go.wait());
}

task<> count_up(atomic<unsigned>& n) {
    n.fetch_add(1, relaxed); // read once all are joined
    co_return;
}

std::string written(registry const& from) {
    std::string text;
    from.write(text);
    return text;
}

} // namespace

TEST_CASE("tasks are live from their first step until their last, whoever spawned them") {
    test::watchdog const watched{patience};
    for (unsigned const count : {1u, 2u}) {
        runtime rt{workers(count)};
        event go;
        latch there{7};
        for (int n = 0; n < 3; ++n) rt.spawn(wait_for, std::ref(go), std::ref(there)); // from outside
        rt.spawn([](event& gate, latch& here) -> task<> { // and from inside: four more, in a scope of this one
            co_await in_scope([](scope& children, event& g, latch& h) -> task<> {
                for (int n = 0; n < 4; ++n) children.spawn(wait_for, std::ref(g), std::ref(h));
                co_return;
            }, std::ref(gate), std::ref(here));
        }, std::ref(go), std::ref(there));
        rt.block_on([](latch& here) -> task<> { static_cast<void>(co_await here.wait()); }, std::ref(there));
        until([&] { return rt.figures().tasks_live == 8; }); // block_on's own may still be ending
        CHECK(rt.figures().tasks_begun == 9);
        go.set();
        until([&] { return rt.figures().tasks_live == 0; });
        CHECK(rt.figures().tasks_begun == 9);
        rt.shutdown();
        auto const after = rt.figures();
        CHECK(after.tasks_live == 0);
        CHECK(after.blocking.threads == 0);
    }
}

TEST_CASE("what when_all runs side by side begins and ends as tasks do") {
    test::watchdog const watched{patience};
    runtime rt{workers(1)};
    atomic<unsigned> ran{0};
    rt.block_on([](atomic<unsigned>& n) -> task<> {
        co_await when_all(count_up(n), count_up(n), count_up(n));
    }, std::ref(ran));
    until([&] { return rt.figures().tasks_live == 0; });
    CHECK(rt.figures().tasks_begun == 4);
    CHECK(ran.load(relaxed) == 3);
}

TEST_CASE("each yield is a turn, and one turn in a thousand is timed") {
    test::watchdog const watched{patience};
    runtime rt{workers(1)};
    auto const before = rt.figures().all.turns;
    constexpr unsigned yields = 20'000;
    rt.block_on([](unsigned left) -> task<> {
        for (; left > 0; --left) co_await yield();
    }, yields);
    auto const turns = rt.figures().all.turns - before;
    CHECK(turns > yields);
    CHECK(turns < yields + 100);
    auto const times = rt.turn_times().snapshot();
    CHECK(times.count() >= 15);
    CHECK(times.count() <= 25);
    CHECK(times.min() > 0);
}

TEST_CASE("the time of a turn is that of the job, and not that of the sleep after it") {
    test::watchdog const watched{patience};
    runtime_options options;
    options.current_thread = true;
    runtime rt{options};
    rt.block_on([]() -> task<> {
        for (int n = 0; n < 3000; ++n) {
            co_await yield();
            if (n % 300 == 0) static_cast<void>(co_await sleep_for(30ms));
        }
    });
    for (int n = 0; n < 1500; ++n) rt.block_on([]() -> task<> { co_return; }); // the loop is left and entered again
    auto const times = rt.turn_times().snapshot();
    CHECK(times.count() >= 3);
    CHECK(times.quantile(0.5) < 20'000'000);

    // Nor where the worker rests after each turn, be the turn that is timed one that has found nothing to do.
    runtime idle{workers(1)};
    idle.block_on([]() -> task<> {
        for (int half = 0; half < 2; ++half) {
            for (int n = 0; n < 520; ++n) static_cast<void>(co_await sleep_for(1ms));
            co_await yield(); // the other of every two looks for a job finds none
        }
    });
    CHECK(idle.turn_times().snapshot().max() < 1'000'000);

    // A job that takes its time is seen to: every turn of these lasts a hundred microseconds.
    runtime slow{workers(1)};
    slow.block_on([]() -> task<> {
        for (int n = 0; n < 2500; ++n) {
            auto const end = clock::now() + 100us;
            while (clock::now() < end) {}
            co_await yield();
        }
    });
    CHECK(slow.turn_times().snapshot().count() >= 2);
    CHECK(slow.turn_times().snapshot().min() >= 99'000);
    CHECK(slow.turn_times().snapshot().quantile(0.5) < 3'000'000); // one turn, and not all until the next look around
}

TEST_CASE("a worker that waits for a timer parks, and is woken by it") {
    test::watchdog const watched{patience};
    runtime rt{workers(1)};
    rt.block_on([]() -> task<> { static_cast<void>(co_await sleep_for(1ms)); });
    auto const before = rt.figures();
    rt.block_on([](runtime& self, worker_figures then) -> task<> {
        static_cast<void>(co_await sleep_for(5ms));
        auto const now = self.figures().all;
        if (now.parks == then.parks || now.wake_ups == then.wake_ups) throw std::logic_error("it has not slept");
    }, std::ref(rt), before.all);
    latch there{1};
    event go;
    rt.spawn([](latch& here) -> task<> {
        here.count_down();
        static_cast<void>(co_await sleep_for(1h));
    }, std::ref(there));
    rt.block_on([](latch& here) -> task<> { static_cast<void>(co_await here.wait()); }, std::ref(there));
    until([&] { return rt.figures().all.timers == 1; });
    rt.shutdown();
    CHECK(rt.figures().all.timers == 0);
}

TEST_CASE("what a busy worker leaves waiting is seen as queued, and what another takes as stolen") {
    test::watchdog const watched{patience};
    runtime rt{workers(2)};
    atomic<unsigned> ran{0};
    // Both workers are held; what is spawned meanwhile can only queue.
    rt.block_on([](runtime& self, atomic<unsigned>& count) -> task<> {
        atomic<bool> held{false};
        atomic<bool> let_go{false};
        co_await in_scope([](scope& children, runtime& on, atomic<unsigned>& n, atomic<bool>& other,
                             atomic<bool>& end) -> task<> {
            children.spawn([](atomic<bool>& is, atomic<bool>& until_set) -> task<> {
                is.store(true, release);
                while (!until_set.load(acquire)) std::this_thread::yield();
                co_return;
            }, std::ref(other), std::ref(end));
            children.spawn(count_up, std::ref(n));
            while (!other.load(acquire)) std::this_thread::yield(); // the first is stolen, as we do not let go
            for (int i = 0; i < 100; ++i) children.spawn(count_up, std::ref(n));
            auto const seen = on.figures();
            if (seen.all.queued < 98 || seen.all.queued > 101) throw std::logic_error("not all that waits is seen");
            if (seen.all.stolen == 0) throw std::logic_error("what was stolen is not counted");
            end.store(true, release);
            co_return;
        }, std::ref(self), std::ref(count), std::ref(held), std::ref(let_go));
    }, std::ref(rt), std::ref(ran));
    CHECK(ran.load(relaxed) == 101);
    until([&] { return rt.figures().all.queued == 0; });
    CHECK(rt.figures().workers.size() == 2);
}

TEST_CASE("a registry writes a runtime's figures and its resources', and forgets them with the registration") {
    test::watchdog const watched{patience};
    registry numbers;
    runtime rt{workers(1)};
    worker_local<int> resources{[] { return 7; }, [](int&) { return true; }};
    {
        auto kept = enter_metrics(numbers, rt).value();
        kept += enter_metrics(numbers, resources, "seven").value();
        CHECK(enter_metrics(numbers, rt).error() == metrics_errc::exists);
        CHECK(enter_metrics(numbers, rt, {{"runtime", "same"}}).has_value()); // told apart
        rt.block_on([](worker_local<int>& from) -> task<> {
            for (int n = 0; n < 3; ++n) static_cast<void>(co_await from.with([](int& its) { return its; }));
        }, std::ref(resources));
        until([&] { return rt.figures().tasks_live == 0; });
        auto const text = written(numbers);
        CHECK_THAT(text, ContainsSubstring("weir_tasks_live 0\n"));
        CHECK_THAT(text, ContainsSubstring("weir_tasks_begun_total 1\n"));
        CHECK_THAT(text, ContainsSubstring("weir_workers 1\n"));
        auto const counts = resources.counts(); // a thread, and so a resource, or two
        CHECK(counts.made + counts.reused == 3);
        auto const made = std::to_string(counts.made) + "\n";
        auto const threads = std::to_string(rt.figures().blocking.threads) + "\n";
        CHECK_THAT(text, ContainsSubstring("weir_blocking_threads " + threads));
        CHECK_THAT(text, ContainsSubstring("weir_resources_made_total{resource=\"seven\"} " + made));
        auto const reused = std::to_string(counts.reused) + "\n";
        CHECK_THAT(text, ContainsSubstring("weir_resources_reused_total{resource=\"seven\"} " + reused));
        CHECK_THAT(text, ContainsSubstring("weir_resources{resource=\"seven\"} " + made));
        for (auto const each : {io::backend::io_uring, io::backend::epoll})
            CHECK_THAT(text, ContainsSubstring("weir_backend{backend=\"" + std::string{io::name_of(each)} +
                                               (rt.backend() == each ? "\"} 1\n" : "\"} 0\n")));
        CHECK_THAT(text, ContainsSubstring("weir_turn_seconds_count"));
    }
    CHECK(written(numbers).empty());
}

TEST_CASE("figures may be read while everything goes on and ends") {
    test::watchdog const watched{patience};
    runtime rt{workers(2)};
    atomic<bool> over{false};
    std::uint64_t looks = 0;
    bool went_back = false;
    std::thread looker{[&] {
        std::uint64_t last = 0;
        while (!over.load(acquire)) {
            auto const now = rt.figures();
            went_back = went_back || now.all.turns < last;
            last = now.all.turns;
            ++looks;
        }
    }};
    for (int round = 0; round < 200; ++round)
        rt.block_on([]() -> task<> {
            co_await in_scope([](scope& children) -> task<> {
                for (int n = 0; n < 50; ++n) children.spawn([]() -> task<> { co_await yield(); });
                co_return;
            });
            static_cast<void>(co_await blocking([] {}));
        });
    rt.shutdown();
    over.store(true, release);
    looker.join();
    CHECK(looks > 0);
    CHECK_FALSE(went_back);
    auto const end = rt.figures();
    CHECK(end.tasks_begun == 200 * 51);
    CHECK(end.tasks_live == 0);
}
