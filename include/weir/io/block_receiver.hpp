// weir/io/block_receiver.hpp: how a receive comes to the block of a pool that it fills, at the moment when it has
// something: from the ring that the driver provides to the kernel, or leased for a try once the socket is ready.
// For:      authors of primitives.
#pragma once

#include <weir/io/driver.hpp>
#include <weir/io/op.hpp>
#include <weir/io/received.hpp>
#include <weir/io/recv_ring.hpp>
#include <weir/io/uring_abi.hpp>
#include <weir/memory/block_lease.hpp>
#include <weir/memory/buffer_pool.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <sys/socket.h>
#include <utility>

namespace weir::inline v0::io {

class block_receiver {
public:
    explicit block_receiver(buffer_pool& pool) noexcept : pool_{pool} {}

    // -ENOBUFS where the pool has none.
    attempt try_now(int socket) noexcept;
    // From the driver's ring, unless that has run short.
    void prepare_entry(io_uring_sqe& entry, int socket, driver& home) noexcept;
    // Takes what a completion brings, if anything.
    void hears(int result, std::uint32_t flags) noexcept;
    // After ENOBUFS. The ring had none: that is said before there is anything to receive, so what the pool still has is
    // leased when there is. False: it is the pool that has none left; in a while it may.
    bool had_ring_only() noexcept;
    // After something was received: takes from the ring again, if there is enough in it.
    void try_ring_again(driver& home) noexcept;
    received take(int size) noexcept { return {std::move(block_), static_cast<std::size_t>(size)}; }

private:
    buffer_pool& pool_;
    recv_ring* ring_ = nullptr; // of the current try
    bool runs_short_ = false;
    block_lease block_;
};

inline attempt block_receiver::try_now(int socket) noexcept {
    block_ = pool_.try_lease();
    if (!block_) return -ENOBUFS;
    auto const room = block_.room();
    int const got = system_call([&] { return ::recv(socket, room.data(), room.size(), MSG_DONTWAIT); });
    if (got <= 0) block_ = {};
    return {got, got > 0 && static_cast<std::size_t>(got) < room.size()};
}

inline void block_receiver::prepare_entry(io_uring_sqe& entry, int socket, driver& home) noexcept {
    ring_ = runs_short_ ? nullptr : home.blocks_of(pool_);
    entry.opcode = tried_when_ready;
    if (!ring_) return;
    entry.opcode = IORING_OP_RECV;
    entry.fd = socket;
    entry.flags = IOSQE_BUFFER_SELECT;
    entry.buf_group = ring_->group();
}

inline void block_receiver::hears(int result, std::uint32_t flags) noexcept {
    if (!(flags & IORING_CQE_F_BUFFER)) return;
    block_ = ring_->take(flags);
    if (result <= 0) block_ = {};
}

inline bool block_receiver::had_ring_only() noexcept {
    if (!ring_) return false;
    ring_->refill();
    runs_short_ = true;
    return true;
}

inline void block_receiver::try_ring_again(driver& home) noexcept {
    if (!runs_short_) return;
    recv_ring* const ring = home.blocks_of(pool_);
    if (!ring) return;
    ring->refill();
    runs_short_ = ring->is_scarce();
}

} // namespace weir::io
