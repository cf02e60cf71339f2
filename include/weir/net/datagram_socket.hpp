// weir/net/datagram_socket.hpp: a socket whose messages keep their bounds: what UDP and Unix datagrams share.
// A datagram that is longer than the room given for it never looks whole: that is an error.
// Threads:  any number of sending and receiving coroutines, each with memory of its own.
#pragma once

#include <weir/coro/task.hpp>
#include <weir/io/message.hpp>
#include <weir/io/op/recv_message.hpp>
#include <weir/io/op/send.hpp>
#include <weir/net/socket.hpp>

#include <cstddef>
#include <span>
#include <sys/socket.h>

namespace weir::inline v0::net {

// What was received: so many bytes, of that sender. A Unix socket that was bound to nothing has no address.
class datagram {
public:
    std::size_t size = 0;
    address from;
};

class datagram_socket : public socket {
public:
    using socket::socket;

    // From now on sends to `to`, receives from there only, and hears of errors that come back. Waits for nothing.
    result<void> connect(address const& to) const noexcept {
        if (::connect(file_.number(), to.raw(), to.length()) < 0) return detail::last_error();
        return {};
    }
    // Receives from anyone again.
    result<void> disconnect() const noexcept {
        sockaddr const nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
        if (::connect(file_.number(), &nobody, sizeof nobody) < 0) return detail::last_error();
        return {};
    }

    // To whom it is connected. As io::send: result<size_t>, all of it.
    // Errors: EDESTADDRREQ, ENOTCONN without a connection; EMSGSIZE; ECONNREFUSED where an earlier one met nobody.
    // Cancel: nothing was sent; or the send has won.
    auto send(std::span<std::byte const> from) const noexcept { return io::send(file_.ref(), from); }

    // The next datagram; an empty one is one, too.
    // Errors: errc::too_long when it was longer than `into`: its beginning is there, the rest is lost; those of
    //         recvmsg(2), ECONNREFUSED where an earlier send met nobody.
    // Needs:  `into` untouched until then.
    // Cancel: nothing was received; or the receive has won and gives it.
    task<result<datagram>> recv_from(std::span<std::byte> into) const {
        io::incoming message;
        auto const got = co_await io::recv_message(file_.ref(), into, message);
        if (!got) co_return got.error();
        if (message.truncated()) co_return errc::too_long;
        datagram one;
        one.size = *got;
        auto const* const from = reinterpret_cast<sockaddr const*>(&message.from());
        if (message.from_length() > 0) one.from = address{from, message.from_length()};
        co_return one;
    }
};

} // namespace weir::net
