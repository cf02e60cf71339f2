// tests/unit/simd/reduce.cpp: sums within their stated error, whatever the length, the place and the numbers.
#include "naive.hpp"

#include <weir/simd/reduce.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <type_traits>
#include <vector>

using namespace weir::simd;

namespace {

template <class T>
constexpr auto infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr auto nan_of = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr long double unit = static_cast<long double>(std::numeric_limits<T>::epsilon()) / 2;

// The d of the header's bound, with a little for the second order.
long double depth(std::size_t size) {
    auto const n = static_cast<long double>(size);
    return size == 0 ? 0 : 1.0001L * std::min(n, 37 + std::log2(n));
}

// Kahan's sum over long doubles: exact enough to judge doubles by.
struct exact_sum {
    void add(long double x) {
        auto const corrected = x - lost;
        auto const next = sum + corrected;
        lost = (next - sum) - corrected;
        sum = next;
    }
    long double sum = 0;
    long double lost = 0;
};

template <class T>
struct truth {
    truth(std::span<T const> x, std::span<T const> y) {
        exact_sum all, all_sizes, products, product_sizes, x_squares, y_squares;
        for (std::size_t n = 0; n < x.size(); ++n) {
            auto const a = static_cast<long double>(x[n]);
            auto const b = static_cast<long double>(y[n]);
            all.add(a), all_sizes.add(std::abs(a));
            products.add(a * b), product_sizes.add(std::abs(a * b));
            x_squares.add(a * a), y_squares.add(b * b);
        }
        sum = all.sum, sizes = all_sizes.sum;
        dot = products.sum, dot_sizes = product_sizes.sum;
        norm = std::sqrt(x_squares.sum), other_norm = std::sqrt(y_squares.sum);
    }
    long double sum, sizes, dot, dot_sizes, norm, other_norm;
};

// How many of the four are further from the truth than the header allows.
template <class Lanes, class T>
std::size_t too_far(std::span<T const> x, std::span<T const> y) {
    truth const real{x, y};
    auto const d = depth(x.size());
    auto const u = unit<T>;
    auto const n = static_cast<long double>(x.size());
    std::size_t faults = 0;
    faults += !(std::abs(sum<Lanes>(x) - real.sum) <= d * u * real.sizes);
    auto const dot_bound = (d + 1) * u * real.dot_sizes + n * std::numeric_limits<T>::denorm_min();
    faults += !(std::abs(dot<Lanes>(x, y) - real.dot) <= dot_bound);
    faults += !(std::abs(norm<Lanes>(x) - real.norm) <= (d / 2 + 2) * u * real.norm);
    if (real.norm != 0 && real.other_norm != 0)
        faults += !(std::abs(cosine<Lanes>(x, y) - real.dot / (real.norm * real.other_norm)) <= (2 * d + 8) * u);
    else
        faults += !std::isnan(cosine<Lanes>(x, y));
    return faults;
}

template <class T>
std::vector<T> row_of(std::size_t size, T value) {
    return std::vector<T>(size, value);
}

} // namespace

TEMPLATE_LIST_TEST_CASE("sums, products and angles of every length and place are within their stated error", "",
                        real_lanes) {
    using T = value_in<TestType>;
    std::mt19937_64 random{5};
    std::vector<T> other(301);
    for (T& number : other) number = any_number<T>(random);
    std::size_t faults = 0;
    with_all_rows<T>(300, [&] { return any_number<T>(random); }, [&](std::span<T const> row) {
        auto const from = other.size() - row.size(); // so that the two rows are aligned differently
        faults += too_far<TestType, T>(row, std::span<T const>{other}.subspan(from));
    });
    CHECK(faults == 0);
}

