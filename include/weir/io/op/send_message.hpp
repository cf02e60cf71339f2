// weir/io/op/send_message.hpp: sends pieces by one call: a datagram of them, or a stretch of a stream.
#pragma once

#include <weir/io/message.hpp>
#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <cstddef>
#include <span>
#include <sys/socket.h>

namespace weir::inline v0::io {

class send_message_op : public op_awaiter<send_message_op, std::size_t> {
public:
    send_message_op(fd_ref socket, msghdr const& header) noexcept : op_awaiter{socket}, header_{header} {}
    send_message_op(fd_ref socket, std::span<iovec const> pieces) noexcept : op_awaiter{socket} {
        header_.msg_iov = const_cast<iovec*>(pieces.data());
        header_.msg_iovlen = pieces.size();
    }

    static constexpr readiness ready_when = readiness::writable;
    attempt try_now() noexcept {
        return system_call([&] { return ::sendmsg(file().number(), &header_, MSG_DONTWAIT | MSG_NOSIGNAL); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_SENDMSG;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(&header_);
        entry.len = 1;
        entry.msg_flags = MSG_NOSIGNAL;
    }
    std::size_t value_of(int sent) const noexcept { return static_cast<std::size_t>(sent); }

private:
    msghdr header_{};
};

// Returns: result<size_t>, the bytes taken: all of them, but for a stream, which may take fewer; what is attached goes
//          with the first byte.
// Needs: `what`, its pieces and their bytes untouched until then.
// Errors: those of sendmsg(2): EMSGSIZE for a datagram that is too long, ECONNREFUSED where an earlier one met nobody.
//         EPIPE comes as an error, never as a signal.
// Cancel: nothing was taken; or the send has won and says how much.
inline operation<send_message_op, fd_ref, msghdr> send_message(fd_ref socket, outgoing const& what) noexcept {
    return operation<send_message_op, fd_ref, msghdr>{socket, what.header()};
}
// The same of pieces alone, at most IOV_MAX (1024) of them.
inline auto send_message(fd_ref socket, std::span<iovec const> pieces) noexcept {
    return operation<send_message_op, fd_ref, std::span<iovec const>>{socket, pieces};
}

} // namespace weir::io
