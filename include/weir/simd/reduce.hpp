// weir/simd/reduce.hpp: rows of numbers that become one: sum, scalar product, length, angle, count of a value.
// A row is whatever lies in one piece: a span, a vector, an array. None is read outside its bounds.
// Order:    sums are added in lanes and by halves, not from left to right, so the last digits differ from those of
//           std::accumulate, and with the translation unit's flags. The same call in one program gives the same result.
// Error:    of a sum of n floats, at most d * u * (the sum of their absolute values) to first order, where
//           d = min(n, 37 + log2 n), whatever the lanes, and u is half of epsilon. From left to right d would be n - 1.
// Special:  NaN and infinities spread as in additions one by one, but what overflows in one order may not in another.
//           Nothing sums up to +0, as do zeros of either sign.
// Source:   N. Higham, "The Accuracy of Floating Point Summation", SIAM J. Sci. Comput. 14(4), 1993.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/simd/rows.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace weir::inline v0::simd {

// The sum.  Returns: the type of the numbers; for integers 64 bits of their sign, modulo 2^64.
template <class Lanes = widest, row Row>
auto sum(Row const& numbers) noexcept;

// The sum of the products.  Needs: rows of one length and type.
// Error: with |x * y| for |x| and one more in d; each product that is too small for its type adds the least number.
template <class Lanes = widest, real_row Row, real_row Other>
value_of<Row> dot(Row const& x, Other const& y) noexcept;

// The Euclidean length. Infinite only where it is too long for its type: squares that overflow or vanish do no harm.
// Error: at most (d / 2 + 2) * u of itself.  Cost: a second and third pass where squares would overflow or vanish.
template <class Lanes = widest, real_row Row>
value_of<Row> norm(Row const& numbers) noexcept;

// The cosine of the angle between x and y, from -1 to 1; NaN where one of them has no direction: it is empty, all zeros,
// or holds an infinity or a NaN.  Needs: rows of one length and type.
// Error: at most (2 * d + 8) * u.  Cost: one pass over both; more where squares would overflow or vanish.
template <class Lanes = widest, real_row Row, real_row Other>
value_of<Row> cosine(Row const& x, Other const& y) noexcept;

// How many equal `value`: by `==`, so that -0 is 0 and no NaN counts.
template <class Lanes = widest, row Row>
std::size_t count(Row const& numbers, value_of<Row> value) noexcept;