TEMPLATE_LIST_TEST_CASE("a row that nearly cancels, of great and small numbers, is within the stated error", "",
                        real_lanes) {
    using T = value_in<TestType>;
    std::mt19937_64 random{6};
    std::size_t faults = 0;
    for (std::size_t const size : {2u, 31u, 100u, 1'000u, 4'097u, 70'000u}) {
        std::vector<T> row;
        while (row.size() + 1 < size) { // each with its opposite, and one small one at last
            row.push_back(any_number<T>(random) * std::ldexp(T{1}, static_cast<int>(random() % 20)));
            row.push_back(-row.back());
        }
        std::shuffle(row.begin(), row.end(), random);
        row.push_back(T{1} / 1024);
        faults += too_far<TestType, T>(row, row);
    }
    CHECK(faults == 0);
}

TEMPLATE_LIST_TEST_CASE("a long row is as exact as a short one, for it is added by halves", "", real_lanes) {
    using T = value_in<TestType>;
    // Numbers of one size and sign, each rounded the same way: the worst for a chain of additions.
    std::size_t faults = 0;
    for (std::size_t const size : {1'000'000u, 1'048'576u, 3'000'001u}) {
        auto const row = row_of<T>(size, T{1} / 10 + std::numeric_limits<T>::epsilon());
        faults += too_far<TestType, T>(row, row);
    }
    CHECK(faults == 0);
}

TEMPLATE_LIST_TEST_CASE("nothing and zeros of either sign sum up to +0", "", real_lanes) {
    using T = value_in<TestType>;
    for (std::size_t size = 0; size < 40; ++size) {
        auto const row = row_of<T>(size, -T{0});
        CHECK(sum<TestType>(row) == 0);
        CHECK_FALSE(std::signbit(sum<TestType>(row)));
        CHECK_FALSE(std::signbit(dot<TestType>(row, row_of<T>(size, T{1}))));
        CHECK(norm<TestType>(row) == 0);
        CHECK(std::isnan(cosine<TestType>(row, row_of<T>(size, T{1}))));
    }
}

TEMPLATE_LIST_TEST_CASE("one NaN or infinity at any place spreads, and infinities of both signs are a NaN", "",
                        real_lanes) {
    using T = value_in<TestType>;
    std::size_t faults = 0;
    for (std::size_t const size : {1u, 2u, 3u, 5u, 17u, 64u, 133u}) {
        auto const ones = row_of<T>(size, T{1});
        for (std::size_t place = 0; place < size; ++place) {
            auto row = ones;
            row[place] = nan_of<T>;
            faults += !std::isnan(sum<TestType>(row)) + !std::isnan(dot<TestType>(row, ones));
            faults += !std::isnan(norm<TestType>(row)) + !std::isnan(cosine<TestType>(ones, row));
            row[place] = -infinity<T>;
            faults += sum<TestType>(row) != -infinity<T>;
            faults += dot<TestType>(ones, row) != -infinity<T>;
            faults += norm<TestType>(row) != infinity<T>;
            faults += !std::isnan(cosine<TestType>(row, ones));
            if (place == 0) continue;
            row[0] = infinity<T>;
            faults += !std::isnan(sum<TestType>(row));
            faults += norm<TestType>(row) != infinity<T>;
        }
    }
    CHECK(faults == 0);
}

TEMPLATE_LIST_TEST_CASE("a length is right where the squares overflow or vanish", "", real_lanes) {
    using T = value_in<TestType>;
    using limits = std::numeric_limits<T>;
    std::size_t faults = 0;
    for (std::size_t const size : {1u, 2u, 4u, 25u, 400u}) {
        // The roots of these sizes are rounded well below what is allowed.
        auto const root = std::sqrt(static_cast<long double>(size));
        for (T const number : {limits::max() / 32, -std::sqrt(limits::max()), limits::min(), -limits::denorm_min(),
                               37 * limits::denorm_min(), std::sqrt(limits::min()) / 3}) {
            auto const expected = root * std::abs(static_cast<long double>(number));
            auto const error = std::abs(norm<TestType>(row_of(size, number)) - expected);
            // Among the least numbers only steps of the least are to be had.
            faults += !(error <= (depth(size) / 2 + 2) * unit<T> * expected + limits::denorm_min());
        }
    }
    CHECK(faults == 0);
    CHECK(norm<TestType>(row_of(1, limits::max())) == limits::max());
    CHECK(norm<TestType>(row_of(2, limits::max())) == infinity<T>); // longer than the greatest number
    CHECK(norm<TestType>(std::array<T, 2>{3 * limits::denorm_min(), 4 * limits::denorm_min()}) ==
          5 * limits::denorm_min());
}

TEMPLATE_LIST_TEST_CASE("an angle does not depend on how long the rows are", "", real_lanes) {
    using T = value_in<TestType>;
    using limits = std::numeric_limits<T>;
    std::array<T, 3> const x{3, 4, 0};
    std::array<T, 3> const y{4, 3, 0};
    for (T const factor : {T{1}, limits::max() / 8, limits::min(), limits::denorm_min()}) {
        auto longer = x;
        for (T& number : longer) number *= factor;
        CHECK(std::abs(cosine<TestType>(longer, y) - T{24} / 25) <= 10 * limits::epsilon());
        CHECK(std::abs(cosine<TestType>(y, longer) - T{24} / 25) <= 10 * limits::epsilon());
        CHECK(std::abs(cosine<TestType>(longer, longer) - 1) <= 10 * limits::epsilon());
    }
}

TEMPLATE_LIST_TEST_CASE("a cosine is never outside of -1 and 1", "", real_lanes) {
    using T = value_in<TestType>;
    std::mt19937_64 random{7};
    std::size_t faults = 0;
    std::size_t ones = 0;
    for (int round = 0; round < 3'000; ++round) {
        std::vector<T> x(1 + random() % 20);
        for (T& number : x) number = any_number<T>(random);
        auto y = x;
        for (T& number : y) number *= 3;
        faults += !(cosine<TestType>(x, y) <= 1);
        ones += cosine<TestType>(x, y) == 1;
        for (T& number : y) number = -number;
        faults += !(cosine<TestType>(x, y) >= -1);
    }
    CHECK(faults == 0);
    CHECK(ones > 0); // where rounding up was cut off, among others
}

TEMPLATE_LIST_TEST_CASE("a sum of integers is that of 64 bits, at every length and place", "", all_lanes) {
    using T = value_in<TestType>;
    if constexpr (std::is_integral_v<T>) {
        using wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
        static_assert(std::is_same_v<decltype(sum<TestType>(std::span<T const>{})), wide>);
        std::mt19937_64 random{8};
        std::size_t faults = 0;
        with_all_rows<T>(300, [&] { return any_number<T>(random); }, [&](std::span<T const> row) {
            std::uint64_t expected = 0;
            for (T const number : row) expected += static_cast<std::uint64_t>(number);
            faults += sum<TestType>(row) != static_cast<wide>(expected);
        });
        CHECK(faults == 0);
    }
}

TEMPLATE_LIST_TEST_CASE("a long sum of the greatest integers neither saturates nor loses a carry", "", all_lanes) {
    using T = value_in<TestType>;
    if constexpr (std::is_integral_v<T>) {
        for (T const number : {std::numeric_limits<T>::max(), std::numeric_limits<T>::min()}) {
            auto const row = row_of<T>(100'003, number);
            CHECK(static_cast<std::uint64_t>(sum<TestType>(row)) == 100'003 * static_cast<std::uint64_t>(number));
        }
    }
}

TEMPLATE_LIST_TEST_CASE("a count agrees with a loop at every length and place", "", all_lanes) {
    using T = value_in<TestType>;
    std::mt19937_64 random{9};
    std::size_t faults = 0;
    auto const one_of_few = [&] {
        if constexpr (std::is_integral_v<T>) return static_cast<T>(T{7} ^ (random() % 4 ? T{0} : T{1} << random() % 31));
        else return std::array<T, 5>{7, -7, nan_of<T>, infinity<T>, 8}[random() % 5];
    };
    with_all_rows<T>(300, one_of_few, [&](std::span<T const> row) {
        std::size_t expected = 0;
        for (T const number : row) expected += number == T{7};
        faults += count<TestType>(row, T{7}) != expected;
    });
    CHECK(faults == 0);
}

TEMPLATE_LIST_TEST_CASE("a count of a long row is exact", "", all_lanes) {
    using T = value_in<TestType>;
    // More steps than a lane counts in one go.
    auto const row = row_of<T>((1 << 16) * 4 * TestType::width + 3, T{9});
    CHECK(count<TestType>(row, T{9}) == row.size());
    CHECK(count<TestType>(row, T{8}) == 0);
}

TEMPLATE_LIST_TEST_CASE("-0 counts as 0, and no NaN counts", "", real_lanes) {
    using T = value_in<TestType>;
    for (std::size_t size = 0; size < 70; ++size) {
        CHECK(count<TestType>(row_of(size, -T{0}), T{0}) == size);
        CHECK(count<TestType>(row_of(size, nan_of<T>), nan_of<T>) == 0);
    }
}

TEST_CASE("a row is a vector, an array or a span, and two may differ in kind") {
    std::vector<float> const x{1, 2, 3};
    float const y[]{4, 5, 6};
    CHECK(sum(x) == 6);
    CHECK(sum(y) == 15);
    CHECK(dot(x, y) == 32);
    CHECK(dot(y, std::span<float const>{x}) == 32);
    CHECK(norm(std::array<double, 2>{3, 4}) == 5);
    CHECK(count(std::vector<int>{1, 2, 1}, 1) == 2);
    CHECK(sum(std::vector<int>{2'000'000'000, 2'000'000'000}) == 4'000'000'000);
}
