// weir/net/tcp.hpp: TCP listeners and connections.
// Sockets are close-on-exec, and no send raises SIGPIPE.
#pragma once

#include <weir/coro/task.hpp>
#include <weir/io/op/connect.hpp>
#include <weir/net/address.hpp>
#include <weir/net/listener.hpp>
#include <weir/net/socket_option.hpp>
#include <weir/net/stream_socket.hpp>

#include <sys/socket.h>
#include <utility>

namespace weir::inline v0::net {

// One end of a connection.  Threads: one receiving and one sending coroutine at a time.
class tcp_socket : public stream_socket {
public:
    using stream_socket::stream_socket;

    // Sends small writes at once instead of gathering them (Nagle).
    result<void> set_no_delay(bool on) const noexcept { return set(no_delay, on); }
};

class listen_options {
public:
    listen_options() {}
    int backlog = 1024;        // connections that wait to be accepted; the kernel caps it (somaxconn)
    bool reuse_port = false;   // several listeners of one port, among whom the kernel spreads connections
    bool only_v6 = false;      // an IPv6 listener of any address takes no IPv4
    int receive_buffer = 0;    // bytes, which its connections inherit; 0 leaves it to the kernel, which adapts
    int fast_open = 0;         // connections that may wait with data in their SYN
};

class tcp_listener : public listener<tcp_socket> {
public:
    tcp_listener() = default;
    // Errors: those of socket, setsockopt, bind and listen(2); errc::unsupported for an option that the system lacks.
    static result<tcp_listener> bind(address const& at, listen_options options = {});

private:
    explicit tcp_listener(io::fd file) noexcept : listener{std::move(file)} {}
    result<void> prepare(address const& at, listen_options const& options) const noexcept;
};

// Connects to `to`.  Errors: those of connect(2).  Cancel: the attempt is given up.
inline task<result<tcp_socket>> connect_tcp(address to) {
    auto file = detail::open_socket(to.family(), SOCK_STREAM);
    if (!file) co_return file.error();
    auto const connected = co_await io::connect(file->ref(), to.storage(), to.length());
    if (!connected) co_return connected.error();
    co_return tcp_socket{std::move(*file)};
}

inline result<void> tcp_listener::prepare(address const& at, listen_options const& options) const noexcept {
    // A restarted server must get its port back while old connections linger in TIME_WAIT.
    if (auto const done = set(net::reuse_address, true); !done) return done;
    if (options.reuse_port)
        if (auto const done = set(net::reuse_port, true); !done) return done;
    if (at.family() == AF_INET6)
        if (auto const done = set(net::only_v6, options.only_v6); !done) return done;
    if (options.receive_buffer > 0)
        if (auto const done = set(net::receive_buffer, options.receive_buffer); !done) return done;
    if (options.fast_open > 0)
        if (auto const done = set(net::fast_open, options.fast_open); !done) return done;
    return listen_at(at, options.backlog);
}

inline result<tcp_listener> tcp_listener::bind(address const& at, listen_options options) {
    auto file = open(at);
    if (!file) return file.error();
    tcp_listener made{std::move(*file)};
    if (auto const ready = made.prepare(at, options); !ready) return ready.error();
    return made;
}

} // namespace weir::net
