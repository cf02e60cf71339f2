// tests/unit/base/atomic.cpp: the door to the atomics leads to the standard ones, and the orders are what they say.
#include <weir/base/atomic.hpp>

#include <catch2/catch_test_macros.hpp>

#include <type_traits>

static_assert(std::is_same_v<weir::atomic<int>, std::atomic<int>>);
static_assert(weir::relaxed == std::memory_order_relaxed && weir::acquire == std::memory_order_acquire);
static_assert(weir::release == std::memory_order_release && weir::acq_rel == std::memory_order_acq_rel);
static_assert(weir::seq_cst == std::memory_order_seq_cst);

TEST_CASE("every order is accepted where the standard accepts it") {
    weir::atomic<int> word{1};
    word.store(2, weir::relaxed);
    word.store(3, weir::release);
    word.store(4, weir::seq_cst);
    CHECK(word.load(weir::relaxed) == 4);
    CHECK(word.exchange(5, weir::acq_rel) == 4);
    int expected = 5;
    CHECK(word.compare_exchange_strong(expected, 6, weir::acq_rel, weir::acquire));
    CHECK(word.load(weir::acquire) == 6);
}

TEST_CASE("the words that the algorithms pack are free of locks") {
    CHECK(weir::atomic<bool>::is_always_lock_free);
    CHECK(weir::atomic<void*>::is_always_lock_free);
    CHECK(weir::atomic<unsigned long long>::is_always_lock_free);
}
