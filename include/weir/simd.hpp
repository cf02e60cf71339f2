// weir/simd.hpp: kernels that look at many bytes, or numbers, in one step.
// All are pure functions of their arguments, and need no alignment. They use the vectors that the translation unit's
// flags (-march) allow, through xsimd where it is installed and in plain words where it is not.
#pragma once

#include <weir/simd/find.hpp>    // find_byte, find_any_of, find_sequence, count_byte
#include <weir/simd/ascii.hpp>   // equal_ignoring_case, is_token, to_lower, parse_decimal
#include <weir/simd/reduce.hpp>  // sum, dot, norm, cosine, count
#include <weir/simd/extreme.hpp> // min, max, argmin, argmax
