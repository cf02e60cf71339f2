// weir/net/descriptor_passing.hpp: open files sent to another process through a Unix socket.
// A descriptor that comes is owned at once: by the vector that it is put into, or it is closed, whatever goes wrong.
// For:      authors of primitives; unix.hpp has what uses it.
#pragma once

#include <weir/coro/task.hpp>
#include <weir/io/message.hpp>
#include <weir/io/op/recv_message.hpp>
#include <weir/io/op/send_message.hpp>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace weir::inline v0::net {

// Sends bytes and, with the first of them, descriptors of the same open files.
// Returns: the bytes taken, which in a stream may be fewer; the descriptors have gone with them.
// Errors: errc::too_long for more than io::outgoing::most_descriptors; those of sendmsg(2), ETOOMANYREFS when too many
//         are on their way.
// Needs:  bytes, in a stream at least one; they and the files stay until then.
// Cancel: nothing was sent; or the send has won.
inline task<result<std::size_t>> send_with(io::fd_ref socket, std::span<std::byte const> bytes,
                                           std::span<io::fd_ref const> files) {
    if (files.size() > io::outgoing::most_descriptors) co_return errc::too_long;
    io::outgoing message{bytes};
    for (io::fd_ref const each : files) message.attach(each);
    co_return co_await io::send_message(socket, message);
}

// Receives bytes and adds the descriptors that come along, close-on-exec, to `files`.
// Returns: the bytes; 0 at a stream's end, or for an empty datagram.
// Errors: errc::too_long when more descriptors came than there is room for, here or in the process, or a datagram was
//         longer than `into`: nothing that came along is kept, and a stream is of no further use. Those of recvmsg(2).
// Needs:  `into` and `files` untouched until then.
// Cancel: nothing was received, descriptors included; or the receive has won and gives all of it.
inline task<result<std::size_t>> recv_with(io::fd_ref socket, std::span<std::byte> into, std::vector<io::fd>& files) {
    io::incoming message;
    auto const got = co_await io::recv_message(socket, into, message);
    if (!got) co_return got.error();
    if (message.control_truncated() || message.truncated()) co_return errc::too_long; // the message closes what came
    while (io::fd one = message.take_descriptor()) files.push_back(std::move(one));
    co_return *got;
}

} // namespace weir::net
