// tests/unit/flow/shared_value.cpp: handles count, and the last one frees, wherever it is.
#include "support/counting_new.hpp"

#include <weir/flow/shared_value.hpp>

#include <catch2/catch_test_macros.hpp>

#include <thread>
#include <utility>

using weir::shared_value;

namespace {

struct owner : weir::detail::counted {
    explicit owner(int number) noexcept : counted{&destroy}, value{number} {}
    static void destroy(counted& self) noexcept {
        ++destroyed;
        delete static_cast<owner*>(&self);
    }
    int value;
    inline static weir::atomic<int> destroyed{0};
};

shared_value<int> make(int number) {
    auto* const made = new owner{number};
    return shared_value<int>{*made, made->value};
}

} // namespace

TEST_CASE("the last handle frees the value", "[shared_value]") {
    owner::destroyed = 0;
    shared_value<int> second;
    {
        shared_value<int> const first = make(7);
        second = first;
        CHECK(first.same_as(second));
        CHECK(*first == 7);
    }
    CHECK(owner::destroyed == 0);
    CHECK(*second == 7);
    second = shared_value<int>{};
    CHECK(owner::destroyed == 1);
}

TEST_CASE("a handle moved from is empty, and one assigned to itself is not", "[shared_value]") {
    owner::destroyed = 0;
    shared_value<int> first = make(3);
    shared_value<int> second = std::move(first);
    CHECK(!first);
    CHECK(first.get() == nullptr);
    auto& alias = second;
    second = alias;
    CHECK(*second == 3);
    CHECK(owner::destroyed == 0);
    second = make(4);
    CHECK(owner::destroyed == 1);
    CHECK(*second == 4);
}

TEST_CASE("threads that let go of one value agree on who frees it", "[shared_value]") {
    owner::destroyed = 0;
    constexpr int rounds = 500;
    for (int n = 0; n < rounds; ++n) {
        shared_value<int> mine = make(n);
        std::thread other([copy = mine]() mutable { copy = shared_value<int>{}; });
        mine = shared_value<int>{};
        other.join();
    }
    CHECK(owner::destroyed == rounds);
}
