// tests/unit/runtime/dump.cpp: who waits is named, with those who await it, and is gone from the list when it goes on.
#include "support/backends.hpp"
#include "support/watchdog.hpp"

#include <weir/coro/yield.hpp>
#include <weir/runtime/dump.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/latch.hpp>
#include <weir/sync/mutex.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <chrono>
#include <string>
#include <thread>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace dumped {

[[gnu::noinline]] task<> lock_second(mutex& second) { auto const held = co_await second.lock(); static_cast<void>(held); }
[[gnu::noinline]] task<> lock_both(mutex& first, mutex& second, latch& both) {
    auto const held = co_await first.lock();
    both.count_down();
    static_cast<void>(co_await both.wait()); // until each has its first
    co_await lock_second(second);
}
[[gnu::noinline]] task<> eastward(mutex& a, mutex& b, latch& both) { co_await lock_both(a, b, both); }
[[gnu::noinline]] task<> westward(mutex& a, mutex& b, latch& both) { co_await lock_both(b, a, both); }
[[gnu::noinline]] task<> wait_for(event& go) { static_cast<void>(co_await go.wait()); }

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
        REQUIRE(text.find(way) != text.npos);
        auto const own = text.substr(text.find(way));
        CHECK(stands_above(own, way, "  dumped::lock_both"));
        CHECK(stands_above(own, "dumped::lock_both", "    dumped::lock_second"));
        CHECK(stands_above(own, "dumped::lock_second", "awaits "));
        auto const awaits = own.substr(own.find("awaits "), own.find('\n', own.find("awaits ")) - own.find("awaits "));
        CHECK_THAT(awaits, ContainsSubstring("mutex"));
        CHECK_THAT(awaits, ContainsSubstring(", for 0."));
        CHECK_THAT(awaits, ContainsSubstring("on worker "));
        CHECK(awaits.find("for 0.000") == awaits.npos);
    }
    rt.shutdown(); // a stop ends them
    CHECK(dump(rt) == "0 wait\n");
}

TEST_CASE("those who wait alike are counted on one line, and leave it as they go on") {
    test::watchdog const watched{patience};
    runtime rt{watched_runtime(1)};
    event go, other;
    for (int n = 0; n < 1000; ++n) rt.spawn(dumped::wait_for, std::ref(go));
    rt.spawn(dumped::wait_for, std::ref(other));
    CHECK_THAT(dump_of(rt, 1001), ContainsSubstring("dumped::wait_for x1001\n"));
    go.set();
    auto const left = dump_of(rt, 1);
    CHECK_THAT(left, ContainsSubstring("dumped::wait_for\n"));
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
