// examples/gateway/search/kernel.hpp: products of stored rows with one query or several, in one pass over the rows.
// One query waits for memory: 384 dimensions are 1.5 KiB a row, which the core is done with long before the next ones
// arrive. So the rows are read once for all queries at hand, for four queries at a time.
// Error:    as for any order of additions, at most n * u * |row| * |query| for n dimensions, where u is 2^-24.
#pragma once

#include <cstddef>

namespace gateway {

// Rows begin at multiples of this many floats (two cache lines), and are filled up with zeros: no row has a rest.
inline constexpr std::size_t row_grain = 32;

constexpr std::size_t padded(std::size_t dimensions) noexcept {
    return (dimensions + row_grain - 1) / row_grain * row_grain;
}

// out[q * rows + r] is the product of row r and query q; both lie one behind the other, `stride` floats apart.
// Needs: stride is a multiple of row_grain.
void multiply_rows(float const* row, std::size_t rows, float const* query, std::size_t queries, std::size_t stride,
                   float* out) noexcept;

} // namespace gateway
