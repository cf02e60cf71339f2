// examples/gateway/search/view.hpp: what a collection holds at one moment, for as long as somebody looks at it.
#pragma once

#include "block.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace gateway {

// Immutable. Row n is row n % rows_in_block of block n / rows_in_block.
struct view {
    std::uint64_t version = 0;
    std::size_t rows = 0; // written; some of them may have ended
    std::size_t rows_in_block = 1;
    std::vector<std::shared_ptr<block>> blocks;

    block& block_of(std::size_t row) const noexcept { return *blocks[row / rows_in_block]; }
    bool has(block const& in, std::size_t row) const noexcept { return in.ended(row) > version; }
};

} // namespace gateway
