// tests/unit/runtime/dump.cpp: who waits is named, with what for, where, and those who await it, and is gone from the
// tree when it goes on; a deadlock is named as the cycle that it is.
#include "support/backends.hpp"
#include "support/sockets.hpp"
#include "support/watchdog.hpp"

#include <weir/coro/fork_join.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/io/accept_stream.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/runtime/blocking.hpp>
#include <weir/runtime/dump.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/sync/condition.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/latch.hpp>
#include <weir/sync/mutex.hpp>
#include <weir/sync/semaphore.hpp>
#include <weir/timer/sleep.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <source_location>
#include <span>
#include <string>
#include <thread>
#include <utility>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace dumped {

constexpr auto second_line = std::source_location::current().line() + 2;
[[gnu::noinline]] task<> lock_second(mutex& second) {
    auto const held = co_await second.lock();
    static_cast<void>(held);
}
constexpr auto first_line = std::source_location::current().line() + 2;
[[gnu::noinline]] task<> lock_both(mutex& first, mutex& second, latch& both) {
    auto const held = co_await first.lock();
    both.count_down();
    static_cast<void>(co_await both.wait()); // until each has its first
    co_await lock_second(second);
}
[[gnu::noinline]] task<> eastward(mutex& a, mutex& b, latch& both) { co_await lock_both(a, b, both); }
[[gnu::noinline]] task<> westward(mutex& a, mutex& b, latch& both) { co_await lock_both(b, a, both); }
[[gnu::noinline]] task<> wait_for(event& go) { static_cast<void>(co_await go.wait()); }

[[gnu::noinline]] task<> lock_and_join(mutex& one) {
    auto const held = co_await one.lock();
    co_await in_scope([](scope& children, mutex& same) -> task<> {
        children.spawn(lock_second, std::ref(same));
        co_return;
    }, std::ref(one));
}
[[gnu::noinline]] task<> open_scope_of_three(event& go) {
    co_await in_scope([](scope& children, event& gate) -> task<> {
        for (int n = 0; n < 3; ++n) children.spawn(wait_for, std::ref(gate));
        co_return;
    }, std::ref(go));
}
[[gnu::noinline]] task<> await_all(event& go) { static_cast<void>(co_await when_all(wait_for(go), wait_for(go))); }
[[gnu::noinline]] task<> fork_two(event& go) { static_cast<void>(co_await fork_join(wait_for(go), wait_for(go))); }
[[gnu::noinline]] task<> hold(mutex& one, event& go) {
    auto const held = co_await one.lock();
    static_cast<void>(co_await go.wait());
}
[[gnu::noinline]] task<> call(std::atomic<int>& state) {
    static_cast<void>(co_await blocking([](std::atomic<int>& at) {
        at.fetch_add(1);
        while (at.load() < 100) std::this_thread::sleep_for(1ms);
    }, std::ref(state)));
}
[[gnu::noinline]] task<> receive(io::fd_ref from) {
    std::array<std::byte, 16> into;
    static_cast<void>(co_await io::recv(from, into));
}
constexpr auto next_line = std::source_location::current().line() + 2;
[[gnu::noinline]] task<> accept_next(io::accept_stream& from) {
    static_cast<void>(co_await from.next());
}
constexpr auto get_line = std::source_location::current().line() + 2;
[[gnu::noinline]] task<> get_page(coalescer<int, int>& pages) {
    static_cast<void>(co_await pages.get(1));
}
constexpr auto submit_line = std::source_location::current().line() + 2;
[[gnu::noinline]] task<> submit_row(batcher<int, int>& rows) {
    static_cast<void>(co_await rows.submit(1));
}

} // namespace dumped

