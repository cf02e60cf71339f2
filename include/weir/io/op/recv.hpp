// weir/io/op/recv.hpp: receives what a socket has, up to a length.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <cstddef>
#include <span>
#include <sys/socket.h>

namespace weir::inline v0::io {

class recv_op : public op_awaiter<recv_op, std::size_t> {
public:
    recv_op(fd_ref socket, std::span<std::byte> into) noexcept : op_awaiter{socket}, into_{into} {}

    static constexpr readiness ready_when = readiness::readable;
    attempt try_now() noexcept {
        int const got = system_call([&] { return ::recv(file().number(), into_.data(), into_.size(), MSG_DONTWAIT); });
        return {got, got > 0 && static_cast<std::size_t>(got) < into_.size()};
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_RECV;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(into_.data());
        entry.len = length_in_a_call(into_.size());
    }
    std::size_t value_of(int got) const noexcept { return static_cast<std::size_t>(got); }

private:
    std::span<std::byte> const into_;
};

// Returns: result<size_t>, the bytes received; 0 at the peer's end.  Needs: `into` not empty, and untouched until then.
// Errors: those of recv(2).  Cancel: nothing was received; or the receive has won and gives its bytes.
inline operation<recv_op, fd_ref, std::span<std::byte>> recv(fd_ref socket, std::span<std::byte> into) noexcept {
    return operation<recv_op, fd_ref, std::span<std::byte>>{socket, into};
}

} // namespace weir::io
