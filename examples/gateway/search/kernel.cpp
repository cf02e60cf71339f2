// examples/gateway/search/kernel.cpp: tiles of rows and queries whose sums stay in registers.
#include "kernel.hpp"

#include <weir/cpu/prefetch.hpp>
#include <weir/simd/lanes.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace gateway {
namespace {

using lanes = weir::simd::number_lanes<float>;
static_assert(row_grain % lanes::width == 0, "a row is a whole number of lanes");

constexpr std::size_t rows_in_tile = 2;
constexpr std::size_t queries_in_tile = 4; // eight sums: as many additions as a core has under way

struct place {
    float const* row;
    float const* query;
    std::size_t stride;
    float* out;
    std::size_t rows; // from the products of one query to those of the next
};

// Written as packs, not as loops: a compiler that leaves a loop over the sums keeps them in memory.
template <std::size_t Queries, std::size_t... N>
void tile(place const& at, std::index_sequence<N...>) noexcept {
    std::array<lanes, sizeof...(N)> sums{};
    for (std::size_t d = 0; d < at.stride; d += lanes::width)
        ((sums[N] = lanes::multiply_add(lanes::load(at.row + N / Queries * at.stride + d),
                                        lanes::load(at.query + N % Queries * at.stride + d), sums[N])),
         ...);
    ((at.out[N % Queries * at.rows + N / Queries] = sums[N].total()), ...);
}

template <std::size_t Rows>
void tiles(place at, std::size_t queries) noexcept {
    for (; queries >= queries_in_tile; queries -= queries_in_tile) {
        tile<queries_in_tile>(at, std::make_index_sequence<Rows * queries_in_tile>{});
        at.query += queries_in_tile * at.stride;
        at.out += queries_in_tile * at.rows;
    }
    if (queries == 3) tile<3>(at, std::make_index_sequence<Rows * 3>{});
    if (queries == 2) tile<2>(at, std::make_index_sequence<Rows * 2>{});
    if (queries == 1) tile<1>(at, std::make_index_sequence<Rows>{});
}

} // namespace

void multiply_rows(float const* row, std::size_t rows, float const* query, std::size_t queries, std::size_t stride,
                   float* out) noexcept {
    constexpr std::size_t ahead = 8; // rows: what the core does meanwhile takes about as long as memory
    place at{row, query, stride, out, rows};
    for (std::size_t left = rows; left > 0;) {
        std::size_t const now = std::min(left, rows_in_tile);
        if (left > ahead)
            weir::prefetch_range<weir::locality::low>(at.row + ahead * stride, now * stride * sizeof(float));
        if (now == rows_in_tile) tiles<rows_in_tile>(at, queries);
        else tiles<1>(at, queries);
        at.row += now * stride;
        at.out += now;
        left -= now;
    }
}

} // namespace gateway