namespace {

runtime_options watched_runtime(unsigned workers, bool keep = true) {
    runtime_options options;
    options.workers = workers;
    options.keep_waits = keep;
    return options;
}

// The dump once it has this many who wait.
std::string dump_of(runtime& rt, unsigned waiting) {
    for (;;) {
        auto text = dump(rt);
        if (text.rfind(std::to_string(waiting) + " wait\n", 0) == 0) return text;
        std::this_thread::sleep_for(5ms);
    }
}

std::string at_line(unsigned line) { return " at runtime/dump.cpp:" + std::to_string(line); }
std::string address_of(mutex const& one) {
    char text[32];
    std::snprintf(text, sizeof text, "%p", static_cast<void const*>(&one));
    return text;
}
// How many locks the book knows to be held.
std::size_t holds() {
    std::size_t count = 0;
    wait_book::for_each_hold([&](wait_entry const&) { ++count; });
    return count;
}
std::size_t times(std::string const& text, std::string const& words) {
    std::size_t count = 0;
    for (auto at = text.find(words); at != text.npos; at = text.find(words, at + 1)) ++count;
    return count;
}

// A line with `name` and behind it, deeper by a step, one with `next`.
bool stands_above(std::string const& text, std::string const& name, std::string const& next) {
    auto const at = text.find(name);
    if (at == text.npos) return false;
    auto const end = text.find('\n', at);
    return end != text.npos && text.substr(end + 1, text.find('\n', end + 1) - end).find(next) != text.npos;
}

} // namespace

TEST_CASE("a deadlock of two mutexes is named: both tasks, their awaiters, and what each awaits") {
    test::watchdog const watched{patience};
    runtime rt{watched_runtime(2)};
    mutex a, b;
    latch both{2};
    rt.spawn(dumped::eastward, std::ref(a), std::ref(b), std::ref(both));
    rt.spawn(dumped::westward, std::ref(a), std::ref(b), std::ref(both));
    std::this_thread::sleep_for(100ms);
    auto const text = dump_of(rt, 2);
    INFO(text);
    for (auto const* const way : {"dumped::eastward", "dumped::westward"}) {
        auto const from = text.find("\n" + std::string{way} + " at "); // elsewhere it is named as a holder
        REQUIRE(from != text.npos);
        auto const own = text.substr(from + 1);
        CHECK(stands_above(own, way, "  dumped::lock_both"));
        CHECK(stands_above(own, "dumped::lock_both", "    dumped::lock_second"));
        CHECK(stands_above(own, "dumped::lock_second", "awaits "));
        auto const awaits = own.substr(own.find("awaits "), own.find('\n', own.find("awaits ")) - own.find("awaits "));
        CHECK_THAT(awaits, ContainsSubstring("mutex"));
        CHECK_THAT(awaits, ContainsSubstring(", for 0."));
        CHECK_THAT(awaits, ContainsSubstring("on worker "));
        CHECK(awaits.find("for 0.000") == awaits.npos);
    }
    // Each holds what the other wants.
    auto const cycle = text.find("a cycle of 2:\n");
    REQUIRE(cycle != text.npos);
    auto const members = text.substr(cycle);
    CHECK(std::count(members.begin(), members.end(), '\n') == 3);
    for (auto const& [way, other] : {std::pair{"  dumped::eastward", "dumped::westward"},
                                     std::pair{"  dumped::westward", "dumped::eastward"}}) {
        auto const at = members.find(way);
        REQUIRE(at != members.npos);
        auto const line = members.substr(at, members.find('\n', at) - at);
        INFO(line);
        CHECK_THAT(line, ContainsSubstring(at_line(dumped::second_line) + " awaits mutex 0x"));
        auto const holder = ", held by " + std::string{other} + " > dumped::lock_both since ";
        CHECK_THAT(line, ContainsSubstring(holder + at_line(dumped::first_line).substr(4)));
    }
    CHECK_THAT(members, ContainsSubstring("awaits mutex " + address_of(a)));
    CHECK_THAT(members, ContainsSubstring("awaits mutex " + address_of(b)));
    rt.shutdown(); // a stop ends them
    CHECK(holds() == 0);
    CHECK(dump(rt) == "0 wait\n");
}

TEST_CASE("those who wait alike are counted on one line, and leave it as they go on") {
    test::watchdog const watched{patience};
    runtime rt{watched_runtime(1)};
    event go, other;
    for (int n = 0; n < 1000; ++n) rt.spawn(dumped::wait_for, std::ref(go));
    rt.spawn(dumped::wait_for, std::ref(other));
    auto const all = dump_of(rt, 1001);
    CHECK_THAT(all, ContainsSubstring("dumped::wait_for at runtime/dump.cpp:"));
    CHECK_THAT(all, ContainsSubstring(" x1001\n  awaits event x1001, for "));
    go.set();
    auto const left = dump_of(rt, 1);
    CHECK_THAT(left, ContainsSubstring("dumped::wait_for at runtime/dump.cpp:"));
    CHECK(left.find(" x") == left.npos);
    CHECK_THAT(left, ContainsSubstring("event"));
    other.set();
    CHECK(dump_of(rt, 0) == "0 wait\n");
}

