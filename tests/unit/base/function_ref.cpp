// tests/unit/base/function_ref.cpp: a borrowed callable is called itself, with its arguments handed through.
#include <weir/base/function_ref.hpp>

#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

using namespace weir;

namespace {

int twice(int value) { return 2 * value; }

int call(function_ref<int(int)> with, int value) { return with(value); }

struct overloaded {
    int operator()(int value) & { return value + 1; }
    int operator()(int value) const& { return value + 100; }
};

} // namespace

TEST_CASE("the callable itself is called and not a copy of it") {
    int calls = 0;
    auto counts = [calls](int) mutable { return ++calls; };
    function_ref<int(int)> const first = counts;
    CHECK(first(0) == 1);
    CHECK(first(0) == 2);
    CHECK(counts(0) == 3);
}

TEST_CASE("a copy of a reference refers to the callable and not to the reference") {
    int one_calls = 0;
    auto one = [&](int value) { return ++one_calls, value; };
    auto two = [](int value) { return -value; };
    function_ref<int(int)> first = one;
    function_ref<int(int)> copy = first;
    first = function_ref<int(int)>(two);
    CHECK(copy(5) == 5);
    CHECK(first(5) == -5);
    CHECK(one_calls == 1);
}

TEST_CASE("lambdas, function pointers and temporaries are taken for the length of a call") {
    CHECK(call([](int value) { return value + 3; }, 4) == 7);
    CHECK(call(&twice, 4) == 8);
    int (*const pointer)(int) = &twice;
    CHECK(call(pointer, 5) == 10);
}

TEST_CASE("a constant callable is called as one") {
    overloaded changeable;
    overloaded const constant;
    CHECK(call(changeable, 0) == 1);
    CHECK(call(constant, 0) == 100);
}

TEST_CASE("values that only move are moved through, and references stay references") {
    auto takes = [](std::unique_ptr<int> value, std::string& into) {
        into += "!";
        return value;
    };
    function_ref<std::unique_ptr<int>(std::unique_ptr<int>, std::string&)> const ref = takes;
    auto given = std::make_unique<int>(3);
    auto const* const address = given.get();
    std::string text = "heard";
    auto const back = ref(std::move(given), text);
    CHECK(back.get() == address);
    CHECK(text == "heard!");
}

TEST_CASE("a reference may be returned") {
    int value = 4;
    auto gives = [&]() -> int& { return value; };
    function_ref<int&()> const ref = gives;
    ref() = 9;
    CHECK(value == 9);
}

TEST_CASE("an exception of the callable passes through") {
    auto throws = [](int) -> int { throw std::runtime_error("the callable's"); };
    CHECK_THROWS_AS(call(throws, 1), std::runtime_error);
}

TEST_CASE("only callables of the signature are accepted") {
    CHECK(std::is_constructible_v<function_ref<int(int)>, decltype(&twice)>);
    CHECK_FALSE(std::is_constructible_v<function_ref<int(int)>, int>);
    CHECK_FALSE(std::is_constructible_v<function_ref<int(std::string)>, decltype(&twice)>);
    CHECK_FALSE(std::is_constructible_v<function_ref<std::string(int)>, decltype(&twice)>);
    CHECK(sizeof(function_ref<int(int)>) == 2 * sizeof(void*));
}
