// tests/model/seam/weir/metrics/shard.hpp: in a model the copies belong to fibers by their numbers: two, which three share.
#pragma once

#include "../../../explorer.hpp"

#include <cstddef>

namespace weir::inline v0 {

inline constexpr std::size_t max_shards = 2;

inline std::size_t shard_count() noexcept { return max_shards; }

inline std::size_t this_shard() noexcept {
    int const thread = model::explorer::running()->thread();
    return static_cast<std::size_t>(thread < 0 ? 0 : thread) % max_shards;
}

} // namespace weir
