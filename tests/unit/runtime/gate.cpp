// tests/unit/runtime/gate.cpp: a gate that is shut lets nobody in, and waits for those who came before.
#include "support/watchdog.hpp"

#include <weir/runtime/gate.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <thread>

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("an open gate lets in any number") {
    gate one;
    CHECK(one.enter());
    gate::visit const second{one};
    CHECK(second);
    one.leave();
}

TEST_CASE("a gate that is shut lets nobody in, however often it is shut") {
    test::watchdog const watched{60};
    gate one;
    CHECK(gate::visit{one});
    one.shut();
    CHECK_FALSE(one.enter());
    CHECK_FALSE(gate::visit{one});
    one.shut(); // who was refused is not waited for
    CHECK_FALSE(one.enter());
}

TEST_CASE("who shuts a gate waits for those inside, and sees what they did") {
    test::watchdog const watched{60};
    gate one;
    bool waited_for = false;
    std::atomic<bool> inside{false}, over{false};
    std::thread visitor{[&] {
        gate::visit const mine{one};
        inside.store(true, std::memory_order_relaxed); // orders nothing: the gate must
        while (one.enter()) one.leave();               // until somebody shuts it
        std::this_thread::sleep_for(5ms);
        waited_for = !over.load(std::memory_order_relaxed);
    }};
    while (!inside.load(std::memory_order_relaxed)) std::this_thread::yield();
    one.shut();
    over.store(true, std::memory_order_relaxed);
    CHECK(waited_for);
    visitor.join();
}
