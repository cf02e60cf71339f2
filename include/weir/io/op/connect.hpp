// weir/io/op/connect.hpp: connects a socket to an address.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>

namespace weir::io {

class connect_op : public op_awaiter<connect_op, void> {
public:
    connect_op(fd_ref socket, sockaddr_storage const& to, socklen_t length) noexcept
        : op_awaiter{socket}, to_{to}, length_{length} {}

    static constexpr readiness ready_when = readiness::writable;
    attempt try_now() noexcept {
        if (!started_) return start();
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(file().number(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (!error) { // ready may also mean nothing yet: the kernel reports a fresh socket as hung up
            sockaddr_storage peer;
            socklen_t peer_size = sizeof peer;
            if (::getpeername(file().number(), reinterpret_cast<sockaddr*>(&peer), &peer_size) < 0) return -EAGAIN;
        }
        set_blocking(true);
        return -error;
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_CONNECT;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(&to_);
        entry.off = length_;
    }

private:
    // Sockets block otherwise, and each call says that it does not want to wait; connect has no flag for that.
    void set_blocking(bool blocking) noexcept {
        int const flags = ::fcntl(file().number(), F_GETFL);
        ::fcntl(file().number(), F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
    }
    int start() noexcept {
        started_ = true;
        set_blocking(false);
        if (::connect(file().number(), reinterpret_cast<sockaddr const*>(&to_), length_) == 0) {
            set_blocking(true);
            return 0;
        }
        if (errno == EINPROGRESS || errno == EINTR) return -EAGAIN; // interrupted, it goes on all the same
        int const error = errno;
        set_blocking(true);
        return -error;
    }

    sockaddr_storage const to_;
    socklen_t const length_;
    bool started_ = false;
};

// Returns: result<void>.  Errors: those of connect(2).
// Cancel: the socket is in no known state then; close it.
inline auto connect(fd_ref socket, sockaddr_storage const& to, socklen_t length) noexcept {
    return operation<connect_op, fd_ref, sockaddr_storage, socklen_t>{socket, to, length};
}

} // namespace weir::io
