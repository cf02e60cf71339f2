// tests/unit/coro/wait_book.cpp: the book knows who waits and who holds, from the beginning to the end of each.
#include "support/watchdog.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/stop.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/wait_book.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/mutex.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace weir;

namespace {

std::size_t waits() {
    std::size_t count = 0;
    wait_book::for_each([&](wait_entry const&) { ++count; });
    return count;
}
std::size_t holds() {
    std::size_t count = 0;
    wait_book::for_each_hold([&](wait_entry const&) { ++count; });
    return count;
}

constexpr auto line_of_wait = std::source_location::current().line() + 2;
task<> wait_for(event& go) {
    auto const ended = co_await go.wait();
    static_cast<void>(ended);
}

// Awaits `body` beside a coroutine that waits for `go`.
template <class Body>
void beside_a_wait(event& go, Body body) {
    sync_wait(in_scope([](scope& children, event& gate, Body look) -> task<> {
        children.spawn(wait_for, std::ref(gate));
        co_await yield();
        look(children);
    }, std::ref(go), std::move(body)));
}

} // namespace

TEST_CASE("a wait is in the book while it lasts: where, since when, and what for") {
    test::watchdog const watched{20};
    wait_book::reader const open;
    event go;
    auto const before = std::chrono::steady_clock::now();
    beside_a_wait(go, [&](scope&) {
        CHECK(waits() == 1);
        wait_book::for_each([&](wait_entry const& one) {
            CHECK(one.where.line() == line_of_wait);
            CHECK(std::string_view{one.where.file_name()}.ends_with("wait_book.cpp"));
            CHECK(one.since >= before);
            CHECK(one.since <= std::chrono::steady_clock::now());
            CHECK(!one.who.done());
            CHECK(one.worker == nullptr); // no runtime's
            REQUIRE(one.describe);
            wait_text text;
            one.describe(one.key, text);
            CHECK(text.words() == "event");
        });
        go.set();
    });
    CHECK(waits() == 0);
}

TEST_CASE("a wait that a stop ends is struck out, and one that never began as well") {
    test::watchdog const watched{20};
    wait_book::reader const open;
    event go;
    beside_a_wait(go, [&](scope& children) {
        CHECK(waits() == 1);
        children.request_stop();
    });
    CHECK(waits() == 0);
    stop_source stopped;
    stopped.request_stop();
    CHECK_FALSE(sync_wait([](event& gate) -> task<bool> {
        auto const ended = co_await gate.wait();
        co_return ended.has_value();
    }(go), stopped.token()));
    CHECK(waits() == 0);
}

TEST_CASE("what begins while the book is closed is not in it, nor what ends after it was closed") {
    test::watchdog const watched{20};
    event go;
    beside_a_wait(go, [&](scope&) {
        wait_book::reader const open;
        CHECK(waits() == 0);
        go.set();
    });
    event other;
    std::optional<wait_book::reader> open{std::in_place};
    beside_a_wait(other, [&](scope&) {
        open.reset();
        CHECK(waits() == 1);
        other.set();
    });
    CHECK(waits() == 0); // struck out all the same
}

TEST_CASE("a joiner is entered with how many it waits for") {
    test::watchdog const watched{20};
    wait_book::reader const open;
    event go;
    sync_wait(in_scope([](scope& outer, event& gate) -> task<> {
        outer.spawn([](event& to) -> task<> {
            co_await in_scope([](scope& inner, event& until) -> task<> {
                inner.spawn(wait_for, std::ref(until));
                inner.spawn(wait_for, std::ref(until));
                co_return;
            }, std::ref(to));
        }, std::ref(gate));
        for (int n = 0; n < 10; ++n) co_await yield();
        bool found = false;
        wait_book::for_each([&](wait_entry const& one) {
            wait_text text;
            one.describe(one.key, text);
            found = found || text.words() == "the end of 2 children";
        });
        CHECK(found);
        CHECK(waits() == 3);
        gate.set();
    }, std::ref(go)));
    CHECK(waits() == 0);
}

TEST_CASE("a lock is the holder's, then the next one's, and then nobody's") {
    test::watchdog const watched{20};
    wait_book::reader const open;
    mutex one;
    std::vector<void*> holders;
    auto const look = [&] {
        wait_book::for_each_hold([&](wait_entry const& each) {
            CHECK(each.key == &one);
            CHECK(each.function == *static_cast<std::uintptr_t const*>(each.who.address()));
            holders.push_back(each.who.address());
        });
    };
    auto const take = [](mutex& m, auto see) -> task<void*> {
        auto const self = co_await this_coroutine();
        auto const held = co_await m.lock();
        see();
        co_await yield();
        see();
        co_return self.address();
    };
    std::vector<void*> takers(2);
    sync_wait(in_scope([&take, &look, &one, &takers](scope& children) -> task<> {
        for (auto& each : takers)
            children.spawn([](auto const& run, auto const& see, mutex& m, void*& into) -> task<> {
                into = co_await run(m, see);
            }, std::ref(take), std::ref(look), std::ref(one), std::ref(each));
        co_return;
    }));
    CHECK(holders == std::vector<void*>{takers[0], takers[0], takers[1], takers[1]});
    CHECK(holds() == 0);
    CHECK(waits() == 0);
}

TEST_CASE("a lock that was taken while the book was closed is nobody's, and one that outlives the reader is given back") {
    test::watchdog const watched{20};
    mutex one;
    auto const lock = [](mutex& m) -> task<mutex_guard> {
        auto held = co_await m.lock();
        co_return std::move(*held);
    };
    auto held = sync_wait(lock(one));
    std::optional<wait_book::reader> open{std::in_place};
    CHECK(holds() == 0);
    held.unlock();
    held = sync_wait(lock(one));
    CHECK(holds() == 1);
    open.reset();
    CHECK(holds() == 1); // the coroutine is gone, and what it got is still held
    held.unlock();
    CHECK(holds() == 0);
    CHECK(one.try_lock());
}

TEST_CASE("the book may be read while threads wait and lock in it") {
    test::watchdog const watched{60};
    wait_book::reader const open;
    atomic<bool> over{false};
    atomic<std::size_t> seen{0};
    std::thread reads{[&] {
        while (!over.load(acquire))
            wait_book::for_each([&](wait_entry const& one) {
                wait_text text;
                if (one.describe) one.describe(one.key, text);
                seen.fetch_add(text.words().size(), relaxed); // only a number
            });
    }};
    mutex shared;
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&] {
            for (int n = 0; n < 200 || seen.load(relaxed) == 0; ++n) // a hint: until some have been seen
                sync_wait(in_scope([](scope& children, mutex& m) -> task<> {
                    for (int i = 0; i < 10; ++i)
                        children.spawn([](mutex& in) -> task<> {
                            auto const held = co_await in.lock();
                            co_await yield();
                            static_cast<void>(held);
                        }, std::ref(m));
                    co_return;
                }, std::ref(shared)));
        });
    for (auto& each : threads) each.join();
    over.store(true, release);
    reads.join();
    CHECK(waits() == 0);
    CHECK(holds() == 0);
}