TEST_CASE("a runtime that was not told to keeps no account, and one does not tell of another's") {
    test::watchdog const watched{patience};
    event go;
    latch there{1};
    runtime silent{watched_runtime(1, false)};
    silent.spawn([](event& gate, latch& here) -> task<> {
        here.count_down();
        static_cast<void>(co_await gate.wait());
    }, std::ref(go), std::ref(there));
    silent.block_on([](latch& here) -> task<> { static_cast<void>(co_await here.wait()); }, std::ref(there));
    CHECK(dump(silent) == "0 wait\n");
    runtime telling{watched_runtime(1)};
    telling.spawn(dumped::wait_for, std::ref(go));
    CHECK_THAT(dump_of(telling, 1), ContainsSubstring("dumped::wait_for"));
    CHECK(dump(silent) == "0 wait\n");
    go.set();
}

TEST_CASE("it may be asked for while waits begin and end") {
    test::watchdog const watched{patience};
    runtime rt{watched_runtime(2)};
    atomic<bool> over{false};
    std::thread asks{[&] {
        while (!over.load(acquire)) static_cast<void>(dump(rt));
    }};
    mutex shared;
    for (int n = 0; n < 300; ++n)
        rt.block_on([](mutex& one) -> task<> {
            co_await in_scope([](scope& children, mutex& m) -> task<> {
                for (int i = 0; i < 20; ++i)
                    children.spawn([](mutex& in) -> task<> {
                        auto const held = co_await in.lock();
                        co_await yield();
                        static_cast<void>(held);
                    }, std::ref(m));
                co_return;
            }, std::ref(one));
        }, std::ref(shared));
    over.store(true, release);
    asks.join();
    CHECK(dump(rt) == "0 wait\n");
}

TEST_CASE("the children of a scope stand below who has opened it, beside its own wait for their end") {
    test::watchdog const watched{patience};
    runtime rt{watched_runtime(2)};
    event go;
    rt.spawn(dumped::open_scope_of_three, std::ref(go));
    auto const text = dump_of(rt, 4);
    INFO(text);
    CHECK(times(text, "dumped::open_scope_of_three") == 1);
    CHECK(stands_above(text, "dumped::open_scope_of_three at runtime/dump.cpp:", "  weir::"));
    CHECK_THAT(text, ContainsSubstring("\n    awaits the end of 3 children, for "));
    CHECK_THAT(text, ContainsSubstring("\n    dumped::wait_for at "));
    CHECK_THAT(text, ContainsSubstring(" x3\n      awaits event x3, for "));
    go.set();
    CHECK(dump_of(rt, 0) == "0 wait\n");
}

TEST_CASE("those that run side by side stand below who awaits them all") {
    test::watchdog const watched{patience};
    runtime rt{watched_runtime(1)};
    event go;
    SECTION("by when_all") {
        rt.spawn(dumped::await_all, std::ref(go));
        auto const text = dump_of(rt, 3);
        INFO(text);
        CHECK(text.find("dumped::await_all") < text.find("awaits the end of 2 children"));
        CHECK(times(text, "dumped::await_all") == 1);
        CHECK_THAT(text, ContainsSubstring(" x2\n"));
    }
    SECTION("by fork_join") {
        rt.spawn(dumped::fork_two, std::ref(go));
        auto const text = dump_of(rt, 2); // who forks is no wait of its own
        INFO(text);
        CHECK(times(text, "dumped::fork_two at runtime/dump.cpp:") == 1);
        CHECK_THAT(text, ContainsSubstring("\n  dumped::wait_for at "));
        CHECK_THAT(text, ContainsSubstring(" x2\n    awaits event x2, for "));
    }
    go.set();
    CHECK(dump_of(rt, 0) == "0 wait\n");
}

TEST_CASE("who joins a child that wants the mutex it holds is a cycle of one") {
    test::watchdog const watched{patience};
    runtime rt{watched_runtime(1)};
    mutex one;
    rt.spawn(dumped::lock_and_join, std::ref(one));
    auto const text = dump_of(rt, 2);
    INFO(text);
    CHECK_THAT(text, ContainsSubstring("a cycle of 1:\n  dumped::lock_and_join at "));
    CHECK_THAT(text, ContainsSubstring(" > dumped::lock_second at "));
    rt.shutdown();
    CHECK(holds() == 0);
}

