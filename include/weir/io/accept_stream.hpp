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

#include <cerrno>
#include <coroutine>
#include <cstddef>

namespace weir::io {

class accept_stream_options {
public:
    accept_stream_options() {}
    std::size_t backlog = 64; // connections accepted and not taken at which it pauses, until half are left; at least 1
};

class accept_stream : immovable {
    class next_op;

public:
    // Asks nothing of the kernel before the first `next`.  Needs: a listening socket that does not block.
    explicit accept_stream(fd_ref listener, accept_stream_options options = {});
    // As close(). The listener may be closed at once.  Needs: no coroutine in `next`; the runtime still runs.
    ~accept_stream();

    // Returns: result<fd>, close-on-exec.
    // Errors: those of accept(2) that concern the listener, from then on; errc::closed.
    // Cancel: no connection is lost: it goes to the next taker.
    // Order:  first come, first served; connections in the order in which the kernel gives them.
    operation<next_op, accept_core&> next() noexcept;

    // Ends it: who waits gets errc::closed, and what was accepted and not taken is closed.  Threads: any.
    void close() noexcept;

    accept_counts counts() const noexcept;

private:
    accept_core* const core_;
};

class accept_stream::next_op : immovable {
public:
    explicit next_op(accept_core& of) noexcept : of_{of}, taker_{of} {}

    bool await_ready() noexcept {
        taker_.number = of_.try_take();
        return taker_.number != -EAGAIN;
    }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
        waits_ = true;
        return taker_.listen(handle) && of_.take_or_wait(taker_);
    }
    result<fd> await_resume() noexcept {
        if (waits_) {
            auto const ended = taker_.finish();
            if (!ended) return ended.error();
        }
        if (taker_.number >= 0) return fd{taker_.number};
        return taker_.number == accept_taker::closed ? make_error_code(errc::closed) : system_error_code(-taker_.number);
    }

private:
    accept_core& of_;
    bool waits_ = false;
    accept_taker taker_;
};

inline accept_stream::accept_stream(fd_ref listener, accept_stream_options options)
    : core_{new accept_core{listener, options.backlog ? options.backlog : 1}} {}

inline accept_stream::~accept_stream() {
    core_->close();
    core_->drop();
}

inline auto accept_stream::next() noexcept -> operation<next_op, accept_core&> {
    return operation<next_op, accept_core&>{*core_};
}
inline void accept_stream::close() noexcept { core_->close(); }
inline accept_counts accept_stream::counts() const noexcept { return core_->counts(); }

} // namespace weir::io
