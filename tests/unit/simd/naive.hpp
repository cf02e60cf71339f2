// tests/unit/simd/naive.hpp: rows of numbers beside forbidden pages, and what all numeric kernels are tried on.
#pragma once

#include "guarded.hpp"

#include <weir/simd/lanes.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <tuple>
#include <type_traits>

// What a kernel is tried with: the lanes of this build's flags, and the stand-in.
using all_lanes =
    std::tuple<weir::simd::number_lanes<float>, weir::simd::number_lanes<double>, weir::simd::number_lanes<std::int32_t>,
               weir::simd::number_lanes<std::uint32_t>, weir::simd::number_lanes<std::int64_t>,
               weir::simd::number_lanes<std::uint64_t>, weir::simd::plain_numbers<float>,
               weir::simd::plain_numbers<double>, weir::simd::plain_numbers<std::int32_t>,
               weir::simd::plain_numbers<std::uint32_t>, weir::simd::plain_numbers<std::int64_t>,
               weir::simd::plain_numbers<std::uint64_t>>;
using real_lanes = std::tuple<weir::simd::number_lanes<float>, weir::simd::number_lanes<double>,
                              weir::simd::plain_numbers<float>, weir::simd::plain_numbers<double>>;

template <class Lanes>
using value_in = decltype(Lanes{}.total());

// Calls `check(row)` with rows of every length up to `most`, their values from `next()`, at every byte offset that a
// number can stand at within 64 from the beginning of a page, and up against its end.
template <class T, class Next, class Check>
void with_all_rows(std::size_t most, Next next, Check check) {
    guarded const page;
    for (std::size_t size = 0; size <= most; ++size) {
        auto const try_at = [&](char* place) {
            auto* const row = reinterpret_cast<T*>(place);
            for (std::size_t n = 0; n < size; ++n) row[n] = next();
            check(std::span<T const>{row, size});
        };
        for (std::size_t offset = 0; offset < 64; offset += sizeof(T)) try_at(page.begin() + offset);
        try_at(page.end() - size * sizeof(T));
    }
}

// Any number of the type, and often the least, the greatest, and such as differ in their upper or lower half only.
template <class T>
T any_number(std::mt19937_64& random) {
    if constexpr (std::is_floating_point_v<T>) {
        return std::uniform_real_distribution<T>{-1, 1}(random);
    } else {
        switch (random() % 8) {
            case 0: return std::numeric_limits<T>::min();
            case 1: return std::numeric_limits<T>::max();
            case 2: return static_cast<T>(random() % 3);
            case 3: return static_cast<T>(T{5} << (4 * sizeof(T)));
            default: return static_cast<T>(random());
        }
    }
}
