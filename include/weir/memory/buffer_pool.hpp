// weir/memory/buffer_pool.hpp: a bounded number of blocks of one size, carved from one run of pages, for any thread.
// Progress: lock-free; a lease is an exchange of one shared word, and so is a return.
// Order:    the block that went back last is the next one out: it is the warmest.
// Memory:   a page is had from the first touch of a block on it, and kept until the pool has ended. Besides, a cache
//           line a block, with its count and its link, so that the blocks themselves stay aligned and untouched.
// Ends:     the pool may go at any time; its memory goes with the last block that is out. So bytes outlive a server.
// Not:      cached by thread: what one thread returned is there for the next, and `try_lease` fails only when every
//           block is out. A block serves a system call, beside which the two exchanges of a shared word are small.
//
// A driver of io_uring provides the blocks to the kernel like this (io_uring_register(2), IORING_REGISTER_PBUF_RING):
//   - it leases blocks and keeps them out by `release`, as many as its ring has entries;
//   - it adds an io_uring_buf for each: addr is block(id), len is block_size(), bid is the id;
//   - a completion with IORING_CQE_F_BUFFER names an id in flags >> IORING_CQE_BUFFER_SHIFT: `adopt(id)` is the lease
//     again, and `std::move(lease).freeze(res)` what was received; with an error in res the lease just goes back;
//   - to refill the ring it leases again: whichever block is free, not the one that was used. When none is, the ring
//     runs short, and the kernel says ENOBUFS, until what was received is dropped somewhere;
//   - before it ends it unregisters the ring and adopts what the kernel did not use. Ids that nobody adopts keep the
//     memory for ever.
// Where buffers are registered as a region (IORING_REGISTER_BUFFERS) it is memory(), which starts and ends with a page.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/memory/block_lease.hpp>
#include <weir/memory/free_list.hpp>
#include <weir/memory/page_region.hpp>
#include <weir/memory/poison.hpp>
#include <weir/memory/shared_block.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

namespace weir::inline v0 {

class buffer_pool_options {
public:
    buffer_pool_options() {}

    std::size_t block_size = 4096;     // bytes, rounded up to whole cache lines
    std::size_t blocks = 1024;         // from 1 to buffer_pool::most_blocks; a ring takes at most 32768 of them
    page_kind pages = page_kind::huge; // the best to be tried
};

class buffer_pool : immovable {
    struct core;
    struct entry;

public:
    static constexpr std::size_t most_blocks = free_list<entry>::most;

    // Cost: a mapping, and an allocation of a cache line a block; no block is touched.
    explicit buffer_pool(buffer_pool_options const& options = {});
    // Needs: no call on the pool itself is in progress or comes.
    ~buffer_pool();

    // A block, or nothing when all are out.  Threads: any.
    block_lease try_lease() noexcept;

    // Bytes of a block.
    std::size_t block_size() const noexcept;
    // Blocks, and how many of them are not out: while other threads lease and return, a moment of the past.
    std::size_t capacity() const noexcept;
    std::size_t available() const noexcept;
    // What the system gave it to lie on.
    page_kind pages() const noexcept;

    // For drivers -----------------------------------------------------------------------------------------------------
    // All blocks, in the order of their ids, from 0 to capacity() - 1, up to the end of the last page.
    std::span<std::byte> memory() const noexcept;
    // The block of that id.  Needs: id < capacity().
    std::byte* block(std::uint16_t id) const noexcept;
    // The lease of which `release` gave the id.  Needs: that, once for each time, and what happened in between happened
    // before this.
    block_lease adopt(std::uint16_t id) noexcept;

private:
    // I1: the core lives until its list says that all is home: `leave` was called and no block is out.
    core* const core_;
};

// On a line of its own: who shares a block's bytes hammers its count.
struct alignas(cache_line) buffer_pool::entry : shared_block::lent {
    entry(core& home, std::byte* data, std::size_t size, std::uint16_t id) noexcept
        : lent{data, size, id, &take_back}, home_{home} {}
    static void take_back(lent& freed) noexcept;

    core& home_;
    atomic<std::uint16_t> next_free{0};
};

struct buffer_pool::core : immovable {
    explicit core(buffer_pool_options const& options);
    ~core();

    // I2: a block that is not out is poisoned.
    std::size_t const block_size;
    std::size_t const blocks;
    page_region const region;
    entry* const table; // of `blocks`
    free_list<entry> unused;

private:
    std::size_t checked_size() const noexcept;
    entry* make_table();
};

inline buffer_pool::buffer_pool(buffer_pool_options const& options) : core_{new core(options)} {}

inline buffer_pool::~buffer_pool() {
    bool const last = core_->unused.leave();
    // -----------------------------------------------------------------------------------------------------------------
    if (last) delete core_; // keeps I1
}

inline block_lease buffer_pool::try_lease() noexcept {
    entry* const taken = core_->unused.try_pop();
    if (!taken) return {};
    unpoison(taken->data(), core_->block_size); // keeps I2
    taken->lend();
    return block_lease{*taken};
}

inline std::size_t buffer_pool::block_size() const noexcept { return core_->block_size; }
inline std::size_t buffer_pool::capacity() const noexcept { return core_->blocks; }
inline std::size_t buffer_pool::available() const noexcept { return core_->unused.size(); }
inline page_kind buffer_pool::pages() const noexcept { return core_->region.pages(); }
inline std::span<std::byte> buffer_pool::memory() const noexcept { return core_->region.memory(); }

inline std::byte* buffer_pool::block(std::uint16_t id) const noexcept {
    WEIR_ASSERT(id < core_->blocks, "a pool has no block of this id");
    return core_->table[id].data();
}

inline block_lease buffer_pool::adopt(std::uint16_t id) noexcept {
    WEIR_ASSERT(id < core_->blocks, "a pool has no block of this id");
    WEIR_ASSERT(core_->table[id].unique(), "a block is adopted that is not out");
    return block_lease{core_->table[id]};
}

// On the thread of the last holder.
inline void buffer_pool::entry::take_back(lent& freed) noexcept {
    auto& mine = static_cast<entry&>(freed);
    core& home = mine.home_;
    poison(mine.data(), mine.capacity()); // keeps I2
    bool const last = home.unused.push(mine);
    // -----------------------------------------------------------------------------------------------------------------
    if (last) delete &home; // keeps I1
}

inline buffer_pool::core::core(buffer_pool_options const& options)
    : block_size{(options.block_size + cache_line - 1) / cache_line * cache_line},
      blocks{options.blocks},
      region{checked_size(), options.pages},
      table{make_table()},
      unused{table, blocks} {
    poison(region.memory().data(), region.memory().size()); // keeps I2
}

inline buffer_pool::core::~core() {
    std::destroy_n(table, blocks);
    std::allocator<entry>{}.deallocate(table, blocks);
}

inline std::size_t buffer_pool::core::checked_size() const noexcept {
    WEIR_ASSERT(block_size > 0, "a pool's blocks have at least one byte");
    WEIR_ASSERT(blocks >= 1 && blocks <= most_blocks, "a pool has between 1 and 65534 blocks");
    return blocks <= SIZE_MAX / block_size ? blocks * block_size : SIZE_MAX; // the latter is refused
}

inline buffer_pool::entry* buffer_pool::core::make_table() {
    entry* const made = std::allocator<entry>{}.allocate(blocks);
    for (std::size_t n = 0; n < blocks; ++n)
        ::new (made + n) entry(*this, region.memory().data() + n * block_size, block_size, static_cast<std::uint16_t>(n));
    return made;
}

} // namespace weir
