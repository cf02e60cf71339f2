// weir/net/stream_socket.hpp: one end of a connection that carries bytes: what TCP and Unix sockets share.
// Sockets are close-on-exec, and no send raises SIGPIPE.
// Threads:  one receiving and one sending coroutine at a time.
#pragma once

#include <weir/coro/concepts.hpp>
#include <weir/coro/task.hpp>
#include <weir/io/op/poll.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/recv_block.hpp>
#include <weir/io/op/send.hpp>
#include <weir/io/op/send_message.hpp>
#include <weir/io/op/send_zc.hpp>
#include <weir/net/socket.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>

namespace weir::inline v0::net {

// What a buffered stream stands on: a socket, or what is wrapped round one.
template <class S>
concept byte_stream = requires(S const& s, std::span<std::byte> into, std::span<iovec const> pieces, buffer_pool& pool) {
    // Waits until there is something to receive, or the end.
    { s.readable() } -> awaitable;
    // At least one byte; 0 at the peer's end.
    { s.recv(into) } -> awaitable;
    // The same into a block that is leased when there is something.
    { s.recv_block(pool) } -> awaitable;
    // Takes a part at least.
    { s.send(pieces) } -> awaitable;
};

class stream_socket : public socket {
public:
    using socket::socket;

    // As io::recv: 0 is the peer's end.
    auto recv(std::span<std::byte> into) const noexcept { return io::recv(file_.ref(), into); }
    // As io::recv_block: a connection that waits holds no buffer.
    auto recv_block(buffer_pool& pool) const noexcept { return io::recv_block(file_.ref(), pool); }
    // As io::poll_readable.
    auto readable() const noexcept { return io::poll_readable(file_.ref()); }
    // As io::send: may take a part only.
    auto send(std::span<std::byte const> from) const noexcept { return io::send(file_.ref(), from); }
    // The same of pieces, by one call.  Needs: at most IOV_MAX (1024) of them.
    auto send(std::span<iovec const> pieces) const noexcept { return io::send_message(file_.ref(), pieces); }
    // As io::send_zc: for long answers through a network card, while the answer's place is not needed soon.
    auto send_zc(std::span<std::byte const> from) const noexcept { return io::send_zc(file_.ref(), from); }
    // Sends all of it.  Errors: those of send(2).
    // Cancel: some of it may be on its way; the connection is of no further use then.
    task<result<void>> send_all(std::span<std::byte const> from) const;

    // Tells the peer that nothing more comes; receiving goes on.
    void shutdown_write() const noexcept { ::shutdown(file_.number(), SHUT_WR); }
};

static_assert(byte_stream<stream_socket>);

inline task<result<void>> stream_socket::send_all(std::span<std::byte const> from) const {
    while (!from.empty()) {
        auto const sent = co_await send(from);
        if (!sent) co_return sent.error();
        from = from.subspan(*sent);
    }
    co_return {};
}

} // namespace weir::net
