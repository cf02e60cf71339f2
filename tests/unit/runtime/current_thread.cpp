// tests/unit/runtime/current_thread.cpp: a runtime that runs on the thread of its user, and takes little memory there.
#include "support/backends.hpp"
#include "support/scale.hpp"
#include "support/sockets.hpp"

#include <weir/coro/yield.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send.hpp>
#include <weir/sync/event.hpp>
#include <weir/timer/sleep.hpp>

#include <array>
#include <cstdio>
#include <malloc.h>
#include <stdexcept>
#include <thread>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

runtime_options here(io::backend_choice choice = io::backend_choice::automatic) {
    auto options = backend_runtime::with(choice, 1, 64);
    options.current_thread = true;
    return options;
}

// What malloc has given out, through ::operator new or otherwise; 0 where a sanitizer has a malloc of its own.
std::ptrdiff_t heap_in_use() {
    auto const all = ::mallinfo2();
    return static_cast<std::ptrdiff_t>(all.uordblks + all.hblkhd);
}

} // namespace

TEST_CASE("everything runs on the calling thread, and no other is made") {
    test::watchdog const watched{patience};
    auto const threads = entries_of("task");
    runtime rt{here()};
    auto const self = std::this_thread::get_id();
    CHECK(rt.block_on([](std::thread::id expected) -> task<bool> {
        bool same = std::this_thread::get_id() == expected;
        static_cast<void>(co_await sleep_for(2ms));
        same = same && std::this_thread::get_id() == expected;
        co_await in_scope([](scope& children, bool& all) -> task<> {
            for (int i = 0; i < 10; ++i)
                children.spawn([](std::thread::id first, bool& still) -> task<> {
                    co_await yield();
                    still = still && std::this_thread::get_id() == first;
                }, std::this_thread::get_id(), std::ref(all));
            co_return;
        }, std::ref(same));
        co_return same;
    }, self));
    CHECK(entries_of("task") <= threads + 1); // the watchdog's own may still be starting
    CHECK_THROWS_AS(rt.block_on([]() -> task<int> {
        co_await yield();
        throw std::out_of_range("thrown inside");
    }), std::out_of_range);
    CHECK(rt.block_on([]() -> task<int> { co_return 7; }) == 7);
}

TEST_CASE("spawned tasks go on whenever the thread serves, and a shutdown serves until they have ended") {
    test::watchdog const watched{patience};
    runtime rt{here()};
    int steps = 0;
    CHECK(rt.spawn([](int& n) -> task<> {
        for (;;) {
            ++n;
            auto const slept = co_await sleep_for(1h);
            if (!slept) break;
        }
        ++n;
    }, std::ref(steps)));
    CHECK(steps == 0); // nobody serves
    rt.block_on([]() -> task<> { co_await yield(); });
    CHECK(steps == 1);
    rt.shutdown();
    CHECK(steps == 2);
    CHECK(!rt.spawn([]() -> task<> { co_return; }));
    CHECK_THROWS_AS(rt.block_on([]() -> task<int> { co_return 1; }), std::system_error);
}

TEST_CASE("a task that was spawned and never served ends at the shutdown") {
    test::watchdog const watched{patience};
    int ran = 0;
    {
        runtime rt{here()};
        rt.spawn([](int& n) -> task<> {
            ++n;
            co_return;
        }, std::ref(ran));
    }
    CHECK(ran == 1);
}

TEST_CASE("another thread may spawn, and end a wait, while the thread serves") {
    test::watchdog const watched{patience};
    auto const choice = GENERATE(io::backend_choice::io_uring, io::backend_choice::epoll);
    runtime rt{here(choice)};
    auto const rounds = static_cast<int>(scaled(2000));
    atomic<int> ran{0};
    for (int i = 0; i < rounds; ++i) {
        event done;
        std::thread outside{[&] {
            rt.spawn([](atomic<int>& n) -> task<> {
                n.fetch_add(1, relaxed); // this thread's own
                co_return;
            }, std::ref(ran));
            done.set();
        }};
        rt.block_on([](event& until) -> task<> { static_cast<void>(co_await until.wait()); }, std::ref(done));
        outside.join();
    }
    rt.shutdown(shutdown_mode::drain);
    CHECK(ran.load(relaxed) == rounds);
}

TEST_CASE("a shutdown of the current thread gives up at its time, and names who has not ended") {
    test::watchdog const watched{patience};
    runtime rt{here()};
    event go;
    rt.spawn(named{"stubborn"}, [](event& e) -> task<> { static_cast<void>(co_await e.wait()); }, std::ref(go));
    auto const begun = clock::now();
    auto const left = rt.shutdown(shutdown_mode::drain, begun + 20ms);
    CHECK(clock::now() - begun >= 20ms);
    CHECK(left.unfinished == 1);
    CHECK(left.names == std::vector<std::string>{"stubborn"});
    CHECK(rt.shutdown().complete());
}

TEST_CASE("ten thousand starts and stops leave no memory, no thread and no descriptor") {
    test::watchdog const watched{patience};
    auto const rounds = static_cast<int>(scaled(10'000));
    auto const once = [](int round) {
        runtime rt{here(io::backend_choice::epoll)};
        if (rt.block_on([](int n) -> task<int> {
                co_await yield();
                co_return n;
            }, round) != round) throw std::logic_error("a value was lost");
    };
    once(0); // what a process makes once
    auto const threads = entries_of("task");
    auto const files = entries_of("fd");
    auto const begun = clock::now();
    auto const heap = heap_in_use();
    for (int round = 0; round < rounds; ++round) once(round);
    auto const left = heap_in_use() - heap;
    auto const spent = std::chrono::duration<double, std::micro>(clock::now() - begun).count();
    std::printf("a start, a task and a stop on the current thread: %.1f us\n", spent / rounds);
    CHECK(left < rounds); // less than a byte each
    CHECK(entries_of("task") == threads);
    CHECK(entries_of("fd") == files);
}

#if !WEIR_TSAN && !WEIR_ASAN

TEST_CASE("a runtime of one thread with timers takes under 64 KiB of heap, and with its reactor under 256 KiB") {
    auto const choice = GENERATE(io::backend_choice::io_uring, io::backend_choice::epoll);
    std::ptrdiff_t with_timers = 0;
    std::ptrdiff_t with_reactor = 0;
    auto ends = make_pair_of();
    auto const before = heap_in_use();
    {
        runtime rt{here(choice)};
        rt.block_on([](socket_pair& pair, auto measure, std::ptrdiff_t& timers, std::ptrdiff_t& reactor) -> task<> {
            for (int i = 0; i < 10; ++i) static_cast<void>(co_await sleep_for(1ms));
            timers = measure();
            std::array<std::byte, 8> into{};
            for (int i = 0; i < 100; ++i) {
                static_cast<void>(co_await io::send(pair.far.ref(), bytes_of("x")));
                static_cast<void>(co_await io::recv(pair.near.ref(), into));
            }
            reactor = measure();
        }, std::ref(ends), heap_in_use, std::ref(with_timers), std::ref(with_reactor));
    }
    std::printf("heap of a runtime on the current thread: %td B with timers, %td B with the reactor in use\n",
                with_timers - before, with_reactor - before);
    CHECK(with_timers - before > 0);
    CHECK(with_timers - before < 64 * 1024);
    CHECK(with_reactor - before < 256 * 1024);
}

#endif
