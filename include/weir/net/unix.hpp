// weir/net/unix.hpp: Unix sockets: connections and datagrams between processes of one machine, and open files with them.
#pragma once

#include <weir/coro/task.hpp>
#include <weir/io/op/connect.hpp>
#include <weir/net/address.hpp>
#include <weir/net/datagram_socket.hpp>
#include <weir/net/descriptor_passing.hpp>
#include <weir/net/listener.hpp>
#include <weir/net/stream.hpp>
#include <weir/net/stream_socket.hpp>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace weir::inline v0::net {

// Who has made the other end, as of when it connected or listened.
class peer_credentials {
public:
    pid_t process = 0;
    uid_t user = 0;
    gid_t group = 0;
};

namespace detail {

template <class Socket>
result<std::pair<Socket, Socket>> make_pair(int type) noexcept {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0) return last_error();
    return std::pair{Socket{io::fd{ends[0]}}, Socket{io::fd{ends[1]}}};
}

} // namespace detail

// One end of a connection.  Threads: one receiving and one sending coroutine at a time.
// What comes with descriptors and is received by `recv` loses them: the kernel closes them.
class unix_socket : public stream_socket {
public:
    using stream_socket::stream_socket;

    // Two ends, connected to each other.
    static result<std::pair<unix_socket, unix_socket>> pair() noexcept {
        return detail::make_pair<unix_socket>(SOCK_STREAM);
    }
    result<peer_credentials> credentials() const noexcept;

    // As net::send_with and net::recv_with.
    auto send_with(std::span<std::byte const> bytes, std::span<io::fd_ref const> files) const {
        return net::send_with(file_.ref(), bytes, files);
    }
    auto recv_with(std::span<std::byte> into, std::vector<io::fd>& files) const {
        return net::recv_with(file_.ref(), into, files);
    }
};

using unix_stream = basic_stream<unix_socket>;

class unix_listen_options {
public:
    unix_listen_options() {}
    int backlog = 1024;        // connections that wait to be accepted; the kernel caps it (somaxconn)
    bool remove_stale = false; // a socket at the path that nobody listens at, as a process that died leaves it
};

class unix_listener : public listener<unix_socket> {
public:
    unix_listener() = default;
    // The path stays behind when the listener ends; an abstract name does not.
    // Errors: those of socket, bind and listen(2): EADDRINUSE where there is something at the path.
    static result<unix_listener> bind(address const& at, unix_listen_options options = {});

private:
    explicit unix_listener(io::fd file) noexcept : listener{std::move(file)} {}
};

// Connects to `to`.  Errors: those of connect(2): ENOENT, ECONNREFUSED where nobody listens, or, on epoll, where too many
// wait already.  Cancel: the attempt is given up.
inline task<result<unix_socket>> connect_unix(address to) {
    auto file = detail::open_socket(AF_UNIX, SOCK_STREAM);
    if (!file) co_return file.error();
    auto const connected = co_await io::connect(file->ref(), to.storage(), to.length());
    if (!connected) co_return connected.error();
    co_return unix_socket{std::move(*file)};
}

// Datagrams that are neither lost nor reordered: `send` waits for room at the receiver's, to whom it must be connected, as
// nobody tells when there is some at another.
class unix_datagram : public datagram_socket {
public:
    using datagram_socket::datagram_socket;

    // Errors: those of socket and bind(2).
    static result<unix_datagram> bind(address const& at) noexcept;
    // Bound to nothing: it may send, and nobody can answer.
    static result<unix_datagram> open() noexcept;
    static result<std::pair<unix_datagram, unix_datagram>> pair() noexcept {
        return detail::make_pair<unix_datagram>(SOCK_DGRAM);
    }

    // Sends to an address without waiting.
    // Errors: errc::overloaded when the receiver has no room; ENOENT, ECONNREFUSED where there is none; EMSGSIZE.
    result<void> try_send_to(std::span<std::byte const> from, address const& to) const noexcept;

    // As net::send_with, to whom it is connected, and net::recv_with.
    auto send_with(std::span<std::byte const> bytes, std::span<io::fd_ref const> files) const {
        return net::send_with(file_.ref(), bytes, files);
    }
    auto recv_with(std::span<std::byte> into, std::vector<io::fd>& files) const {
        return net::recv_with(file_.ref(), into, files);
    }
};

inline result<peer_credentials> unix_socket::credentials() const noexcept {
    ucred raw{};
    socklen_t size = sizeof raw;
    if (::getsockopt(file_.number(), SOL_SOCKET, SO_PEERCRED, &raw, &size) < 0) return detail::last_error();
    peer_credentials who;
    who.process = raw.pid;
    who.user = raw.uid;
    who.group = raw.gid;
    return who;
}

namespace detail {

// A path that refuses a connection and is a socket; a plain file refuses, too.
inline void remove_stale(address const& at) noexcept {
    auto const probe = open_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK);
    if (!probe || ::connect(probe->number(), at.raw(), at.length()) == 0 || errno != ECONNREFUSED) return;
    sockaddr_un path{};
    std::memcpy(&path, at.raw(), at.length());
    char text[sizeof path.sun_path + 1] = {}; // the longest has no zero of its own
    std::memcpy(text, path.sun_path, sizeof path.sun_path);
    struct stat there{};
    if (text[0] != '\0' && ::lstat(text, &there) == 0 && S_ISSOCK(there.st_mode)) ::unlink(text);
}

} // namespace detail

inline result<unix_listener> unix_listener::bind(address const& at, unix_listen_options options) {
    if (at.family() != AF_UNIX) return std::make_error_code(std::errc::address_family_not_supported);
    auto file = open(at);
    if (!file) return file.error();
    unix_listener made{std::move(*file)};
    if (options.remove_stale) detail::remove_stale(at);
    if (auto const listens = made.listen_at(at, options.backlog); !listens) return listens.error();
    return made;
}

inline result<unix_datagram> unix_datagram::open() noexcept {
    auto file = detail::open_socket(AF_UNIX, SOCK_DGRAM);
    if (!file) return file.error();
    return unix_datagram{std::move(*file)};
}

inline result<unix_datagram> unix_datagram::bind(address const& at) noexcept {
    auto made = open();
    if (!made) return made;
    if (auto const bound = made->bind_to(at); !bound) return bound.error();
    return made;
}

inline result<void> unix_datagram::try_send_to(std::span<std::byte const> from, address const& to) const noexcept {
    int const sent = io::system_call([&] {
        return ::sendto(file_.number(), from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL, to.raw(), to.length());
    });
    if (sent == -EAGAIN) return errc::overloaded;
    if (sent < 0) return system_error_code(-sent);
    return {};
}

} // namespace weir::net
