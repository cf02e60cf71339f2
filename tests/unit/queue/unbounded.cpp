// tests/unit/queue/unbounded.cpp: the queue without a bound, plain, through tokens and in bulk.
#include <weir/queue/unbounded.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <memory>
#include <vector>

using weir::unbounded;

namespace {

// Neither default-constructible nor copyable.
struct parcel {
    explicit parcel(int value) : content{std::make_unique<int>(value)} {}
    std::unique_ptr<int> content;
};

} // namespace

TEST_CASE("one producer's values come out in order", "[unbounded]") {
    unbounded<int> queue;
    CHECK_FALSE(queue.try_pop().has_value());
    for (int n = 0; n < 1000; ++n) CHECK(queue.try_push(n)); // more than any block
    CHECK(queue.size_hint() == 1000);
    for (int n = 0; n < 1000; ++n) CHECK(queue.try_pop() == n);
    CHECK_FALSE(queue.try_pop().has_value());
    CHECK(queue.empty());
}

TEST_CASE("values that can only be moved pass through and what is left is destroyed", "[unbounded]") {
    unbounded<parcel> queue;
    for (int n = 0; n < 100; ++n) CHECK(queue.try_push(parcel{n}));
    for (int n = 0; n < 50; ++n) {
        auto const got = queue.try_pop();
        REQUIRE(got.has_value());
        CHECK(*got->content == n);
    }
}

TEST_CASE("a producer's lane keeps its order beside others", "[unbounded]") {
    unbounded<int> queue;
    unbounded<int>::producer one{queue};
    unbounded<int>::producer two{queue};
    unbounded<int>::consumer consumer{queue};
    for (int n = 0; n < 100; ++n) {
        CHECK(one.try_push(n));
        CHECK(two.try_push(1000 + n));
        CHECK(queue.try_push(2000 + n));
    }
    std::array<int, 3> next{0, 1000, 2000};
    for (int n = 0; n < 300; ++n) {
        auto const got = consumer.try_pop();
        REQUIRE(got.has_value());
        CHECK(*got == next[static_cast<std::size_t>(*got / 1000)]++);
    }
    CHECK_FALSE(consumer.try_pop().has_value());
    CHECK(next == std::array<int, 3>{100, 1100, 2100});
}

TEST_CASE("values move in bulk, with and without tokens", "[unbounded]") {
    unbounded<std::unique_ptr<int>> queue;
    unbounded<std::unique_ptr<int>>::producer producer{queue};
    unbounded<std::unique_ptr<int>>::consumer consumer{queue};
    std::vector<std::unique_ptr<int>> in;
    for (int n = 0; n < 100; ++n) in.push_back(std::make_unique<int>(n));

    CHECK(producer.try_push_n(in) == 100);
    CHECK(in[0] == nullptr);
    std::vector<std::unique_ptr<int>> out(70);
    CHECK(consumer.try_pop_n(out) == 70);
    CHECK(*out[69] == 69);
    CHECK(queue.try_push_n(out) == 70);
    std::vector<std::unique_ptr<int>> rest(200);
    CHECK(queue.try_pop_n(rest) == 100);
    CHECK(queue.try_pop_n(rest) == 0);
    CHECK(queue.try_push_n({}) == 0);
}
