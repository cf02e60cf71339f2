// weir/io/recv_stream.hpp: what a connection brings, block after block, received ahead of who takes it.
//     io::recv_stream incoming{socket.ref(), pool};
//     for (;;) { auto one = co_await incoming.next(); if (!one || one->empty()) break; ... }
// On io_uring one entry receives until it is called back; elsewhere it is a receive after the other. Each leases its block
// when it has something to put in, so a connection that waits holds none, and what its taker is slow to take holds
// `ahead` of them at most, or some more that were on their way. When the pool has none left, it asks again every 10 ms.
// Threads:  one taker at a time, on any worker; the kernel's side stays with the driver of the first.
// Not:      for datagrams. Not to be mixed with other receives: what came ahead is here, and is lost when this ends.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/coro/operation.hpp>
#include <weir/io/fd.hpp>
#include <weir/io/received.hpp>
#include <weir/io/recv_core.hpp>
#include <weir/io/stream_core.hpp>
#include <weir/io/stream_counts.hpp>
#include <weir/io/stream_next.hpp>
#include <weir/memory/buffer_pool.hpp>

#include <cstddef>

namespace weir::inline v0::io {

class recv_stream_options {
public:
    recv_stream_options() {}
    std::size_t ahead = 4; // blocks received and not taken at which it pauses, until half are left; at least 1
};

class recv_stream : immovable {
public:
    // Asks nothing of the kernel before the first `next`.  Needs: the pool to outlive the runtime.
    explicit recv_stream(fd_ref socket, buffer_pool& pool, recv_stream_options options = {});
    // As close(). The socket may be closed at once, but the connection ends when the kernel's receive has come back.
    // Needs: no coroutine in `next`; the runtime still runs.
    ~recv_stream();

    // Returns: result<received>, as much as came, up to a block; empty at the peer's end, and from then on.
    // Errors: those of recv(2), once all that came before is taken, and from then on; errc::closed.
    // Cancel: nothing was taken: what comes is the next taker's.
    // Cost:   for a request and its answer that of recv_block, within a few per cent; it pays where the peer sends while
    //         the taker is busy.
    operation<stream_next<received>, stream_core<received>&> next() noexcept;

    // Ends it: who waits gets errc::closed, and the blocks that were not taken go back to their pool.  Threads: any.
    void close() noexcept;

    stream_counts counts() const noexcept;

private:
    recv_core* const core_;
};

inline recv_stream::recv_stream(fd_ref socket, buffer_pool& pool, recv_stream_options options)
    : core_{new recv_core{socket, pool, options.ahead}} {}

inline recv_stream::~recv_stream() {
    core_->close();
    core_->drop();
}

inline operation<stream_next<received>, stream_core<received>&> recv_stream::next() noexcept {
    return operation<stream_next<received>, stream_core<received>&>{*core_};
}
inline void recv_stream::close() noexcept { core_->close(); }
inline stream_counts recv_stream::counts() const noexcept { return core_->counts(); }

} // namespace weir::io
