// tests/unit/queue/spsc.cpp: the ring between one producer and one consumer, value by value, in bulk and in place.
#include <weir/queue/spsc.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <memory>
#include <string>
#include <vector>

using weir::spsc;

namespace {

// Counts the living, so that a value lost or destroyed twice shows.
struct counted {
    explicit counted(int which) : id{which} { ++living; }
    counted(counted&& other) noexcept : id{other.id} { ++living; }
    counted& operator=(counted&& other) noexcept = default;
    ~counted() { --living; }

    int id;
    static inline int living = 0;
};

} // namespace

TEST_CASE("values come out in the order they went in", "[spsc]") {
    spsc<int> queue{4};
    CHECK_FALSE(queue.try_pop().has_value());
    for (int round = 0; round < 100; ++round) { // many times round the ring, at every offset
        CHECK(queue.try_push(3 * round));
        CHECK(queue.try_push(3 * round + 1));
        CHECK(queue.try_push(3 * round + 2));
        CHECK(queue.size_hint() == 3);
        CHECK(queue.try_pop() == 3 * round);
        CHECK(queue.try_pop() == 3 * round + 1);
        CHECK(queue.try_pop() == 3 * round + 2);
        CHECK_FALSE(queue.try_pop().has_value());
    }
    CHECK(queue.empty());
}

TEST_CASE("the capacity is rounded up to a power of two and all of it is used", "[spsc]") {
    for (std::size_t const asked : {1u, 2u, 3u, 5u, 64u}) {
        spsc<std::size_t> queue{asked};
        CHECK(queue.capacity() >= asked);
        CHECK(queue.capacity() < 2 * asked + (asked == 1));
        for (std::size_t n = 0; n < queue.capacity(); ++n) CHECK(queue.try_push(n));
        CHECK_FALSE(queue.try_push(99));
        CHECK(queue.try_pop() == 0);
        CHECK(queue.try_push(99));
        CHECK_FALSE(queue.try_push(100));
    }
}

TEST_CASE("a refused push leaves the value with the caller", "[spsc]") {
    spsc<std::unique_ptr<int>> queue{1};
    auto first = std::make_unique<int>(1);
    auto second = std::make_unique<int>(2);
    CHECK(queue.try_push(std::move(first)));
    CHECK(first == nullptr);
    CHECK_FALSE(queue.try_push(std::move(second)));
    REQUIRE(second != nullptr);
    CHECK(*second == 2);
    CHECK(**queue.try_pop() == 1);
}

TEST_CASE("every value is destroyed once, taken or not", "[spsc]") {
    {
        spsc<counted> queue{8};
        for (int n = 0; n < 6; ++n) CHECK(queue.try_emplace(n));
        CHECK(counted::living == 6);
        CHECK(queue.try_pop()->id == 0);
        CHECK(counted::living == 5);
        for (int n = 6; n < 9; ++n) CHECK(queue.try_emplace(n)); // wraps, and fills
        CHECK_FALSE(queue.try_emplace(9));
        CHECK(counted::living == 8);
        CHECK(queue.peek().size() == 7); // up to the end of the ring
        queue.consume(2);
        CHECK(counted::living == 6);
        CHECK(queue.peek()[0].id == 3);
    }
    CHECK(counted::living == 0);
}

TEST_CASE("a bulk push moves what fits and a bulk pop what is there", "[spsc]") {
    spsc<std::string> queue{8};
    std::vector<std::string> in;
    for (int n = 0; n < 11; ++n) in.push_back("a string too long for the small buffer: " + std::to_string(n));
    auto const expected = in;

    CHECK(queue.try_push_n(std::span{in}.first(3)) == 3);
    CHECK(queue.try_push_n(std::span{in}.subspan(3)) == 5);
    CHECK(in[7].empty());
    CHECK(in[8] == expected[8]); // did not fit and was not touched
    CHECK(queue.try_push_n(std::span{in}.subspan(8)) == 0);

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

TEST_CASE("a claim is written in place and published by its commit", "[spsc]") {
    spsc<int> queue{8};
    auto places = queue.claim();
    REQUIRE(places.size() == 8);
    places[0] = 10;
    places[1] = 11;
    CHECK_FALSE(queue.try_pop().has_value()); // nothing is published yet
    queue.commit(2);
    CHECK(queue.size_hint() == 2);

    auto values = queue.peek();
    REQUIRE(values.size() == 2);
    CHECK(values.data() == places.data()); // where it was written
    CHECK(values[0] == 10);
    CHECK(values[1] == 11);
    queue.consume(1);
    CHECK(queue.try_pop() == 11);
}

TEST_CASE("a claim and a peek end at the end of the ring, and go on from its start", "[spsc]") {
    spsc<int> queue{8};
    for (int n = 0; n < 6; ++n) CHECK(queue.try_push(n));
    CHECK(queue.peek().size() == 6);
    queue.consume(6);
    CHECK(queue.claim().size() == 2);
    CHECK(queue.claim(1).size() == 1);
    for (int n = 0; n < 5; ++n) CHECK(queue.try_push(n));
    CHECK(queue.claim().size() == 3);
    auto const first = queue.peek();
    REQUIRE(first.size() == 2);
    CHECK(first[1] == 1);
    queue.consume(2);
    auto const second = queue.peek();
    REQUIRE(second.size() == 3);
    CHECK(second[0] == 2);
    CHECK(queue.claim().size() == 5); // and now to the end once more
}

TEST_CASE("a claim in a full queue is empty", "[spsc]") {
    spsc<int> queue{2};
    queue.commit(queue.claim().size());
    CHECK(queue.claim().empty());
    CHECK(queue.peek().size() == 2);
    queue.consume(1);
    CHECK(queue.claim().size() == 1);
}
