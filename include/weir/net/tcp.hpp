// weir/net/tcp.hpp: TCP listeners and connections.
// Sockets are close-on-exec, and no write raises SIGPIPE.
#pragma once

#include <weir/coro/task.hpp>
#include <weir/io/op/accept.hpp>
#include <weir/io/op/connect.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send.hpp>
#include <weir/net/address.hpp>
#include <weir/timer/sleep.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <netinet/tcp.h>
#include <span>
#include <sys/socket.h>
#include <utility>

namespace weir::net {

namespace detail {

inline std::error_code last_error() noexcept { return system_error_code(errno); }

inline result<void> set_option(int socket, int level, int name, int value) noexcept {
    if (::setsockopt(socket, level, name, &value, sizeof value) < 0) return last_error();
    return {};
}

} // namespace detail

// One end of a connection.  Threads: one receiving and one sending coroutine at a time.
class tcp_socket {
public:
    tcp_socket() = default;
    explicit tcp_socket(io::fd file) noexcept : file_{std::move(file)} {}

    // As io::recv: 0 is the peer's end.
    auto recv(std::span<std::byte> into) const noexcept { return io::recv(file_.ref(), into); }
    // As io::send: may take a part only.
    auto send(std::span<std::byte const> from) const noexcept { return io::send(file_.ref(), from); }
    // Sends all of it.  Errors: those of send(2).
    // Cancel: some of it may be on its way; the connection is of no further use then.
    task<result<void>> send_all(std::span<std::byte const> from) const;

    // Sends small writes at once instead of gathering them (Nagle).
    result<void> set_no_delay(bool on) const noexcept {
        return detail::set_option(file_.number(), IPPROTO_TCP, TCP_NODELAY, on);
    }
    // Tells the peer that nothing more comes; receiving goes on.
    void shutdown_write() const noexcept { ::shutdown(file_.number(), SHUT_WR); }

    result<address> peer() const noexcept;
    explicit operator bool() const noexcept { return static_cast<bool>(file_); }
    io::fd_ref ref() const noexcept { return file_.ref(); }
    io::fd release() noexcept { return std::move(file_); }

private:
    io::fd file_;
};

class listen_options {
public:
    listen_options() {}
    int backlog = 1024;        // connections that wait to be accepted; the kernel caps it (somaxconn)
    bool reuse_port = false;   // several listeners of one port, among whom the kernel spreads connections
    bool only_v6 = false;      // an IPv6 listener of any address takes no IPv4
};

class tcp_listener {
public:
    tcp_listener() = default;
    // Errors: those of socket, bind and listen(2).
    static result<tcp_listener> bind(address const& at, listen_options options = {});

    // Returns: the next connection. What only one connection suffered is skipped. When the process has no descriptors or
    // memory left, waits 10 to 100 ms and tries again, for as long as it takes.
    // Errors: those of accept(2) that concern the listener.  Cancel: as io::accept; no connection is lost.
    task<result<tcp_socket>> accept();

    // With the port that the kernel chose where 0 was asked for.
    result<address> local() const noexcept;
    io::fd_ref ref() const noexcept { return file_.ref(); }

private:
    explicit tcp_listener(io::fd file) noexcept : file_{std::move(file)} {}
    io::fd file_;
};

// Connects to `to`.  Errors: those of connect(2).  Cancel: the attempt is given up.
inline task<result<tcp_socket>> connect_tcp(address to) {
    io::fd file{::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!file) co_return detail::last_error();
    auto const connected = co_await io::connect(file.ref(), to.storage(), to.length());
    if (!connected) co_return connected.error();
    co_return tcp_socket{std::move(file)};
}

inline task<result<void>> tcp_socket::send_all(std::span<std::byte const> from) const {
    while (!from.empty()) {
        auto const sent = co_await send(from);
        if (!sent) co_return sent.error();
        from = from.subspan(*sent);
    }
    co_return {};
}

namespace detail {

template <class GetName>
result<address> name_of(int socket, GetName get_name) noexcept {
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    if (get_name(socket, reinterpret_cast<sockaddr*>(&raw), &length) < 0) return last_error();
    return address{reinterpret_cast<sockaddr const*>(&raw), length};
}

// Whether an error of accept(2) is one of the connection that was to be accepted, or of the network at that moment.
inline bool concerns_one_connection(int error) noexcept {
    switch (error) {
        case ECONNABORTED:
        case EPROTO:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case EOPNOTSUPP:
        case ENETUNREACH:
        case EPERM:
        case ETIMEDOUT: return true;
        default: return false;
    }
}

inline bool concerns_resources(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

} // namespace detail

inline result<address> tcp_socket::peer() const noexcept { return detail::name_of(file_.number(), ::getpeername); }
inline result<address> tcp_listener::local() const noexcept { return detail::name_of(file_.number(), ::getsockname); }

inline result<tcp_listener> tcp_listener::bind(address const& at, listen_options options) {
    // It does not block, for epoll's sake: there several may wait for one connection, and all but one find nothing.
    io::fd file{::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!file) return detail::last_error();
    // A restarted server must get its port back while old connections linger in TIME_WAIT.
    auto set = detail::set_option(file.number(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (set && options.reuse_port) set = detail::set_option(file.number(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (set && at.family() == AF_INET6)
        set = detail::set_option(file.number(), IPPROTO_IPV6, IPV6_V6ONLY, options.only_v6);
    if (!set) return set.error();
    if (::bind(file.number(), at.raw(), at.length()) < 0 || ::listen(file.number(), options.backlog) < 0)
        return detail::last_error();
    return tcp_listener{std::move(file)};
}

inline task<result<tcp_socket>> tcp_listener::accept() {
    using std::chrono::milliseconds;
    auto pause = milliseconds{10};
    for (;;) {
        auto accepted = co_await io::accept(file_.ref());
        if (accepted) co_return tcp_socket{std::move(*accepted)};
        auto const error = accepted.error();
        bool const of_system = error.category() == std::system_category();
        if (of_system && detail::concerns_one_connection(error.value())) continue;
        if (!of_system || !detail::concerns_resources(error.value())) co_return error;
        auto const slept = co_await sleep_for(pause);
        if (!slept) co_return slept.error();
        pause = std::min(pause * 2, milliseconds{100});
    }
}

} // namespace weir::net
