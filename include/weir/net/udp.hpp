// weir/net/udp.hpp: UDP: datagrams one at a time, and many by one call of the kernel.
// Sockets are close-on-exec. Datagrams may be lost, doubled and reordered on their way.
#pragma once

#include <weir/coro/task.hpp>
#include <weir/io/op/poll.hpp>
#include <weir/io/op/send_to.hpp>
#include <weir/net/address.hpp>
#include <weir/net/datagram_batch.hpp>
#include <weir/net/datagram_socket.hpp>
#include <weir/net/datagram_train.hpp>
#include <weir/net/socket_option.hpp>

#include <cerrno>
#include <cstddef>
#include <span>
#include <sys/socket.h>
#include <utility>

namespace weir::inline v0::net {

class udp_options {
public:
    udp_options() {}
    bool reuse_port = false; // several sockets of one port, among whom the kernel spreads senders
    bool only_v6 = false;    // an IPv6 socket of any address takes no IPv4
    int receive_buffer = 0;  // bytes; 0 leaves it to the system
    int send_buffer = 0;
    bool joined = false;     // the kernel may join datagrams of one sender (GRO): recv_batch only, and not recv_from
};

class udp_socket : public datagram_socket {
public:
    udp_socket() = default;
    explicit udp_socket(io::fd file) noexcept : datagram_socket{std::move(file)} {}

    // Errors: those of socket, setsockopt and bind(2); errc::unsupported for an option that the system lacks.
    static result<udp_socket> bind(address const& at, udp_options options = {});
    // Of AF_INET or AF_INET6; bound when it first sends.
    static result<udp_socket> open(int family) noexcept;

    // Returns: result<size_t>, all of `from`.  Needs: `from` untouched until then.
    // Errors: EMSGSIZE for what is too long for a datagram; ENETUNREACH and the like; ECONNREFUSED, if connected.
    // Cancel: nothing was sent; or the send has won.
    auto send_to(std::span<std::byte const> from, address const& to) const noexcept {
        return io::send_to(file_.ref(), from, to.storage(), to.length());
    }

    // Sends all of them, in order, in as few calls as the kernel lets it: neighbours of one size and receiver leave as
    // one message that it cuts (GSO), where it can.
    // Returns: how many were taken, from the first on: all, unless an error or a stop came in between, which the next
    //          call meets again.
    // Errors:  those of sendmsg(2), for the first one.
    // Needs:   `datagrams` and their bytes untouched until then.
    // Cancel:  as above: says how many were sent; those are on their way.
    // Cost:    a frame of some KiB; a call for each 64 of them at least.
    task<result<std::size_t>> send_batch(std::span<outgoing_datagram const> datagrams) const;

    // Waits for at least one datagram, and takes as many as there are and `into` has messages for.
    // Returns: how many are in `into`; 0 when all that came was too long (datagram_batch::truncated).
    // Errors:  those of recvmmsg(2), ECONNREFUSED where an earlier send met nobody.
    // Needs:   `into` untouched until then.
    // Cancel:  nothing was received, and `into` is empty.
    task<result<std::size_t>> recv_batch(datagram_batch& into) const;

private:
    result<void> prepare(address const& at, udp_options const& options) const noexcept;
};

namespace detail {

inline constexpr socket_option<bool> joins_datagrams{SOL_UDP, UDP_GRO};

} // namespace detail

inline result<udp_socket> udp_socket::open(int family) noexcept {
    auto file = detail::open_socket(family, SOCK_DGRAM);
    if (!file) return file.error();
    return udp_socket{std::move(*file)};
}

inline result<void> udp_socket::prepare(address const& at, udp_options const& options) const noexcept {
    if (options.reuse_port)
        if (auto const done = set(net::reuse_port, true); !done) return done;
    if (at.family() == AF_INET6)
        if (auto const done = set(net::only_v6, options.only_v6); !done) return done;
    if (options.receive_buffer > 0)
        if (auto const done = set(net::receive_buffer, options.receive_buffer); !done) return done;
    if (options.send_buffer > 0)
        if (auto const done = set(net::send_buffer, options.send_buffer); !done) return done;
    if (options.joined) {
        auto const done = set(detail::joins_datagrams, true);
        if (!done && done.error() != errc::unsupported) return done; // without it they come one by one
    }
    return bind_to(at);
}

inline result<udp_socket> udp_socket::bind(address const& at, udp_options options) {
    auto made = open(at.family());
    if (!made) return made;
    if (auto const ready = made->prepare(at, options); !ready) return ready.error();
    return made;
}

inline task<result<std::size_t>> udp_socket::send_batch(std::span<outgoing_datagram const> datagrams) const {
    detail::datagram_train train;
    std::size_t sent = 0;
    bool one_by_one = false;
    while (sent < datagrams.size()) {
        int const taken = train.send_now(file_.number(), datagrams.subspan(sent), one_by_one);
        if (taken >= 0) {
            sent += static_cast<std::size_t>(taken);
        } else if (taken == -EAGAIN) {
            auto const ready = co_await io::poll_writable(file_.ref());
            if (ready) continue;
            if (sent > 0) break;
            co_return ready.error();
        } else if (train.cut_refused(taken) && !one_by_one) {
            one_by_one = true; // the device cannot, or the path is too narrow for one of them
        } else {
            if (sent > 0) break;
            co_return system_error_code(-taken);
        }
    }
    co_return sent;
}

inline task<result<std::size_t>> udp_socket::recv_batch(datagram_batch& into) const {
    for (;;) {
        int const count = into.receive_now(file_.number());
        if (count >= 0) co_return into.size();
        if (count != -EAGAIN) co_return system_error_code(-count);
        auto const ready = co_await io::poll_readable(file_.ref());
        if (!ready) co_return ready.error();
    }
}

} // namespace weir::net
