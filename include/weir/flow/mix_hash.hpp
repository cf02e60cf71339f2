// weir/flow/mix_hash.hpp: spreads a hash over all of its bits: that of an integer is often the integer.
// For:      authors of primitives.
// Source:   D. Stafford, "Better Bit Mixing", 2011, variant 13, which splitmix64 ends with, too.
#pragma once

#include <cstdint>

namespace weir::inline v0 {

constexpr std::uint64_t mix_hash(std::uint64_t hash) noexcept {
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
    return hash ^ (hash >> 31);
}

} // namespace weir
