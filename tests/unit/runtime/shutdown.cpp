// tests/unit/runtime/shutdown.cpp: a shutdown cancels every wait, joins everything, and admits nothing more.
#include "support/backends.hpp"
#include "support/forked.hpp"
#include "support/sockets.hpp"

#include <weir/coro/yield.hpp>
#include <weir/io/op/accept.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/semaphore.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// Counts the waits that ended as they should, and those that did not.
struct endings {
    atomic<int> begun{0};
    atomic<int> cancelled{0};
    atomic<int> others{0};
    void note(std::error_code how) { (how == errc::cancelled ? cancelled : others).fetch_add(1, relaxed); } // joined
};

task<> wait_for_event(endings& seen, event& never) {
    seen.begun.fetch_add(1, relaxed);
    auto const ended = co_await never.wait();
    seen.note(ended.error());
}
task<> wait_asleep(endings& seen) {
    seen.begun.fetch_add(1, relaxed);
    auto const ended = co_await sleep_for(24h);
    seen.note(ended.error());
}
task<> wait_for_bytes(endings& seen, io::fd_ref from) {
    seen.begun.fetch_add(1, relaxed);
    std::array<std::byte, 16> into{};
    auto const ended = co_await io::recv(from, into);
    seen.note(ended.error());
}
task<> wait_for_bytes_a_while(endings& seen, io::fd_ref from) {
    seen.begun.fetch_add(1, relaxed);
    std::array<std::byte, 16> into{};
    auto const ended = co_await timeout(io::recv(from, into), 24h);
    seen.note(ended.error());
}
task<> wait_for_a_connection(endings& seen, io::fd_ref from) {
    seen.begun.fetch_add(1, relaxed);
    auto const ended = co_await io::accept(from);
    seen.note(ended.error());
}

} // namespace

TEST_CASE("a shutdown ends every kind of wait with cancelled, at once and soon after its begin") {
    unsigned const workers = GENERATE(1u, 2u, 4u);
    backend_runtime rt{workers};
    bool const settled = GENERATE(false, true);
    endings seen;
    event never;
    auto ends = make_pair_of();
    auto does_not_block = make_pair_of();
    set_flag(does_not_block.near, O_NONBLOCK, true);
    auto listener = listen_here();
    constexpr int each = 20;
    for (int i = 0; i < each; ++i) {
        rt->spawn(wait_for_event, std::ref(seen), std::ref(never));
        rt->spawn(wait_asleep, std::ref(seen));
        rt->spawn(wait_for_bytes, std::ref(seen), ends.near.ref());
        rt->spawn(wait_for_bytes, std::ref(seen), does_not_block.near.ref());
        rt->spawn(wait_for_bytes_a_while, std::ref(seen), ends.far.ref());
        rt->spawn(wait_for_a_connection, std::ref(seen), listener.file.ref());
    }
    if (settled) {
        while (seen.begun.load(relaxed) < 6 * each) std::this_thread::yield();
        std::this_thread::sleep_for(5ms);
    }
    rt->shutdown();
    CHECK(seen.begun.load(relaxed) == 6 * each);
    CHECK(seen.cancelled.load(relaxed) == 6 * each);
    CHECK(seen.others.load(relaxed) == 0);
}

TEST_CASE("after a shutdown nothing is admitted, and a second one does nothing") {
    backend_runtime rt{2};
    rt->shutdown();
    atomic<bool> ran{false};
    auto const run = [](atomic<bool>& did) -> task<> {
        did.store(true, relaxed);
        co_return;
    };
    CHECK(!rt->spawn(run, std::ref(ran)));
    rt->shutdown();
    bool refused = false;
    try {
        rt->block_on(run, std::ref(ran));
    } catch (std::system_error const& error) {
        refused = error.code() == errc::shut_down;
    }
    CHECK(refused);
    CHECK(!ran.load(relaxed));
}

TEST_CASE("a shutdown before the first task starts no thread") {
    auto const threads = entries_of("task");
    runtime rt;
    rt.shutdown();
    CHECK(entries_of("task") == threads);
    CHECK(!rt.spawn([]() -> task<> { co_return; }));
    CHECK(entries_of("task") == threads);
}

TEST_CASE("tasks that are spawned while a shutdown begins are refused or run to their end (T10)") {
    test::watchdog const watched{patience};
    for (int round = 0; round < 40; ++round) {
        runtime rt{backend_runtime::with(io::backend_choice::automatic, 2)};
        atomic<int> admitted{0};
        atomic<int> ended{0};
        auto const run = [](atomic<int>& n) -> task<> {
            co_await yield();
            n.fetch_add(1, relaxed);
        };
        std::vector<std::thread> spawners;
        for (int t = 0; t < 3; ++t)
            spawners.emplace_back([&] {
                while (rt.spawn(run, std::ref(ended))) admitted.fetch_add(1, relaxed);
            });
        // And from inside.
        rt.spawn([](runtime& on, atomic<int>& in, atomic<int>& out, auto what) -> task<> {
            while (on.spawn(what, std::ref(out))) {
                in.fetch_add(1, relaxed);
                co_await yield();
            }
        }, std::ref(rt), std::ref(admitted), std::ref(ended), run);
        std::this_thread::sleep_for(std::chrono::microseconds{round * 50});
        rt.shutdown();
        for (auto& each : spawners) each.join();
        CHECK(admitted.load(relaxed) == ended.load(relaxed));
    }
}

