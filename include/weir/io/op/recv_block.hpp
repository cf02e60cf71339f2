// weir/io/op/recv_block.hpp: receives into a block of a pool that is leased when there is something to put in.
// So a connection that waits holds no buffer, however many there are. On io_uring the kernel takes the block from a ring
// that the driver keeps filled; elsewhere, and when that ring runs short, the socket is waited for first.
#pragma once

#include <weir/io/block_receiver.hpp>
#include <weir/io/op.hpp>
#include <weir/io/received.hpp>
#include <weir/io/uring_abi.hpp>
#include <weir/memory/buffer_pool.hpp>

#include <cerrno>
#include <cstdint>

namespace weir::inline v0::io {

class recv_block_op : public op_awaiter<recv_block_op, received> {
public:
    recv_block_op(fd_ref socket, buffer_pool& pool) noexcept : op_awaiter{socket}, blocks_{pool} {}

    static constexpr readiness ready_when = readiness::readable;
    attempt try_now() noexcept { return blocks_.try_now(file().number()); }
    void prepare_entry(io_uring_sqe& entry) noexcept { blocks_.prepare_entry(entry, file().number(), home()); }
    bool hears(int& result, std::uint32_t flags) noexcept {
        blocks_.hears(result, flags);
        if (result != -ENOBUFS) return true;
        return blocks_.had_ring_only() ? submit_again(result) : postpone(result);
    }
    received value_of(int got) noexcept { return blocks_.take(got); }

private:
    block_receiver blocks_;
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