namespace detail {

// What is summed up: add() adds the terms from place `at` on, as many as there are lanes, to `count` sums.
template <class T>
struct plain_terms {
    static constexpr std::size_t count = 1;
    using value = T;
    template <class Lanes>
    void add(std::array<Lanes, 1>& sums, std::size_t at) const noexcept {
        sums[0] = sums[0] + Lanes::load(x + at);
    }
    T const* x;
};

template <class T>
struct product_terms {
    static constexpr std::size_t count = 1;
    using value = T;
    template <class Lanes>
    void add(std::array<Lanes, 1>& sums, std::size_t at) const noexcept {
        sums[0] = Lanes::multiply_add(Lanes::load(x + at), Lanes::load(y + at), sums[0]);
    }
    T const* x;
    T const* y;
};

// x * y, x * x and y * y.
template <class T>
struct angle_terms {
    static constexpr std::size_t count = 3;
    using value = T;
    template <class Lanes>
    void add(std::array<Lanes, 3>& sums, std::size_t at) const noexcept {
        auto const a = Lanes::load(x + at);
        auto const b = Lanes::load(y + at);
        sums[0] = Lanes::multiply_add(a, b, sums[0]);
        sums[1] = Lanes::multiply_add(a, a, sums[1]);
        sums[2] = Lanes::multiply_add(b, b, sums[2]);
    }
    T const* x;
    T const* y;
};

// The same of rows that are first multiplied by a power of two each.
template <class T>
struct scaled_angle_terms {
    static constexpr std::size_t count = 3;
    using value = T;
    template <class Lanes>
    void add(std::array<Lanes, 3>& sums, std::size_t at) const noexcept {
        auto const a = Lanes::multiply_add(Lanes::load(x + at), Lanes::fill(scale_x), Lanes{});
        auto const b = Lanes::multiply_add(Lanes::load(y + at), Lanes::fill(scale_y), Lanes{});
        sums[0] = Lanes::multiply_add(a, b, sums[0]);
        sums[1] = Lanes::multiply_add(a, a, sums[1]);
        sums[2] = Lanes::multiply_add(b, b, sums[2]);
    }
    T const* x;
    T const* y;
    T scale_x;
    T scale_y;
};

// Several chains of additions, so that one need not wait for the other, joined by halves.
template <class Lanes, class Terms>
std::array<Lanes, Terms::count> chained(Terms const& terms, std::size_t from, std::size_t to) noexcept {
    constexpr std::size_t chains = 4;
    std::array<Lanes, Terms::count> a, b, c, d;
    for (; to - from >= chains * Lanes::width; from += chains * Lanes::width) {
        terms.add(a, from);
        terms.add(b, from + Lanes::width);
        terms.add(c, from + 2 * Lanes::width);
        terms.add(d, from + 3 * Lanes::width);
    }
    for (; from != to; from += Lanes::width) terms.add(a, from);
    for (std::size_t n = 0; n < a.size(); ++n) a[n] = (a[n] + b[n]) + (c[n] + d[n]);
    return a;
}

// Halves what is long, which keeps the error small.  Needs: a whole number of lanes.
template <class Lanes, class Terms>
std::array<Lanes, Terms::count> by_halves(Terms const& terms, std::size_t from, std::size_t to) noexcept {
    constexpr std::size_t most = 128; // lanes in four chains, so 32 additions in a row
    auto const count = (to - from) / Lanes::width;
    if (count <= most) return chained<Lanes>(terms, from, to);
    auto const middle = from + std::bit_ceil(count) / 2 * Lanes::width;
    auto left = by_halves<Lanes>(terms, from, middle);
    auto const right = by_halves<Lanes>(terms, middle, to);
    for (std::size_t n = 0; n < left.size(); ++n) left[n] = left[n] + right[n];
    return left;
}

// All the terms. What is too short for the lanes goes to narrower ones.
template <class Lanes, class Terms>
auto totals(Terms const& terms, std::size_t from, std::size_t to) noexcept {
    std::array<typename Terms::value, Terms::count> all{};
    auto const rest = (to - from) % Lanes::width;
    if (to - from != rest) {
        auto const sums = by_halves<Lanes>(terms, from, to - rest);
        for (std::size_t n = 0; n < all.size(); ++n) all[n] = sums[n].total();
    }
    if constexpr (Lanes::width > 1) {
        if (rest == 0) return all;
        auto const last = totals<typename Lanes::narrower>(terms, to - rest, to);
        for (std::size_t n = 0; n < all.size(); ++n) all[n] += last[n];
    }
    return all;
}

// Integers of 32 bits, in pairs of 64.
template <class Lanes, class T>
std::uint64_t pair_sum(T const* x, std::size_t size) noexcept {
    typename Lanes::template others<std::uint64_t> a, b;
    std::size_t n = 0;
    for (; size - n >= 2 * Lanes::width; n += 2 * Lanes::width) {
        a = a + Lanes::load(x + n).pairs();
        b = b + Lanes::load(x + n + Lanes::width).pairs();
    }
    auto total = (a + b).total();
    for (; n < size; ++n) total += static_cast<std::uint64_t>(x[n]);
    return total;
}

// Whether n squares with this sum are exact enough: neither has one overflowed, nor have so many vanished as to matter.
template <class T>
bool is_sound(T squares, std::size_t n) noexcept {
    return squares >= static_cast<T>(n) * std::numeric_limits<T>::min() && squares <= std::numeric_limits<T>::max();
}

// A power of two that brings the numbers so near to 1 that their squares neither overflow nor vanish.
template <class T>
T scale_for(T const* x, std::size_t size) noexcept {
    T greatest = 0;
    for (std::size_t n = 0; n < size; ++n) greatest = std::max(greatest, std::abs(x[n]));
    if (greatest == 0 || greatest > std::numeric_limits<T>::max()) return 1;
    // Of the least numbers the reciprocal is too great: these become what has a square at least.
    constexpr int most = std::numeric_limits<T>::max_exponent - 2;
    return std::ldexp(T{1}, std::clamp(-std::ilogb(greatest), -most, most));
}

} // namespace detail

