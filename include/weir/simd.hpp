// weir/simd.hpp: kernels that look at many bytes in one step.
// All are pure functions of their arguments, and need no alignment. They use the vectors that the translation unit's
// flags (-march) allow, through xsimd where it is installed and in plain words where it is not.
#pragma once

#include <weir/simd/find.hpp> // find_byte, find_any_of, find_sequence, count_byte
