// weir/io/op/accept.hpp: takes the next connection of a listening socket.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <sys/socket.h>

namespace weir::inline v0::io {

class accept_op : public op_awaiter<accept_op, fd> {
public:
    explicit accept_op(fd_ref listener) noexcept : op_awaiter{listener} {}

    static constexpr readiness ready_when = readiness::readable;
    attempt try_now() noexcept {
        return system_call([&] { return ::accept4(file().number(), nullptr, nullptr, SOCK_CLOEXEC); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_ACCEPT;
        entry.fd = file().number();
        entry.accept_flags = SOCK_CLOEXEC;
    }
    fd value_of(int number) const noexcept { return fd{number}; }
};

// Returns: result<fd>, close-on-exec.  Needs: a listening socket; on epoll one that does not block.
// Errors: those of accept(2); what only this connection suffered (ECONNABORTED and the like) is for the caller to skip.
// Cancel: no connection is lost: it stays in the listener's queue, or the accept has won and gives it.
inline operation<accept_op, fd_ref> accept(fd_ref listener) noexcept { return operation<accept_op, fd_ref>{listener}; }

} // namespace weir::io
