// weir/io/op/shutdown.hpp: ends one direction of a connection, or both, while the descriptor stays.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <sys/socket.h>

namespace weir::inline v0::io {

enum class directions : unsigned char { receiving = SHUT_RD, sending = SHUT_WR, both = SHUT_RDWR };

class shutdown_op : public op_awaiter<shutdown_op, void> {
public:
    shutdown_op(fd_ref socket, directions which) noexcept : op_awaiter{socket}, how_{static_cast<int>(which)} {}

    static constexpr readiness ready_when = readiness::never_waits;
    attempt try_now() noexcept {
        return system_call([&] { return ::shutdown(file().number(), how_); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_SHUTDOWN;
        entry.fd = file().number();
        entry.len = static_cast<std::uint32_t>(how_);
    }

private:
    int const how_;
};

// What was sent before still arrives, then the peer's receives give 0. Operations of that direction that wait end.
// Returns: result<void>.  Errors: those of shutdown(2), ENOTCONN where the connection has ended.
// Cancel: has no effect; it is short.
inline operation<shutdown_op, fd_ref, directions> shutdown(fd_ref socket, directions which) noexcept {
    return operation<shutdown_op, fd_ref, directions>{socket, which};
}

} // namespace weir::io
