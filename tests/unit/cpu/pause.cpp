// tests/unit/cpu/pause.cpp: the ladder of a spin loop ends in the system call, and begins anew when told.
#include <weir/cpu/pause.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <thread>

using namespace weir;

TEST_CASE("a backoff spins a few times, then yields from there on") {
    backoff wait;
    int spins = 0;
    while (wait.spins() && spins < 1'000) {
        wait();
        ++spins;
    }
    CHECK(spins > 0);
    CHECK(spins < 1'000);
    for (int n = 0; n < 100; ++n) wait();
    CHECK_FALSE(wait.spins());
    wait.reset();
    CHECK(wait.spins());
}

TEST_CASE("a waiter that backs off sees what it waits for") {
    std::atomic<bool> ready{false};
    std::thread other([&] {
        weir::pause(); // unqualified, POSIX has one too
        ready.store(true);
    });
    backoff wait;
    while (!ready.load()) wait();
    other.join();
    CHECK(ready.load());
}
