// weir/io/op/connect.hpp: connects a socket to an address.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/unblocked.hpp>
#include <weir/io/uring_abi.hpp>

#include <cerrno>
#include <optional>
#include <sys/socket.h>

namespace weir::inline v0::io {

class connect_op : public op_awaiter<connect_op, void> {
public:
    connect_op(fd_ref socket, sockaddr_storage const& to, socklen_t length) noexcept
        : op_awaiter{socket}, to_{to}, length_{length} {}

    static constexpr readiness ready_when = readiness::writable;
    // Asked again after a wait, connect tells how the first call went: done, still under way, or its error.
    attempt try_now() noexcept {
        bool const first = !does_not_block_;
        if (first) does_not_block_.emplace(file().number());
        if (!*does_not_block_) return -EBADF;
        int const error = ::connect(file().number(), reinterpret_cast<sockaddr const*>(&to_), length_) < 0 ? errno : 0;
        if (error == EINPROGRESS || error == EALREADY || error == EINTR) return -EAGAIN;
        if (error == EISCONN && !first) return 0;
        // A Unix socket whose peer's backlog is full: nothing would tell when it no longer is.
        if (error == EAGAIN) return -ECONNREFUSED;
        return -error;
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_CONNECT;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(&to_);
        entry.off = length_;
    }

private:
    sockaddr_storage const to_;
    socklen_t const length_;
    std::optional<unblocked> does_not_block_; // sockets block otherwise, and connect has no flag against it
};

// Returns: result<void>.
// Errors: those of connect(2); on epoll ECONNREFUSED also for a Unix socket whose peer's backlog is full, where io_uring
//         waits.
// Cancel: the socket is in no known state then; close it.
inline auto connect(fd_ref socket, sockaddr_storage const& to, socklen_t length) noexcept {
    return operation<connect_op, fd_ref, sockaddr_storage, socklen_t>{socket, to, length};
}

} // namespace weir::io
