// weir/io/recv_ring.hpp: blocks of a pool that the kernel takes for what it receives, when it has received something.
// So a connection that waits holds no block. The kernel takes from the ring's head; we add at its tail.
// Threads:  the driver's own.
// Source:   io_uring_register(2), IORING_REGISTER_PBUF_RING; what memory/buffer_pool.hpp says to drivers.
// For:      authors of primitives.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/io/uring_abi.hpp>
#include <weir/memory/buffer_pool.hpp>
#include <weir/memory/page_region.hpp>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <sys/syscall.h>
#include <unistd.h>

namespace weir::inline v0::io {

class recv_ring : immovable {
public:
    // Registers with the io_uring of `ring_file`, as its buffers of `group`, and fills up.
    // Errors: error() says why not.  Needs: the pool to outlive this.
    recv_ring(int ring_file, std::uint16_t group, buffer_pool& pool);
    // Takes back what the kernel did not use.  Needs: no receive of the group in flight.
    ~recv_ring();

    // 0, or the errno of the registration.
    int error() const noexcept { return error_; }
    buffer_pool& pool() const noexcept { return pool_; }
    std::uint16_t group() const noexcept { return group_; }

    // The block that a completion names; another takes its place where the pool has one.
    block_lease take(std::uint32_t completion_flags) noexcept;
    // Adds blocks until it is full or the pool is empty.
    void refill() noexcept;
    // Less than a quarter is left: who asks for many would soon be told that there is none.
    bool is_scarce() const noexcept { return provided_ * 4 < entries_; }

private:
    // A part of the pool only: every worker has a ring, and what lies in one is there for no other.
    static unsigned entries_for(buffer_pool const& pool) noexcept {
        auto const share = pool.capacity() / 8;
        return static_cast<unsigned>(std::bit_floor(share < 1 ? 1 : share > most ? most : share));
    }
    // The header's own type for the ring lies otherwise in C++ than in C; the tail is where the first buffer's resv is.
    io_uring_buf* buffers() const noexcept { return reinterpret_cast<io_uring_buf*>(pages_.memory().data()); }

    static constexpr std::size_t most = 64;

    // R1: the kernel may use the `provided_` entries before tail_, of which it takes the oldest first. So when nothing is
    //     in flight, these are the ones that it has not used.
    buffer_pool& pool_;
    int const ring_file_;
    std::uint16_t const group_;
    unsigned const entries_;
    page_region const pages_;
    std::uint16_t tail_ = 0; // wraps
    unsigned provided_ = 0;
    int error_ = 0;
};

inline recv_ring::recv_ring(int ring_file, std::uint16_t group, buffer_pool& pool)
    : pool_{pool}, ring_file_{ring_file}, group_{group}, entries_{entries_for(pool)},
      pages_{entries_ * sizeof(io_uring_buf), page_kind::plain} {
    io_uring_buf_reg wanted{};
    wanted.ring_addr = reinterpret_cast<std::uint64_t>(pages_.memory().data());
    wanted.ring_entries = entries_;
    wanted.bgid = group;
    if (::syscall(SYS_io_uring_register, ring_file, IORING_REGISTER_PBUF_RING, &wanted, 1) < 0) error_ = errno;
    else refill();
}

inline recv_ring::~recv_ring() {
    if (error_) return;
    io_uring_buf_reg gone{};
    gone.bgid = group_;
    ::syscall(SYS_io_uring_register, ring_file_, IORING_UNREGISTER_PBUF_RING, &gone, 1);
    for (; provided_ > 0; --provided_) // R1
        static_cast<void>(pool_.adopt(buffers()[static_cast<std::uint16_t>(tail_ - provided_) % entries_].bid));
}

inline block_lease recv_ring::take(std::uint32_t completion_flags) noexcept {
    WEIR_ASSERT(provided_ > 0, "the kernel used a buffer that it was not given");
    --provided_; // keeps R1
    block_lease taken = pool_.adopt(static_cast<std::uint16_t>(completion_flags >> IORING_CQE_BUFFER_SHIFT));
    refill(); // a batch of receives may want them all before the next is seen
    return taken;
}

inline void recv_ring::refill() noexcept {
    std::uint16_t const before = tail_;
    while (provided_ < entries_) {
        block_lease lease = pool_.try_lease();
        if (!lease) break;
        io_uring_buf& next = buffers()[tail_ % entries_];
        next.addr = reinterpret_cast<std::uint64_t>(lease.room().data());
        next.len = static_cast<std::uint32_t>(lease.room().size());
        next.bid = std::move(lease).release();
        ++tail_;
        ++provided_;
    }
    if (tail_ == before) return;
    std::atomic_ref<std::uint16_t>{buffers()[0].resv}.store(tail_, release); // [ring] the kernel acquires it
}

} // namespace weir::io
