// weir/io/op/send.hpp: sends as much of a span as a socket takes.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <cstddef>
#include <span>
#include <sys/socket.h>

namespace weir::inline v0::io {

class send_op : public op_awaiter<send_op, std::size_t> {
public:
    send_op(fd_ref socket, std::span<std::byte const> from) noexcept : op_awaiter{socket}, from_{from} {}

    static constexpr readiness ready_when = readiness::writable;
    attempt try_now() noexcept {
        return system_call(
            [&] { return ::send(file().number(), from_.data(), from_.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_SEND;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(from_.data());
        entry.len = length_in_a_call(from_.size());
        entry.msg_flags = MSG_NOSIGNAL;
    }
    std::size_t value_of(int sent) const noexcept { return static_cast<std::size_t>(sent); }

private:
    std::span<std::byte const> const from_;
};

// Returns: result<size_t>, the bytes taken, which may be fewer than there are.  Needs: `from` untouched until then.
// Errors: those of send(2); EPIPE comes as an error, never as a signal.
// Cancel: nothing was taken; or the send has won and says how much.
inline operation<send_op, fd_ref, std::span<std::byte const>> send(fd_ref socket, std::span<std::byte const> from) noexcept {
    return operation<send_op, fd_ref, std::span<std::byte const>>{socket, from};
}

} // namespace weir::io
