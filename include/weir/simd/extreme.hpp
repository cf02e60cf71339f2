// weir/simd/extreme.hpp: the least and the greatest number of a row, and where it first stands.
// A row is whatever lies in one piece: a span, a vector, an array. None is read outside its bounds.
// Special:  a NaN is passed over, as by std::fmin and std::fmax. Where there is no number, because the row is empty or
//           all NaN, there is no least one: min and max give nothing, argmin and argmax npos. Zeros of both signs are
//           equal, so min and max may return either, and the first of them is the place.
#pragma once

#include <weir/simd/find.hpp>
#include <weir/simd/rows.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>
#include <optional>

namespace weir::inline v0::simd {

template <class Lanes = widest, row Row>
std::optional<value_of<Row>> min(Row const& numbers) noexcept;
template <class Lanes = widest, row Row>
std::optional<value_of<Row>> max(Row const& numbers) noexcept;

// Cost: one pass, and the few kilobytes that hold the first a second time.
template <class Lanes = widest, row Row>
std::size_t argmin(Row const& numbers) noexcept;
template <class Lanes = widest, row Row>
std::size_t argmax(Row const& numbers) noexcept;

namespace detail {

struct least {
    // What any other number comes before, and so what is kept where there is none.
    template <class T>
    static constexpr T last = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                                   : std::numeric_limits<T>::max();
    template <class Lanes>
    static Lanes pick(Lanes x, Lanes kept) noexcept { return Lanes::lesser(x, kept); }
    template <class Lanes>
    static auto of(Lanes lanes) noexcept { return lanes.least(); }
    template <class T>
    static bool before(T a, T b) noexcept { return a < b; }
};

struct greatest {
    template <class T>
    static constexpr T last = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                                   : std::numeric_limits<T>::lowest();
    template <class Lanes>
    static Lanes pick(Lanes x, Lanes kept) noexcept { return Lanes::greater(x, kept); }
    template <class Lanes>
    static auto of(Lanes lanes) noexcept { return lanes.greatest(); }
    template <class T>
    static bool before(T a, T b) noexcept { return a > b; }
};

// The number that comes first in this order, or the order's last.
template <class Order, class Lanes, class T>
T extreme(T const* x, std::size_t size) noexcept {
    constexpr auto width = Lanes::width;
    constexpr auto last = Order::template last<T>;
    if constexpr (width > 1) {
        if (size < width || !Lanes::compares) return extreme<Order, typename Lanes::narrower>(x, size);
    }
    if (size == 0) return last;
    auto a = Lanes::fill(last), b = a, c = a, d = a;
    std::size_t n = 0;
    for (; size - n >= 4 * width; n += 4 * width) {
        a = Order::pick(Lanes::load(x + n), a);
        b = Order::pick(Lanes::load(x + n + width), b);
        c = Order::pick(Lanes::load(x + n + 2 * width), c);
        d = Order::pick(Lanes::load(x + n + 3 * width), d);
    }
    for (; size - n >= width; n += width) a = Order::pick(Lanes::load(x + n), a);
    if (n != size) b = Order::pick(Lanes::load(x + size - width), b); // again over some, which changes nothing
    return Order::of(Order::pick(Order::pick(a, b), Order::pick(c, d)));
}

// The first place in [from, to) with this value.
template <class Lanes, class T>
std::size_t place_of(T value, T const* x, std::size_t from, std::size_t to) noexcept {
    auto const wanted = Lanes::fill(value);
    for (; to - from >= Lanes::width; from += Lanes::width)
        if (auto const mask = Lanes::load(x + from).mask(wanted); mask != 0)
            return from + static_cast<std::size_t>(std::countr_zero(mask));
    for (; from < to; ++from)
        if (x[from] == value) return from;
    return npos;
}

template <class Order, class Lanes, class T>
std::optional<T> find_extreme(T const* x, std::size_t size) noexcept {
    auto const value = extreme<Order, Lanes>(x, size);
    // The order's last is what is kept without a number too.
    if (value == Order::template last<T> && place_of<Lanes>(value, x, 0, size) == npos) return std::nullopt;
    return value;
}

template <class Order, class Lanes, class T>
std::size_t place_of_extreme(T const* x, std::size_t size) noexcept {
    constexpr std::size_t block = 4096 / sizeof(T);
    auto best = Order::template last<T>;
    std::size_t from = 0;
    std::size_t to = size; // everywhere, while nothing comes before the last
    for (std::size_t n = 0; n < size; n += block) {
        auto const here = std::min(block, size - n);
        auto const value = extreme<Order, Lanes>(x + n, here);
        if (!Order::before(value, best)) continue;
        best = value;
        from = n;
        to = n + here;
    }
    return place_of<Lanes>(best, x, from, to);
}

} // namespace detail

template <class Lanes, row Row>
std::optional<value_of<Row>> min(Row const& numbers) noexcept {
    return detail::find_extreme<detail::least, lanes_for<Lanes, Row>>(std::data(numbers), std::size(numbers));
}

template <class Lanes, row Row>
std::optional<value_of<Row>> max(Row const& numbers) noexcept {
    return detail::find_extreme<detail::greatest, lanes_for<Lanes, Row>>(std::data(numbers), std::size(numbers));
}

template <class Lanes, row Row>
std::size_t argmin(Row const& numbers) noexcept {
    return detail::place_of_extreme<detail::least, lanes_for<Lanes, Row>>(std::data(numbers), std::size(numbers));
}

template <class Lanes, row Row>
std::size_t argmax(Row const& numbers) noexcept {
    return detail::place_of_extreme<detail::greatest, lanes_for<Lanes, Row>>(std::data(numbers), std::size(numbers));
}

} // namespace weir::simd
