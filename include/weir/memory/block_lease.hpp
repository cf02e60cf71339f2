// weir/memory/block_lease.hpp: the sole use of one of a pool's blocks, until it goes back or lives on in bytes.
// Threads:  one at a time; it may move to another and go back from there.
// Not:      to be had here; buffer_pool.hpp gives it out.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/memory/buffer.hpp>
#include <weir/memory/bytes.hpp>
#include <weir/memory/shared_block.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace weir::inline v0 {

class block_lease {
public:
    // Of nothing.
    block_lease() = default;
    block_lease(block_lease&& other) noexcept : block_{std::exchange(other.block_, nullptr)} {}
    block_lease& operator=(block_lease&& other) noexcept {
        block_lease taken{std::move(other)};
        std::swap(block_, taken.block_);
        return *this;
    }
    // The block goes back.  Cost: two stores and an exchange on the pool's word.
    ~block_lease() {
        if (block_) block_->release_hold();
    }

    // False for nothing. Everything below needs a block.
    explicit operator bool() const noexcept { return block_ != nullptr; }
    // The block, with whatever its last user left there.
    std::span<std::byte> room() const noexcept { return {checked().data(), checked().capacity()}; }
    // Which of its pool's blocks it is: the same number for the same memory as long as the pool lasts.
    std::uint16_t id() const noexcept { return checked().number(); }

    // Its first `n` bytes; the block goes back with their last slice, or at once when there is none.
    // Needs: n <= room().size().  Cost: nothing.
    bytes freeze(std::size_t n) && noexcept;
    // A buffer on the block, with the first `n` bytes readable already. What `split` and `freeze` give keeps the block
    // out; a buffer that outgrows it leaves it for ordinary memory.  Needs: n <= room().size().  Cost: nothing.
    buffer into_buffer(std::size_t n = 0) && noexcept;
    // Lets go without giving back: the block is out until buffer_pool::adopt(id).
    std::uint16_t release() && noexcept { return take().number(); }

private:
    friend class buffer_pool;
    // Takes over the only hold.
    explicit block_lease(shared_block::lent& block) noexcept : block_{&block} {}

    shared_block::lent& checked() const noexcept {
        WEIR_ASSERT(block_, "a lease of nothing has no block");
        return *block_;
    }
    shared_block::lent& take() noexcept {
        shared_block::lent& block = checked();
        block_ = nullptr;
        return block;
    }

    // I1: it is the only holder of the block.
    shared_block::lent* block_ = nullptr;
};

inline bytes block_lease::freeze(std::size_t n) && noexcept {
    WEIR_ASSERT(n <= room().size(), "more was frozen than a block holds");
    shared_block::lent& block = take();
    return {&block, block.data(), n};
}

inline buffer block_lease::into_buffer(std::size_t n) && noexcept {
    WEIR_ASSERT(n <= room().size(), "more is readable than a block holds");
    return buffer{take(), n};
}

} // namespace weir
