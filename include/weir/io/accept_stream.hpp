// weir/io/accept_stream.hpp: the connections of a listening socket in turn, accepted ahead of who takes them.
//     io::accept_stream incoming{listener.ref()};
//     for (;;) { auto one = co_await incoming.next(); ... }
// On io_uring one entry accepts until it is called back; elsewhere it is an accept after the other. When the process
// has no descriptor or memory left, it asks again every 10 ms, and goes on by itself.
// Threads:  any number of coroutines may take, on any worker; the kernel's side stays with the driver of the first.
// Not:      for one connection; op/accept.hpp. Not a bound on what the kernel hands over in one go: that is the
//           listener's own queue, which fills up again when the bound is reached here.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/coro/operation.hpp>
#include <weir/io/accept_core.hpp>
#include <weir/io/fd.hpp>
#include <weir/io/stream_core.hpp>
#include <weir/io/stream_counts.hpp>
#include <weir/io/stream_next.hpp>

#include <cstddef>

namespace weir::inline v0::io {

class accept_stream_options {
public:
    accept_stream_options() {}
    std::size_t backlog = 64; // connections accepted and not taken at which it pauses, until half are left; at least 1
};

class accept_stream : immovable {
public:
    // Asks nothing of the kernel before the first `next`.  Needs: a listening socket that does not block.
    explicit accept_stream(fd_ref listener, accept_stream_options options = {});
    // As close(). The listener may be closed at once.  Needs: no coroutine in `next`; the runtime still runs.
    ~accept_stream();

    // Returns: result<fd>, close-on-exec.
    // Errors: those of accept(2) that concern the listener, from then on; errc::closed.
    // Cancel: no connection is lost: it goes to the next taker.
    // Order:  first come, first served; connections in the order in which the kernel gives them.
    operation<stream_next<fd>, stream_core<fd>&> next() noexcept;

    // Ends it: who waits gets errc::closed, and what was accepted and not taken is closed.  Threads: any.
    void close() noexcept;

    stream_counts counts() const noexcept;

private:
    accept_core* const core_;
};

inline accept_stream::accept_stream(fd_ref listener, accept_stream_options options)
    : core_{new accept_core{listener, options.backlog}} {}

inline accept_stream::~accept_stream() {
    core_->close();
    core_->drop();
}

inline operation<stream_next<fd>, stream_core<fd>&> accept_stream::next() noexcept {
    return operation<stream_next<fd>, stream_core<fd>&>{*core_};
}
inline void accept_stream::close() noexcept { core_->close(); }
inline stream_counts accept_stream::counts() const noexcept { return core_->counts(); }

} // namespace weir::io
