// weir/io/received.hpp: what was received, in the block of a pool that was leased for it.
#pragma once

#include <weir/memory/block_lease.hpp>
#include <weir/memory/buffer.hpp>
#include <weir/memory/bytes.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace weir::inline v0::io {

// At the start of its block; without a block at the peer's end.
class received {
public:
    received() = default;
    received(block_lease block, std::size_t size) noexcept : block_{std::move(block)}, size_{size} {}

    // The peer's end.
    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    std::span<std::byte> content() const noexcept {
        return size_ == 0 ? std::span<std::byte>{} : block_.room().first(size_);
    }
    // The same without the lease; the block goes back with the last of them.  Cost: nothing.
    bytes freeze() && noexcept { return size_ == 0 ? bytes{} : std::move(block_).freeze(size_); }
    buffer into_buffer() && noexcept { return size_ == 0 ? buffer{} : std::move(block_).into_buffer(size_); }

private:
    block_lease block_;
    std::size_t size_ = 0;
};

} // namespace weir::io
