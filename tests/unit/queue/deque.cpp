// tests/unit/queue/deque.cpp: the work-stealing deque, from the owner's side and the thieves'.
#include <weir/queue/deque.hpp>

#include <catch2/catch_test_macros.hpp>

#include <coroutine>
#include <vector>

using weir::steal_status;

namespace {

struct numbers {
    explicit numbers(std::size_t count) : all(count) {
        for (std::size_t n = 0; n < count; ++n) all[n] = static_cast<int>(n);
    }
    int* operator[](std::size_t n) { return &all[n]; }
    std::vector<int> all;
};

} // namespace

TEST_CASE("the owner gets the newest and a thief the oldest", "[deque]") {
    weir::deque<int*> deque;
    numbers number{4};
    for (std::size_t n = 0; n < 4; ++n) deque.push_bottom(number[n]);
    CHECK(deque.size_hint() == 4);
    CHECK(deque.pop_bottom() == number[3]);
    auto const got = deque.steal();
    CHECK(got.status == steal_status::taken);
    CHECK(got.value == number[0]);
    CHECK(deque.pop_bottom() == number[2]);
    CHECK(deque.pop_bottom() == number[1]);
    CHECK(deque.pop_bottom() == nullptr);
    CHECK(deque.empty());
}

TEST_CASE("an empty deque gives nothing to anybody and stays usable", "[deque]") {
    weir::deque<int*> deque;
    numbers number{1};
    for (int round = 0; round < 3; ++round) {
        CHECK(deque.pop_bottom() == nullptr);
        auto const got = deque.steal();
        CHECK(got.status == steal_status::empty);
        CHECK(got.value == nullptr);
        CHECK_FALSE(got);
        CHECK(deque.size_hint() == 0);
        deque.push_bottom(number[0]);
        CHECK(deque.size_hint() == 1);
        if (round % 2 == 0) CHECK(deque.steal().value == number[0]);
        else CHECK(deque.pop_bottom() == number[0]);
    }
}

TEST_CASE("a deque that grows keeps its values, wherever its ends stand", "[deque]") {
    for (std::size_t const stolen_before : {0u, 1u, 40u, 63u}) {
        weir::deque<int*> deque;
        numbers number{1000};
        for (std::size_t n = 0; n < stolen_before; ++n) deque.push_bottom(number[n]);
        for (std::size_t n = 0; n < stolen_before; ++n) REQUIRE(deque.steal().value == number[n]);
        for (std::size_t n = 0; n < 1000; ++n) deque.push_bottom(number[n]);
        CHECK(deque.size_hint() == 1000);
        for (std::size_t n = 0; n < 500; ++n) REQUIRE(deque.steal().value == number[n]);
        for (std::size_t n = 1000; n-- > 500;) REQUIRE(deque.pop_bottom() == number[n]);
        CHECK(deque.pop_bottom() == nullptr);
    }
}

TEST_CASE("a deque that is never full for long does not grow its indices out of the ring", "[deque]") {
    weir::deque<int*> deque;
    numbers number{64};
    for (int round = 0; round < 100; ++round) {
        for (std::size_t n = 0; n < 64; ++n) deque.push_bottom(number[n]);
        for (std::size_t n = 0; n < 32; ++n) REQUIRE(deque.steal().value == number[n]);
        for (std::size_t n = 64; n-- > 32;) REQUIRE(deque.pop_bottom() == number[n]);
        REQUIRE(deque.pop_bottom() == nullptr);
    }
}

TEST_CASE("coroutine handles can be stolen", "[deque]") {
    weir::deque<std::coroutine_handle<>> deque;
    deque.push_bottom(std::noop_coroutine());
    auto const got = deque.steal();
    REQUIRE(got);
    CHECK(got.value.address() != nullptr);
    CHECK_FALSE(deque.pop_bottom());
}
