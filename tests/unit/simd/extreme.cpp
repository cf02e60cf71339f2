// tests/unit/simd/extreme.cpp: least and greatest numbers agree with a loop, at every length and place.
#include "naive.hpp"

#include <weir/simd/extreme.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <type_traits>
#include <vector>

using namespace weir::simd;

namespace {

// The first number that none comes before; a NaN is none.
template <class T, class Before>
std::size_t place_by_loop(std::span<T const> row, Before before) {
    std::size_t place = npos;
    for (std::size_t n = 0; n < row.size(); ++n)
        if (row[n] == row[n] && (place == npos || before(row[n], row[place]))) place = n;
    return place;
}

template <class Lanes, class T>
std::size_t faults_in(std::span<T const> row) {
    auto const least = place_by_loop(row, [](T a, T b) { return a < b; });
    auto const greatest = place_by_loop(row, [](T a, T b) { return a > b; });
    std::size_t faults = 0;
    faults += argmin<Lanes>(row) != least;
    faults += argmax<Lanes>(row) != greatest;
    auto const lowest = weir::simd::min<Lanes>(row);
    auto const highest = weir::simd::max<Lanes>(row);
    faults += lowest.has_value() != (least != npos) || (lowest && *lowest != row[least]);
    faults += highest.has_value() != (greatest != npos) || (highest && *highest != row[greatest]);
    return faults;
}

} // namespace

TEMPLATE_LIST_TEST_CASE("the least and the greatest and their first places are those of a loop", "", all_lanes) {
    using T = value_in<TestType>;
    std::mt19937_64 random{10};
    std::size_t faults = 0;
    with_all_rows<T>(300, [&] { return any_number<T>(random); },
                     [&](std::span<T const> row) { faults += faults_in<TestType>(row); });
    CHECK(faults == 0);
}

TEMPLATE_LIST_TEST_CASE("an extreme at every place of every length is found", "", all_lanes) {
    using T = value_in<TestType>;
    guarded const page;
    std::size_t faults = 0;
    for (std::size_t size = 1; size <= 150; ++size) {
        auto* const row = reinterpret_cast<T*>(page.end()) - size;
        for (std::size_t n = 0; n < size; ++n) row[n] = T{5};
        for (std::size_t place = 0; place < size; ++place) {
            for (T const number : {T{4}, T{6}}) {
                row[place] = number;
                faults += faults_in<TestType>(std::span<T const>{row, size});
            }
            row[place] = T{5};
        }
    }
    CHECK(faults == 0);
}

TEMPLATE_LIST_TEST_CASE("among equals of a long row the first is the place", "", all_lanes) {
    using T = value_in<TestType>;
    std::vector<T> row(20'000, T{5});
    for (std::size_t const place : {19'999u, 12'345u, 4'096u, 4'095u, 1'024u, 1'023u, 512u, 511u, 1u, 0u}) {
        row[place] = T{9};
        CHECK(argmax<TestType>(row) == place);
        for (T& number : row) number = static_cast<T>(T{10} - number);
        CHECK(argmin<TestType>(row) == place);
        for (T& number : row) number = static_cast<T>(T{10} - number);
    }
}

TEMPLATE_LIST_TEST_CASE("the ends of a type's range are found where nothing else is", "", all_lanes) {
    using T = value_in<TestType>;
    using limits = std::numeric_limits<T>;
    for (std::size_t const size : {1u, 7u, 64u, 5'000u}) {
        for (T const number : {limits::lowest(), limits::max()}) {
            std::vector<T> const row(size, number);
            CHECK(weir::simd::min<TestType>(row) == number);
            CHECK(weir::simd::max<TestType>(row) == number);
            CHECK(argmin<TestType>(row) == 0);
            CHECK(argmax<TestType>(row) == 0);
        }
    }
}

TEMPLATE_LIST_TEST_CASE("of nothing there is no least number and no greatest", "", all_lanes) {
    std::span<value_in<TestType> const> const nothing;
    CHECK_FALSE(weir::simd::min<TestType>(nothing));
    CHECK_FALSE(weir::simd::max<TestType>(nothing));
    CHECK(argmin<TestType>(nothing) == npos);
    CHECK(argmax<TestType>(nothing) == npos);
}

TEMPLATE_LIST_TEST_CASE("a NaN is passed over at any place, and infinities count", "", real_lanes) {
    using T = value_in<TestType>;
    constexpr auto nan = std::numeric_limits<T>::quiet_NaN();
    constexpr auto infinity = std::numeric_limits<T>::infinity();
    std::mt19937_64 random{11};
    std::size_t faults = 0;
    auto const often_special = [&]() -> T {
        return std::array<T, 8>{nan, nan, -nan, infinity, -infinity, 1, -1, any_number<T>(random)}[random() % 8];
    };
    with_all_rows<T>(150, often_special, [&](std::span<T const> row) { faults += faults_in<TestType>(row); });
    auto const mostly_nan = [&]() -> T { return random() % 20 == 0 ? infinity : random() % 20 == 0 ? -infinity : nan; };
    with_all_rows<T>(150, mostly_nan, [&](std::span<T const> row) { faults += faults_in<TestType>(row); });
    CHECK(faults == 0);
}

TEMPLATE_LIST_TEST_CASE("a row of NaN has no least number", "", real_lanes) {
    using T = value_in<TestType>;
    for (std::size_t const size : {1u, 3u, 50u, 9'000u}) {
        std::vector<T> row(size, std::numeric_limits<T>::quiet_NaN());
        CHECK_FALSE(weir::simd::min<TestType>(row));
        CHECK_FALSE(weir::simd::max<TestType>(row));
        CHECK(argmin<TestType>(row) == npos);
        CHECK(argmax<TestType>(row) == npos);
        row.back() = std::numeric_limits<T>::infinity(); // what min keeps where there is no number
        CHECK(weir::simd::min<TestType>(row) == row.back());
        CHECK(argmin<TestType>(row) == size - 1);
        row.back() = -std::numeric_limits<T>::infinity();
        CHECK(weir::simd::max<TestType>(row) == row.back());
        CHECK(argmax<TestType>(row) == size - 1);
    }
}

TEMPLATE_LIST_TEST_CASE("zeros of both signs are equal, and the first of them is the place", "", real_lanes) {
    using T = value_in<TestType>;
    for (std::size_t size = 2; size < 40; ++size) {
        std::vector<T> row(size, T{0});
        row[size / 2] = -T{0};
        CHECK(argmin<TestType>(row) == 0);
        CHECK(argmax<TestType>(row) == 0);
        CHECK(weir::simd::min<TestType>(row) == T{0});
        CHECK(weir::simd::max<TestType>(row) == T{0});
    }
}