TEST_CASE("who holds a mutex is who has it now, and a queue of waiters is no cycle") {
    test::watchdog const watched{patience};
    runtime rt{watched_runtime(1)};
    mutex one;
    event first, second;
    rt.spawn(dumped::hold, std::ref(one), std::ref(first));
    static_cast<void>(dump_of(rt, 1));
    rt.spawn(dumped::hold, std::ref(one), std::ref(second));
    rt.spawn(dumped::lock_second, std::ref(one));
    auto text = dump_of(rt, 3);
    INFO(text);
    CHECK(times(text, "awaits mutex " + address_of(one) + ", held by dumped::hold since runtime/dump.cpp:") == 2);
    CHECK(text.find("cycle") == text.npos);
    CHECK(holds() == 1);
    first.set(); // it is handed over
    text = dump_of(rt, 2);
    CHECK(times(text, "held by dumped::hold since runtime/dump.cpp:") == 1);
    CHECK(holds() == 1);
    second.set();
    CHECK(dump_of(rt, 0) == "0 wait\n");
    CHECK(holds() == 0);
    CHECK(one.try_lock());
}

TEST_CASE("who tries a lock is not known, and a condition gives it back to one who is") {
    test::watchdog const watched{patience};
    runtime rt{watched_runtime(1)};
    mutex one;
    condition changed{one};
    event go;
    auto tried = one.try_lock();
    REQUIRE(tried);
    rt.spawn(dumped::lock_second, std::ref(one));
    CHECK_THAT(dump_of(rt, 1), ContainsSubstring(", held by whom is not known, for "));
    tried.unlock();
    CHECK(dump_of(rt, 0) == "0 wait\n");
    rt.spawn([](mutex& m, condition& c, event& gate) -> task<> {
        auto held = co_await m.lock();
        static_cast<void>(co_await c.wait(*held));
        static_cast<void>(co_await gate.wait());
    }, std::ref(one), std::ref(changed), std::ref(go));
    CHECK_THAT(dump_of(rt, 1), ContainsSubstring("awaits condition"));
    CHECK(holds() == 0); // it was given up for the wait
    event first;
    rt.spawn(dumped::hold, std::ref(one), std::ref(first));
    static_cast<void>(dump_of(rt, 2));
    CHECK(holds() == 1);
    changed.notify_one(); // it waits for the mutex from here on
    first.set();
    while (dump_of(rt, 1).find("awaits event") == std::string::npos) std::this_thread::sleep_for(1ms);
    CHECK(holds() == 1);
    go.set();
    CHECK(dump_of(rt, 0) == "0 wait\n");
    CHECK(holds() == 0);
}

TEST_CASE("a blocking call is named by the thread that it runs on, or by its place in the queue") {
    test::watchdog const watched{patience};
    auto options = watched_runtime(1);
    options.blocking.threads = 1;
    runtime rt{options};
    std::atomic<int> state{0};
    rt.spawn(dumped::call, std::ref(state));
    while (state.load() == 0) std::this_thread::sleep_for(1ms);
    rt.spawn(dumped::call, std::ref(state));
    static_cast<void>(dump_of(rt, 2));
    rt.spawn(dumped::call, std::ref(state));
    auto const text = dump_of(rt, 3);
    INFO(text);
    CHECK(times(text, "  awaits a blocking call that runs on thread ") == 1);
    CHECK(times(text, "  awaits a blocking call, number 1 in the queue, for ") == 1);
    CHECK(times(text, "  awaits a blocking call, number 2 in the queue, for ") == 1);
    CHECK_THAT(text, ContainsSubstring("(weir-")); // the pool's threads have names
    state.store(100);
    CHECK(dump_of(rt, 0) == "0 wait\n");
}

TEST_CASE("a sleep tells how long, a semaphore how many, and a task with a name its name") {
    test::watchdog const watched{patience};
    runtime rt{watched_runtime(1)};
    semaphore few{2};
    rt.spawn(named{"audit"}, [](semaphore& from) -> task<> { static_cast<void>(co_await from.acquire(3)); },
             std::ref(few));
    rt.spawn([]() -> task<> { static_cast<void>(co_await sleep_for(100s)); });
    auto const text = dump_of(rt, 2);
    INFO(text);
    CHECK_THAT(text, ContainsSubstring(" \"audit\"\n"));
    CHECK_THAT(text, ContainsSubstring("awaits 3 of a semaphore, of which 2 are free, for "));
    CHECK_THAT(text, ContainsSubstring("awaits the time, in 9")); // 99, or less on a slow day
    rt.shutdown();
}

