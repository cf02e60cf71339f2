// tests/unit/queue/mpmc.cpp: the ring of tickets on one thread: order, room, runs, and values that are hard to handle.
#include "support/awkward_types.hpp"

#include <weir/queue/mpmc.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using weir::mpmc;
using namespace weir::test;

TEST_CASE("values come out in the order they went in", "[mpmc]") {
    mpmc<int> queue{4};
    CHECK_FALSE(queue.try_pop().has_value());
    for (int round = 0; round < 100; ++round) { // many laps, from every place
        CHECK(queue.try_push(3 * round));
        CHECK(queue.try_push(3 * round + 1));
        CHECK(queue.try_push(3 * round + 2));
        CHECK(queue.size_hint() == 3);
        CHECK(queue.try_pop() == 3 * round);
        CHECK(queue.try_pop() == 3 * round + 1);
        CHECK(queue.try_pop() == 3 * round + 2);
        CHECK_FALSE(queue.try_pop().has_value());
        CHECK(queue.size_hint() == 0);
    }
    CHECK(queue.empty());
}

TEST_CASE("the capacity is rounded up to a power of two and all of it is used, lap after lap", "[mpmc]") {
    for (std::size_t const asked : {1u, 2u, 3u, 5u, 64u}) {
        mpmc<std::size_t> queue{asked};
        CHECK(queue.capacity() >= asked);
        CHECK(queue.capacity() < 2 * asked + (asked == 1));
        for (std::size_t lap = 0; lap < 3; ++lap) {
            for (std::size_t n = 0; n < queue.capacity(); ++n) CHECK(queue.try_push(n));
            CHECK(queue.size_hint() == queue.capacity());
            CHECK_FALSE(queue.try_push(99));
            CHECK(queue.try_pop() == 0);
            CHECK(queue.try_push(99));
            CHECK_FALSE(queue.try_push(100));
            for (std::size_t n = 1; n < queue.capacity(); ++n) CHECK(queue.try_pop() == n);
            CHECK(queue.try_pop() == 99);
            CHECK_FALSE(queue.try_pop().has_value());
        }
    }
}

TEST_CASE("one place tells full from free on every lap", "[mpmc]") {
    mpmc<int> queue{1};
    for (int lap = 0; lap < 5; ++lap) {
        CHECK_FALSE(queue.try_pop().has_value());
        CHECK(queue.try_push(lap));
        CHECK_FALSE(queue.try_push(-1));
        CHECK(queue.size_hint() == 1);
        CHECK(queue.try_pop() == lap);
    }
}

TEST_CASE("a refused push leaves the value with the caller", "[mpmc]") {
    mpmc<std::unique_ptr<int>> queue{1};
    auto first = std::make_unique<int>(1);
    auto second = std::make_unique<int>(2);
    CHECK(queue.try_push(std::move(first)));
    CHECK(first == nullptr);
    CHECK_FALSE(queue.try_push(std::move(second)));
    REQUIRE(second != nullptr);
    CHECK(*second == 2);
    CHECK_FALSE(queue.try_emplace(std::move(second)));
    CHECK(second != nullptr);
    CHECK(**queue.try_pop() == 1);
}

TEST_CASE("a bulk push moves what fits and a bulk pop what is there", "[mpmc]") {
    mpmc<std::string> queue{8};
    std::vector<std::string> in;
    for (int n = 0; n < 11; ++n) in.push_back("a string too long for the small buffer: " + std::to_string(n));
    auto const expected = in;

    CHECK(queue.try_push_n(std::span{in}.first(3)) == 3);
    CHECK(queue.try_push_n(std::span{in}.subspan(3)) == 5);
    CHECK(in[7].empty());
    CHECK(in[8] == expected[8]); // did not fit and was not touched
    CHECK(queue.try_push_n(std::span{in}.subspan(8)) == 0);
    CHECK(in[8] == expected[8]);

    std::array<std::string, 6> out;
    CHECK(queue.try_pop_n(out) == 6);
    CHECK(std::equal(out.begin(), out.end(), expected.begin()));
    CHECK(queue.try_push_n(std::span{in}.subspan(8)) == 3); // across the end of the ring
    CHECK(queue.try_pop_n(out) == 5);
    CHECK(std::equal(out.begin(), out.begin() + 5, expected.begin() + 6));
    CHECK(queue.try_pop_n(out) == 0);
    CHECK(queue.try_push_n({}) == 0);
    CHECK(queue.try_pop_n({}) == 0);
}

TEST_CASE("a run longer than the ring fills it once and empties it once", "[mpmc]") {
    for (std::size_t const capacity : {1u, 2u, 8u}) {
        mpmc<int> queue{capacity};
        std::vector<int> in(3 * capacity, 7);
        std::vector<int> out(3 * capacity);
        for (int lap = 0; lap < 3; ++lap) {
            CHECK(queue.try_push_n(in) == capacity);
            CHECK(queue.size_hint() == capacity);
            CHECK(queue.try_pop_n(out) == capacity);
            CHECK(queue.empty());
        }
    }
}

