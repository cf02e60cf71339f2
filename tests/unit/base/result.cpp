// tests/unit/base/result.cpp: a result holds a value or says why there is none, through every copy, move and failure.
#include "counted.hpp"
#include "dies.hpp"

#include <weir/base/result.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

using namespace weir;

namespace {

struct alignas(128) wide {
    int value;
};
// Would accept anything, and so an error as well.
struct greedy {
    template <class Any>
    greedy(Any&&) {}
};

static_assert(is_result<result<int>> && is_result<result<void>> && !is_result<int>);
static_assert(std::is_copy_constructible_v<result<int>> && !std::is_copy_constructible_v<result<std::unique_ptr<int>>>);
static_assert(!std::is_copy_assignable_v<result<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_constructible_v<result<std::string>>);
static_assert(!std::is_nothrow_move_constructible_v<result<counted>>);
static_assert(!std::is_constructible_v<result<int>, std::string>);
static_assert(alignof(result<wide>) == 128);

result<int> half(int value) {
    if (value % 2 != 0) return errc::unsupported;
    return value / 2;
}

} // namespace

TEST_CASE("a function returns its value or its reason") {
    auto const good = half(8);
    CHECK(good.has_value());
    CHECK(good);
    CHECK(*good == 4);
    CHECK_FALSE(good.error());
    auto const bad = half(7);
    CHECK_FALSE(bad.has_value());
    CHECK_FALSE(bad);
    CHECK(bad.error() == errc::unsupported);
}

TEST_CASE("a system's error is carried with its category") {
    result<std::string> const failed = std::make_error_code(std::errc::broken_pipe);
    CHECK(failed.error() == std::errc::broken_pipe);
}

TEST_CASE("a value that could be made of an error does not swallow one") {
    result<greedy> const failed = errc::closed;
    CHECK_FALSE(failed.has_value());
    result<bool> const no = std::make_error_code(std::errc::broken_pipe);
    CHECK_FALSE(no.has_value());
    result<bool> const yes = false;
    CHECK(yes.has_value());
    CHECK_FALSE(*yes);
}

TEST_CASE("the value of a failed result throws its reason") {
    auto bad = half(7);
    CHECK_THROWS_AS(bad.value(), std::system_error);
    CHECK_THROWS_AS(half(7).value(), std::system_error);
    try {
        bad.value();
    } catch (std::system_error const& thrown) { CHECK(thrown.code() == errc::unsupported); }
    CHECK(half(8).value() == 4);
}

TEST_CASE("value_or gives the value, or else the other") {
    CHECK(half(8).value_or(9) == 4);
    CHECK(half(7).value_or(9) == 9);
    result<std::unique_ptr<int>> failed = errc::closed;
    CHECK(*std::move(failed).value_or(std::make_unique<int>(2)) == 2);
}

TEST_CASE("a value that only moves goes in and out") {
    result<std::unique_ptr<int>> one = std::make_unique<int>(3);
    auto two = std::move(one);
    CHECK(two.has_value());
    CHECK(**two == 3);
    auto const out = *std::move(two);
    CHECK(*out == 3);
}

TEST_CASE("exactly one value lives through all copies, moves and assignments") {
    counted::living = 0;
    {
        result<counted> one = counted{1};
        result<counted> two = one;
        CHECK(counted::living == 2);
        result<counted> three = std::move(one);
        CHECK(three->number() == 1);
        CHECK(one->number() == counted::moved_from); // it still holds one, as std::optional would
        CHECK(counted::living == 3);
        two = errc::closed;
        CHECK(counted::living == 2);
        two = three;
        CHECK(counted::living == 3);
        CHECK(two->number() == 1);
        CHECK_FALSE(two.error());
        result<counted> const failed = errc::closed;
        two = failed;
        three = std::move(two);
        CHECK(three.error() == errc::closed);
        CHECK(counted::living == 1);
    }
    CHECK(counted::living == 0);
}

TEST_CASE("assigning a result to itself changes nothing") {
    counted::living = 0;
    {
        result<counted> holds = counted{4};
        auto& same = holds;
        holds = same;
        CHECK(holds->number() == 4);
        holds = std::move(same);
        CHECK(holds->number() == 4);
        CHECK(counted::living == 1);
        result<counted> failed = errc::closed;
        auto& same_failed = failed;
        failed = same_failed;
        failed = std::move(same_failed);
        CHECK(failed.error() == errc::closed);
    }
    CHECK(counted::living == 0);
}

TEST_CASE("a construction, copy or move that throws leaks nothing and destroys nothing twice") {
    counted::living = 0;
    {
        result<counted> source = counted{6};
        auto const fails = [](auto const& step) {
            counted::moves_until_throw = 0;
            bool threw = false;
            try {
                step();
            } catch (std::runtime_error const&) { threw = true; }
            counted::moves_until_throw = -1;
            return threw;
        };
        CHECK(fails([&] { result<counted> copy = source; }));
        CHECK(fails([&] { result<counted> moved = std::move(source); }));
        counted const plain{7};
        CHECK(fails([&] { result<counted> made = plain; }));
        CHECK(counted::living == 2);
        result<counted> target = counted{8};
        CHECK(fails([&] { target = source; }));
        CHECK(target->number() == 8); // the copy was made first
        CHECK(fails([&] { target = std::move(source); }));
        CHECK_FALSE(target.has_value());
        CHECK(counted::living == 2); // what the target held is gone, and nothing stands for it
        target = source;
        CHECK(target->number() == 6);
    }
    CHECK(counted::living == 0);
}

TEST_CASE("an over-aligned value lies where it must") {
    auto const holds = std::make_unique<result<wide>>(wide{5});
    CHECK(reinterpret_cast<std::uintptr_t>(&**holds) % 128 == 0);
    CHECK((*holds)->value == 5);
}

TEST_CASE("a result of nothing succeeds or fails") {
    result<void> const good;
    CHECK(good.has_value());
    CHECK(good);
    CHECK_FALSE(good.error());
    good.value();
    *good;
    result<void> const bad = errc::timed_out;
    CHECK_FALSE(bad);
    CHECK(bad.error() == errc::timed_out);
    CHECK_THROWS_AS(bad.value(), std::system_error);
    result<void> const system = std::make_error_code(std::errc::io_error);
    CHECK(system.error() == std::errc::io_error);
}

#if !defined(NDEBUG)
TEST_CASE("looking at the value of a failed result ends the program with a sentence") {
    auto const end = dies([] {
        auto bad = half(7);
        static_cast<void>(*bad);
    });
    CHECK(end.aborted);
    CHECK(end.words.find("the value of a failed result was asked for") != std::string::npos);
}

TEST_CASE("an error that is none makes no result") {
    auto const end = dies([] { static_cast<void>(result<int>{std::error_code{}}); });
    CHECK(end.aborted);
}
#endif