TEST_CASE("a task that goes on after the stop is waited for") {
    backend_runtime rt{2};
    atomic<bool> finished{false};
    auto ends = make_pair_of();
    atomic<bool> begun{false};
    rt->spawn([](io::fd_ref from, io::fd_ref to, atomic<bool>& in, atomic<bool>& done) -> task<> {
        std::array<std::byte, 16> into{};
        in.store(true, release);
        static_cast<void>(co_await io::recv(from, into));
        for (int i = 0; i < 1000; ++i) co_await yield(); // drains what it began
        auto const sent = ::send(to.number(), "bye", 3, 0);
        done.store(sent == 3, release);
    }, ends.near.ref(), ends.near.ref(), std::ref(begun), std::ref(finished));
    while (!begun.load(acquire)) std::this_thread::yield();
    rt->shutdown();
    CHECK(finished.load(acquire));
    char text[4] = {};
    CHECK(::recv(ends.far.number(), text, 4, MSG_DONTWAIT) == 3);
}

TEST_CASE("a shutdown that drains lets everything end by itself") {
    unsigned const workers = GENERATE(1u, 2u);
    backend_runtime rt{workers};
    endings seen;
    atomic<int> done{0};
    for (int i = 0; i < 10; ++i)
        rt->spawn([](endings& noted, atomic<int>& n, int delay) -> task<> {
            auto const ended = co_await sleep_for(std::chrono::milliseconds{delay});
            if (!ended) noted.note(ended.error());
            n.fetch_add(1, relaxed); // joined
        }, std::ref(seen), std::ref(done), 5 * i);
    auto const left = rt->shutdown(shutdown_mode::drain);
    CHECK(left.complete());
    CHECK(left.names.empty());
    CHECK(done.load(relaxed) == 10);
    CHECK(seen.cancelled.load(relaxed) + seen.others.load(relaxed) == 0);
}

TEST_CASE("a shutdown that has waited for long enough names what has not ended, and another one ends it") {
    unsigned const workers = GENERATE(1u, 2u);
    backend_runtime rt{workers};
    event go;
    endings seen;
    rt->spawn(named{"quick"}, []() -> task<> { co_return; });
    rt->spawn(named{"audit"}, wait_for_event, std::ref(seen), std::ref(go));
    rt->spawn(named{"replica"}, wait_for_event, std::ref(seen), std::ref(go));
    rt->spawn(wait_for_event, std::ref(seen), std::ref(go));
    while (seen.begun.load(acquire) < 3) std::this_thread::yield();
    auto const begun = clock::now();
    auto left = rt->shutdown(shutdown_mode::drain, begun + 20ms);
    CHECK(clock::now() >= begun + 20ms);
    CHECK(!left.complete());
    CHECK(left.unfinished == 3);
    CHECK(left.names.size() == 2);
    CHECK(std::count(left.names.begin(), left.names.end(), "audit") == 1);
    CHECK(std::count(left.names.begin(), left.names.end(), "replica") == 1);
    CHECK(!rt->spawn([]() -> task<> { co_return; })); // admits nothing more
    CHECK(rt->shutdown(shutdown_mode::drain, clock::now()).unfinished == 3);
    left = rt->shutdown();
    CHECK(left.complete());
    CHECK(left.names.empty());
    CHECK(seen.cancelled.load(relaxed) == 3);
    CHECK(rt->shutdown().complete()); // once more does no harm
}

TEST_CASE("a task that hears no stop is waited for, and ends the shutdown when it ends") {
    backend_runtime rt{2};
    atomic<bool> over{false};
    rt->spawn(named{"deaf"}, [](atomic<bool>& until) -> task<> {
        while (!until.load(acquire)) co_await yield();
    }, std::ref(over));
    auto const left = rt->shutdown(shutdown_mode::cancel, clock::now() + 20ms);
    CHECK(left.names == std::vector<std::string>{"deaf"});
    std::thread outside{[&] {
        std::this_thread::sleep_for(10ms);
        over.store(true, release);
    }};
    CHECK(rt->shutdown().complete());
    CHECK(over.load(relaxed));
    outside.join();
}

TEST_CASE("a runtime whose tasks outlast its shutdown_deadline ends the program with their names") {
    auto const ended = run_in_child([]() -> std::string {
        auto options = backend_runtime::with(io::backend_choice::epoll, 1);
        options.shutdown_deadline = 20ms;
        runtime rt{options};
        rt.spawn(named{"deaf"}, []() -> task<> {
            for (;;) co_await yield();
        });
        return "went on";
    });
    CHECK(!ended.well);
    CHECK(ended.words.find("deaf has not ended") != std::string::npos);
}