TEST_CASE("a worker that is stuck in a job is named, also by who reports the stall") {
    test::watchdog const watched{patience};
    std::atomic<bool> told{false};
    std::string report;
    runtime* all = nullptr;
    auto options = watched_runtime(2);
    options.stall_limit = 20ms;
    options.on_stall = [&](stall_report const&) {
        if (told.load()) return;
        report = dump(*all);
        told.store(true);
    };
    event go;
    runtime rt{options};
    all = &rt;
    rt.spawn(dumped::wait_for, std::ref(go));
    static_cast<void>(dump_of(rt, 1));
    rt.spawn([](std::atomic<bool>& over) -> task<> {
        while (!over.load()) std::this_thread::sleep_for(1ms); // no suspension
        co_return;
    }, std::ref(told));
    while (!told.load()) std::this_thread::sleep_for(1ms);
    INFO(report);
    CHECK(stands_above(report, "1 wait", " has run one job for 0."));
    CHECK_THAT(report, ContainsSubstring("dumped::wait_for at "));
    go.set();
    rt.shutdown();
    CHECK(dump(rt) == "0 wait\n");
}

TEST_CASE("who waits for the kernel is named with the operation and its file, on either backend") {
    test::watchdog const watched{patience};
    auto const choice = GENERATE(io::backend_choice::automatic, io::backend_choice::epoll);
    auto options = watched_runtime(1);
    options.backend = choice;
    runtime rt{options};
    auto const ends = make_pair_of();
    rt.spawn(dumped::receive, ends.near.ref());
    auto const text = dump_of(rt, 1);
    INFO(text);
    CHECK_THAT(text, ContainsSubstring("dumped::receive at runtime/dump.cpp:"));
    CHECK_THAT(text, ContainsSubstring("\n  awaits recv on fd " + std::to_string(ends.near.ref().number()) + ", for "));
    rt.shutdown(); // a stop ends it
    CHECK(dump(rt) == "0 wait\n");
}

TEST_CASE("who waits for a stream's next is named with the file, and with its line") {
    test::watchdog const watched{patience};
    auto const choice = GENERATE(io::backend_choice::automatic, io::backend_choice::epoll);
    auto options = watched_runtime(1);
    options.backend = choice;
    runtime rt{options};
    auto const listener = listen_here();
    {
        io::accept_stream incoming{listener.file.ref()};
        rt.spawn(dumped::accept_next, std::ref(incoming));
        auto const text = dump_of(rt, 1);
        INFO(text);
        CHECK_THAT(text, ContainsSubstring("dumped::accept_next" + at_line(dumped::next_line)));
        CHECK_THAT(text, ContainsSubstring("\n  awaits next on fd " + std::to_string(listener.file.ref().number())));
        incoming.close();
        rt.shutdown(shutdown_mode::drain);
    }
    CHECK(dump(rt) == "0 wait\n");
}

TEST_CASE("who waits for a flight, and who waits for a batch, is named with its line") {
    test::watchdog const watched{patience};
    runtime rt{watched_runtime(1)};
    event go;
    coalescer<int, int> pages{[&go](int const& key) -> task<int> {
        static_cast<void>(co_await go.wait());
        co_return key;
    }};
    batcher<int, int> rows{[&go](std::span<int> items, replies<int>& out) -> task<> {
        static_cast<void>(co_await go.wait());
        for (std::size_t n = 0; n < items.size(); ++n) out.set(n, items[n]);
    }};
    rt.spawn(dumped::get_page, std::ref(pages));
    rt.spawn(dumped::submit_row, std::ref(rows));
    auto const text = dump_of(rt, 4); // and what they wait for
    INFO(text);
    CHECK_THAT(text, ContainsSubstring("dumped::get_page" + at_line(dumped::get_line)));
    CHECK_THAT(text, ContainsSubstring("dumped::submit_row" + at_line(dumped::submit_line)));
    go.set();
    rt.shutdown(shutdown_mode::drain);
}