template <class Lanes, row Row>
auto sum(Row const& numbers) noexcept {
    using lanes = lanes_for<Lanes, Row>;
    using value = value_of<Row>;
    auto const* const x = std::data(numbers);
    auto const size = std::size(numbers);
    if constexpr (std::floating_point<value>) {
        return detail::totals<lanes>(detail::plain_terms<value>{x}, 0, size)[0];
    } else {
        // Unsigned, which wraps around.
        using wide = std::conditional_t<std::is_signed_v<value>, std::int64_t, std::uint64_t>;
        if constexpr (sizeof(value) == 4) return static_cast<wide>(detail::pair_sum<lanes>(x, size));
        else {
            using unsigned_lanes = typename lanes::template others<std::uint64_t>;
            detail::plain_terms<std::uint64_t> const terms{reinterpret_cast<std::uint64_t const*>(x)};
            return static_cast<wide>(detail::totals<unsigned_lanes>(terms, 0, size)[0]);
        }
    }
}

template <class Lanes, real_row Row, real_row Other>
value_of<Row> dot(Row const& x, Other const& y) noexcept {
    using value = value_of<Row>;
    static_assert(std::same_as<value, value_of<Other>>, "rows of one type");
    WEIR_ASSERT(std::size(x) == std::size(y), "dot of rows of different lengths");
    detail::product_terms<value> const terms{std::data(x), std::data(y)};
    return detail::totals<lanes_for<Lanes, Row>>(terms, 0, std::size(x))[0];
}

template <class Lanes, real_row Row>
value_of<Row> norm(Row const& numbers) noexcept {
    using lanes = lanes_for<Lanes, Row>;
    using value = value_of<Row>;
    auto const* const x = std::data(numbers);
    auto const size = std::size(numbers);
    auto const squares = detail::totals<lanes>(detail::product_terms<value>{x, x}, 0, size)[0];
    if (detail::is_sound(squares, size) || std::isnan(squares)) return std::sqrt(squares);
    auto const scale = detail::scale_for(x, size);
    auto const scaled = detail::totals<lanes>(detail::scaled_angle_terms<value>{x, x, scale, scale}, 0, size)[1];
    return std::sqrt(scaled) / scale;
}

template <class Lanes, real_row Row, real_row Other>
value_of<Row> cosine(Row const& x, Other const& y) noexcept {
    using lanes = lanes_for<Lanes, Row>;
    using value = value_of<Row>;
    static_assert(std::same_as<value, value_of<Other>>, "rows of one type");
    WEIR_ASSERT(std::size(x) == std::size(y), "cosine of rows of different lengths");
    auto const* const a = std::data(x);
    auto const* const b = std::data(y);
    auto const size = std::size(x);
    auto sums = detail::totals<lanes>(detail::angle_terms<value>{a, b}, 0, size);
    if (!detail::is_sound(sums[1], size) || !detail::is_sound(sums[2], size)) {
        auto const scale_a = detail::scale_for(a, size);
        auto const scale_b = detail::scale_for(b, size);
        sums = detail::totals<lanes>(detail::scaled_angle_terms<value>{a, b, scale_a, scale_b}, 0, size);
    }
    auto const quotient = sums[0] / (std::sqrt(sums[1]) * std::sqrt(sums[2]));
    return std::clamp(quotient, value{-1}, value{1}); // a NaN stays one
}

template <class Lanes, row Row>
std::size_t count(Row const& numbers, value_of<Row> value) noexcept {
    using lanes = lanes_for<Lanes, Row>;
    auto const* const x = std::data(numbers);
    auto const size = std::size(numbers);
    constexpr std::size_t step = 4 * lanes::width;
    constexpr std::size_t most = 1 << 24; // steps whose count fits 32 bits, for all lanes together
    auto const wanted = lanes::fill(value);
    std::size_t found = 0;
    std::size_t n = 0;
    while (size - n >= step) {
        typename lanes::counts a, b, c, d;
        auto const end = n + std::min((size - n) / step, most) * step;
        for (; n < end; n += step) {
            lanes::load(x + n).count(wanted, a);
            lanes::load(x + n + lanes::width).count(wanted, b);
            lanes::load(x + n + 2 * lanes::width).count(wanted, c);
            lanes::load(x + n + 3 * lanes::width).count(wanted, d);
        }
        found += static_cast<std::size_t>(((a + b) + (c + d)).total());
    }
    typename lanes::counts rest;
    for (; size - n >= lanes::width; n += lanes::width) lanes::load(x + n).count(wanted, rest);
    found += static_cast<std::size_t>(rest.total());
    for (; n < size; ++n) found += x[n] == value;
    return found;
}

} // namespace weir::simd