TEST_CASE("single and bulk calls share one order", "[mpmc]") {
    mpmc<int> queue{4};
    std::array in{2, 3};
    std::array out{0, 0, 0};
    for (int lap = 0; lap < 9; ++lap) { // runs begin at every place
        in = {2, 3};
        CHECK(queue.try_push(1));
        CHECK(queue.try_push_n(in) == 2);
        CHECK(queue.try_emplace(4));
        CHECK(queue.try_pop() == 1);
        CHECK(queue.try_pop_n(out) == 3);
        CHECK(out == std::array{2, 3, 4});
        CHECK(queue.try_push(0)); // and one place further on
        CHECK(queue.try_pop() == 0);
    }
}

TEST_CASE("every value is destroyed once, taken or not", "[mpmc]") {
    {
        mpmc<only_moved> queue{8};
        for (int n = 0; n < 6; ++n) CHECK(queue.try_emplace(n));
        CHECK(census::alive() == 6);
        CHECK(queue.try_pop()->number() == 0);
        CHECK(census::alive() == 5);
        for (int n = 6; n < 9; ++n) CHECK(queue.try_emplace(n)); // wraps, and fills
        CHECK_FALSE(queue.try_emplace(9));
        CHECK(census::alive() == 8);
        {
            std::array out{only_moved{-2}, only_moved{-2}};
            CHECK(queue.try_pop_n(out) == 2);
            CHECK(out[0].number() == 1);
            CHECK(out[1].number() == 2);
            CHECK(queue.try_push_n(out) == 2);
            CHECK(out[1].number() == only_moved::moved_from);
        }
        CHECK(census::alive() == 8);
    }
    CHECK(census::alive() == 0);
    CHECK(census::fault().empty());
}

TEST_CASE("values lie at the alignment they ask for", "[mpmc]") {
    using wide = over_aligned<256>;
    {
        mpmc<wide> queue{2};
        for (int n = 0; n < 5; ++n) {
            CHECK(queue.try_emplace(n));
            CHECK(queue.try_emplace(-n));
            CHECK(queue.try_pop()->number() == n);
            CHECK(queue.try_pop()->number() == -n);
        }
        CHECK(queue.try_emplace(9));
    }
    CHECK(census::alive() == 0);
    CHECK(census::fault().empty()); // the census notices an address that is not aligned
}

TEST_CASE("a constructor that throws costs no place", "[mpmc]") {
    {
        mpmc<brittle> queue{2};
        brittle const value{5};
        for (int n = 0; n < 6; ++n) { // more often than there are places
            fuse::light(0);
            CHECK_THROWS_AS(queue.try_push(value), fuse::burnt);
            fuse::light(0);
            CHECK_THROWS_AS(queue.try_emplace(n), fuse::burnt);
            CHECK(queue.empty());
        }
        CHECK(queue.try_push(value));
        CHECK(queue.try_emplace(6));
        CHECK_FALSE(queue.try_push(value));
        CHECK(value.number() == 5);
        CHECK(queue.try_pop()->number() == 5);
        CHECK(queue.try_pop()->number() == 6);
        CHECK_FALSE(queue.try_pop().has_value());
    }
    CHECK(census::alive() == 0);
    CHECK(census::fault().empty());
}

TEST_CASE("what may throw is built before the queue is asked for room", "[mpmc]") {
    mpmc<std::string> queue{1};
    auto const text = [] { return std::string(64, 'x'); };
    CHECK(queue.try_emplace(64u, 'a'));
    auto moved = text();
    CHECK_FALSE(queue.try_emplace(std::move(moved))); // its move cannot throw, so a refusal leaves it
    CHECK(moved == text());
    CHECK_FALSE(queue.try_emplace(64u, 'b')); // built for nothing
    CHECK(queue.try_pop() == std::string(64, 'a'));
}

TEST_CASE("the promises are in the types", "[mpmc]") {
    using queue = mpmc<std::string>;
    STATIC_CHECK(noexcept(std::declval<queue&>().try_push(std::declval<std::string>())));
    STATIC_CHECK_FALSE(noexcept(std::declval<queue&>().try_push(std::declval<std::string const&>())));
    STATIC_CHECK_FALSE(noexcept(std::declval<queue&>().try_emplace("text")));
    STATIC_CHECK(noexcept(std::declval<queue&>().try_pop()));
    STATIC_CHECK(weir::bounded_queue<queue, std::string> && weir::bulk_queue<queue, std::string>);
    STATIC_CHECK(weir::bounded_queue<mpmc<only_moved>, only_moved> && weir::bulk_queue<mpmc<only_moved>, only_moved>);
    STATIC_CHECK_FALSE(std::is_move_constructible_v<queue> || std::is_copy_constructible_v<queue>);
}
