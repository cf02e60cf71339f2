// tests/unit/cpu/spin_lock.cpp: one holder at a time, also with more threads than cores.
#include <weir/cpu/spin_lock.hpp>

#include <catch2/catch_test_macros.hpp>

#include <stdexcept>
#include <thread>
#include <vector>

using namespace weir;

TEST_CASE("a held lock is not taken again until it is let go") {
    spin_lock lock;
    CHECK(lock.try_lock());
    CHECK_FALSE(lock.try_lock());
    lock.unlock();
    CHECK(lock.try_lock());
    lock.unlock();
    CHECK(sizeof(spin_lock) == 1);
}

TEST_CASE("a guard lets go at the end of its scope, by an exception too") {
    spin_lock lock;
    try {
        spin_guard const guard{lock};
        CHECK_FALSE(lock.try_lock());
        throw std::runtime_error("leaves the scope");
    } catch (std::runtime_error const&) {}
    CHECK(lock.try_lock());
    lock.unlock();
}

TEST_CASE("what several threads do under the lock is not torn") {
    constexpr int each = 20'000;
    constexpr int threads_count = 5;
    spin_lock lock;
    int first = 0; // plain: TSan tells if two hold the lock at once
    int second = 0;
    int torn = 0;
    std::vector<std::thread> threads;
    for (int n = 0; n < threads_count; ++n)
        threads.emplace_back([&] {
            for (int k = 0; k < each; ++k) {
                spin_guard const guard{lock};
                torn += first != second;
                ++first;
                ++second;
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(first == each * threads_count);
    CHECK(second == first);
    CHECK(torn == 0);
}
