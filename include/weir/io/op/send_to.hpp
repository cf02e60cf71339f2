// weir/io/op/send_to.hpp: sends a datagram to an address.
// Not:      for a Unix socket without a connection: nobody tells when there is room at the receiver's, and who waits for
//           it asks again and again on io_uring, and for ever on epoll; net::unix_datagram::try_send_to does not wait.
#pragma once

#include <weir/io/op/send_message.hpp>

#include <cstddef>
#include <span>
#include <sys/socket.h>

namespace weir::inline v0::io {

namespace detail {

// Outlives the operation that points into it, as a base before it.
class addressed_piece : immovable {
public:
    addressed_piece(std::span<std::byte const> bytes, sockaddr_storage const& to, socklen_t length) noexcept
        : to_{to}, piece_{const_cast<std::byte*>(bytes.data()), bytes.size()} { // the kernel does not write there
        header_.msg_name = &to_;
        header_.msg_namelen = length;
        header_.msg_iov = &piece_;
        header_.msg_iovlen = 1;
    }
    msghdr const& header() const noexcept { return header_; }

private:
    sockaddr_storage to_;
    iovec piece_;
    msghdr header_{};
};

} // namespace detail

class send_to_op : detail::addressed_piece, public send_message_op {
public:
    send_to_op(fd_ref socket, std::span<std::byte const> bytes, sockaddr_storage const& to, socklen_t length) noexcept
        : addressed_piece{bytes, to, length}, send_message_op{socket, header()} {}
};

// Returns: result<size_t>, all of `bytes`.  Needs: `bytes` untouched until then.
// Errors: those of sendmsg(2): EMSGSIZE for what is too long for a datagram.
// Cancel: nothing was sent; or the send has won.
inline auto send_to(fd_ref socket, std::span<std::byte const> bytes, sockaddr_storage const& to,
                    socklen_t length) noexcept {
    using bytes_sent = std::span<std::byte const>;
    return operation<send_to_op, fd_ref, bytes_sent, sockaddr_storage, socklen_t>{socket, bytes, to, length};
}

} // namespace weir::io
