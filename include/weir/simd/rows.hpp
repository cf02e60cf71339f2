// weir/simd/rows.hpp: what the kernels of numbers take: a span, a vector, an array, whatever lies in one piece.
// For:      authors of primitives.
#pragma once

#include <weir/simd/lanes.hpp>

#include <cstddef>
#include <iterator>
#include <span>
#include <type_traits>
#include <utility>

namespace weir::inline v0::simd {

template <class Row>
using value_of = std::remove_cvref_t<decltype(*std::data(std::declval<Row const&>()))>;

template <class Row>
concept row = number<value_of<Row>> && requires(Row const& numbers) {
    std::span<value_of<Row> const>{std::data(numbers), std::size(numbers)};
};

template <class Row>
concept real_row = row<Row> && std::floating_point<value_of<Row>>;

template <row Row>
using span_of = std::span<value_of<Row> const>;

// The lanes that a kernel is to use for a row: those of the translation unit's flags, unless it is given others.
struct widest {};
template <class Lanes, row Row>
using lanes_for = std::conditional_t<std::is_same_v<Lanes, widest>, number_lanes<value_of<Row>>, Lanes>;

} // namespace weir::simd
