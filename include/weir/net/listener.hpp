// weir/net/listener.hpp: a socket that connections come to, and what a server does about those that fail on the way.
#pragma once

#include <weir/coro/task.hpp>
#include <weir/io/accept_errors.hpp>
#include <weir/io/accept_stream.hpp>
#include <weir/io/op/accept.hpp>
#include <weir/net/socket.hpp>
#include <weir/timer/sleep.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <sys/socket.h>
#include <utility>

namespace weir::inline v0::net {

// Connections arrive as `Socket`.
template <class Socket>
class listener : public socket {
public:
    listener() = default;

    // Returns: the next connection. What only one connection suffered is skipped. When the process has no descriptors or
    // memory left, waits 10 to 100 ms and tries again, for as long as it takes.
    // Errors: those of accept(2) that concern the listener.  Cancel: as io::accept; no connection is lost.
    task<result<Socket>> accept() const;
    // Returns: a connection that waits already; empty when none does, or when none can be had now.
    // Needs: a listener that does not block, as all are that weir opens.  Cost: a system call.
    std::optional<Socket> try_accept() const noexcept;

protected:
    explicit listener(io::fd file) noexcept : socket{std::move(file)} {}

    result<void> listen_at(address const& at, int backlog) const noexcept {
        if (auto const bound = bind_to(at); !bound) return bound;
        if (::listen(file_.number(), backlog) < 0) return detail::last_error();
        return {};
    }
    // It does not block, for epoll's sake: there several may wait for one connection, and all but one find nothing.
    static result<io::fd> open(address const& at) noexcept {
        return detail::open_socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK);
    }
};

// The connections of a listener in turn, accepted ahead: on io_uring by one entry for all of them. For a server under
// load; it takes connections that nobody has asked for yet, so who may want to stop in between uses listener::accept.
//     net::accepted<net::tcp_socket> incoming{listener};
//     for (;;) { auto one = co_await incoming.next(); ... }
// Needs:   the listener to stay open until the first `next`, and the runtime to outlive this.
// Threads: any number of coroutines may take, on any worker.
template <class Socket>
class accepted {
public:
    explicit accepted(listener<Socket> const& from, io::accept_stream_options options = {})
        : stream_{from.ref(), options} {}

    // Errors: those of accept(2) that concern the listener, from then on; errc::closed.
    // Cancel: no connection is lost: it goes to the next taker.
    task<result<Socket>> next() {
        auto taken = co_await stream_.next();
        if (!taken) co_return taken.error();
        co_return Socket{std::move(*taken)};
    }
    // Who waits gets errc::closed; what was accepted and not taken is closed.  Threads: any.
    void close() noexcept { stream_.close(); }
    io::stream_counts counts() const noexcept { return stream_.counts(); }

private:
    io::accept_stream stream_;
};

template <class Socket>
task<result<Socket>> listener<Socket>::accept() const {
    using std::chrono::milliseconds;
    auto pause = milliseconds{10};
    for (;;) {
        auto taken = co_await io::accept(file_.ref());
        if (taken) co_return Socket{std::move(*taken)};
        auto const error = taken.error();
        bool const of_system = error.category() == std::system_category();
        if (of_system && io::concerns_one_connection(error.value())) continue;
        if (!of_system || !io::concerns_resources(error.value())) co_return error;
        auto const slept = co_await sleep_for(pause);
        if (!slept) co_return slept.error();
        pause = std::min(pause * 2, milliseconds{100});
    }
}

template <class Socket>
std::optional<Socket> listener<Socket>::try_accept() const noexcept {
    for (;;) {
        io::fd taken{::accept4(file_.number(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (taken) return Socket{std::move(taken)};
        if (errno != EINTR && !io::concerns_one_connection(errno)) return std::nullopt;
    }
}

} // namespace weir::net
