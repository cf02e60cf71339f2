// tests/unit/cpu/posters.cpp: who ends a queue's life waits for those who are still posting to it.
#include <weir/cpu/posters.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

using namespace weir;

TEST_CASE("nobody posts, and nobody is waited for") {
    posters some;
    { posters::visit const one{some}; }
    some.wait_for_none();
}

TEST_CASE("the wait ends when the last of several has left, not before") {
    posters some;
    std::optional<posters::visit> first;
    std::optional<posters::visit> second;
    first.emplace(some);
    second.emplace(some);
    std::atomic<bool> over{false};
    std::thread waiter{[&] {
        some.wait_for_none();
        over = true;
    }};
    first.reset();
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    bool const early = over;
    second.reset();
    waiter.join();
    CHECK_FALSE(early);
    CHECK(over);
}
