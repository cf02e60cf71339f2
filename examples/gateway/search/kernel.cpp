// examples/gateway/search/kernel.cpp: tiles of one row and up to four queries, whose sums stay in registers.
#include "kernel.hpp"

#include <weir/simd/lanes.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace gateway {
namespace {

using lanes = weir::simd::number_lanes<float>;

// A core has about eight additions under way, so that is how many sums a tile has: several chains for each query, where
// there are few. One row at a time, as two together are read from memory at less than half the speed.
template <std::size_t Queries>
inline constexpr std::size_t chains = std::min<std::size_t>(Queries <= 2 ? 4 : 2, row_grain / lanes::width);
static_assert(row_grain % (lanes::width * chains<1>) == 0, "a row is a whole number of steps");

struct place {
    float const* row;
    float const* query;
    std::size_t stride;
    float* out;
    std::size_t rows; // from the product of one query to that of the next
};

// Written as packs and not as loops: where a compiler keeps the loop over the sums, it keeps them in memory.
template <std::size_t Queries, std::size_t... N>
void tile(place const& at, std::index_sequence<N...>) noexcept {
    std::array<lanes, sizeof...(N)> sums{}; // of query N % Queries, chain N / Queries
    constexpr std::size_t step = lanes::width * chains<Queries>;
    for (std::size_t d = 0; d < at.stride; d += step)
        ((sums[N] = lanes::multiply_add(lanes::load(at.row + d + N / Queries * lanes::width),
                                        lanes::load(at.query + N % Queries * at.stride + d + N / Queries * lanes::width),
                                        sums[N])),
         ...);
    ((N < Queries ? void() : void(sums[N % Queries] = sums[N % Queries] + sums[N])), ...);
    ((N < Queries ? void(at.out[N % Queries * at.rows] = sums[N % Queries].total()) : void()), ...);
}

template <std::size_t Queries>
void tile(place const& at) noexcept {
    tile<Queries>(at, std::make_index_sequence<Queries * chains<Queries>>{});
}

// Eight queries stay in the first cache beside the rows that pass by.
constexpr std::size_t queries_at_a_time = 8;
// And so many rows in the second one, for the next eight.
constexpr std::size_t rows_at_a_time = 64;

void multiply(place at, std::size_t rows, std::size_t queries) noexcept {
    for (; rows > 0; --rows) {
        place next = at;
        auto left = queries;
        for (; left >= 4; left -= 4) {
            tile<4>(next);
            next.query += 4 * at.stride;
            next.out += 4 * at.rows;
        }
        if (left == 3) tile<3>(next);
        if (left == 2) tile<2>(next);
        if (left == 1) tile<1>(next);
        at.row += at.stride;
        ++at.out;
    }
}

} // namespace

void multiply_rows(float const* row, std::size_t rows, float const* query, std::size_t queries, std::size_t stride,
                   float* out) noexcept {
    for (std::size_t r = 0; r < rows; r += rows_at_a_time)
        for (std::size_t q = 0; q < queries; q += queries_at_a_time)
            multiply(place{row + r * stride, query + q * stride, stride, out + q * rows + r, rows},
                     std::min(rows - r, rows_at_a_time), std::min(queries - q, queries_at_a_time));
}

} // namespace gateway
