// weir/io/op/recv_block.hpp: receives into a block of a pool that is leased when there is something to put in.
// So a connection that waits holds no buffer, however many there are. On io_uring the kernel takes the block from a ring
// that the driver keeps filled; elsewhere, and when that ring runs short, the socket is waited for first.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/recv_ring.hpp>
#include <weir/io/uring_abi.hpp>
#include <weir/memory/block_lease.hpp>
#include <weir/memory/buffer.hpp>
#include <weir/memory/buffer_pool.hpp>
#include <weir/memory/bytes.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/socket.h>
#include <utility>

namespace weir::io {

// What was received, at the start of its block; without a block at the peer's end.
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

class recv_block_op : public op_awaiter<recv_block_op, received> {
public:
    recv_block_op(fd_ref socket, buffer_pool& pool) noexcept : op_awaiter{socket}, pool_{pool} {}

    static constexpr readiness ready_when = readiness::readable;
    attempt try_now() noexcept {
        block_ = pool_.try_lease();
        if (!block_) return -ENOBUFS;
        auto const room = block_.room();
        int const got = system_call([&] { return ::recv(file().number(), room.data(), room.size(), MSG_DONTWAIT); });
        if (got <= 0) block_ = {};
        return {got, got > 0 && static_cast<std::size_t>(got) < room.size()};
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        ring_ = runs_short_ ? nullptr : home().blocks_of(pool_);
        entry.opcode = tried_when_ready;
        if (!ring_) return;
        entry.opcode = IORING_OP_RECV;
        entry.fd = file().number();
        entry.flags = IOSQE_BUFFER_SELECT;
        entry.buf_group = ring_->group();
    }
    bool hears(int& result, std::uint32_t flags) noexcept {
        if (flags & IORING_CQE_F_BUFFER) {
            block_ = ring_->take(flags);
            if (result <= 0) block_ = {};
        }
        if (result != -ENOBUFS) return true;
        // The pool has none left: in a while it may. The ring had none: that is said before there is anything to receive,
        // so what the pool still has is leased when there is.
        if (!ring_) return postpone(result);
        ring_->refill();
        runs_short_ = true;
        return submit_again(result);
    }
    received value_of(int got) noexcept { return {std::move(block_), static_cast<std::size_t>(got)}; }

private:
    buffer_pool& pool_;
    recv_ring* ring_ = nullptr; // of the current try
    bool runs_short_ = false;
    block_lease block_;
};

// Returns: result<received>, as much as there is, up to a block; empty at the peer's end.
// Needs:   the pool to outlive the runtime.
// Errors:  those of recv(2). Where the pool has no block left it waits for one, and asks every 10 ms.
// Cancel:  nothing was received; or the receive has won and gives its bytes.
// Cost:    no block while it waits. On io_uring a worker's ring keeps an eighth of the pool, 64 blocks at most.
inline operation<recv_block_op, fd_ref, buffer_pool&> recv_block(fd_ref socket, buffer_pool& pool) noexcept {
    return operation<recv_block_op, fd_ref, buffer_pool&>{socket, pool};
}

} // namespace weir::io
