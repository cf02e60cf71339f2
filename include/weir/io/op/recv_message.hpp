// weir/io/op/recv_message.hpp: receives a message together with who sent it and what came along.
#pragma once

#include <weir/io/message.hpp>
#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <cstddef>
#include <span>
#include <sys/socket.h>

namespace weir::inline v0::io {

class recv_message_op : public op_awaiter<recv_message_op, std::size_t> {
public:
    recv_message_op(fd_ref socket, std::span<std::byte> into, incoming& message) noexcept
        : op_awaiter{socket}, into_{into}, message_{message} {}

    static constexpr readiness ready_when = readiness::readable;
    attempt try_now() noexcept {
        msghdr& header = message_.prepare(into_);
        return system_call([&] { return ::recvmsg(file().number(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_RECVMSG;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(&message_.prepare(into_));
        entry.len = 1;
        entry.msg_flags = MSG_CMSG_CLOEXEC;
    }
    std::size_t value_of(int got) noexcept {
        message_.filled();
        return static_cast<std::size_t>(got);
    }

private:
    std::span<std::byte> const into_;
    incoming& message_;
};

// Returns: result<size_t>, the bytes received, at most the length of `into`; `message` says what else there is to say.
//          0 is the end of a stream, or an empty datagram.
// Needs: `into` and `message` untouched until then. Descriptors that `message` holds from before are closed.
// Errors: those of recvmsg(2).  Cancel: nothing was received; or the receive has won and gives the message.
inline auto recv_message(fd_ref socket, std::span<std::byte> into, incoming& message) noexcept {
    return operation<recv_message_op, fd_ref, std::span<std::byte>, incoming&>{socket, into, message};
}

} // namespace weir::io
