// weir/net/socket_option.hpp: what can be set at a socket and read back, each with the type of its value.
//     socket.set(net::user_timeout, 30s);
//     auto const idle = socket.get(net::keep_alive_idle);
#pragma once

#include <weir/base/result.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <sys/socket.h>
#include <type_traits>

namespace weir::inline v0::net {

// `Value` is bool, a count, a length of time, or for linger an optional one.
template <class Value>
class socket_option {
public:
    using value_type = Value;
    constexpr socket_option(int level, int name) noexcept : level_{level}, name_{name} {}

    // Errors: errc::unsupported where this system or this kind of socket has no such option; std::errc::invalid_argument
    //         for a value that the option cannot have; else those of setsockopt(2).
    result<void> set(int socket, Value value) const noexcept;
    // Errors: errc::unsupported likewise; those of getsockopt(2).
    result<Value> get(int socket) const noexcept;

private:
    static constexpr bool lingers = std::is_same_v<Value, std::optional<std::chrono::seconds>>;
    using raw = std::conditional_t<lingers, linger, int>;

    static std::optional<raw> encode(Value value) noexcept;
    static Value decode(raw const& from) noexcept;
    static std::error_code last_error() noexcept {
        bool const unknown = errno == ENOPROTOOPT || errno == EOPNOTSUPP;
        return unknown ? make_error_code(errc::unsupported) : system_error_code(errno);
    }

    int level_;
    int name_;
};

// Of every socket. The kernel reserves, and tells, twice the bytes that were asked for, within its bounds
// (net.core.rmem_max); what is to count for TCP's window is set before connecting or listening.
inline constexpr socket_option<int> receive_buffer{SOL_SOCKET, SO_RCVBUF};
inline constexpr socket_option<int> send_buffer{SOL_SOCKET, SO_SNDBUF};
inline constexpr socket_option<bool> reuse_address{SOL_SOCKET, SO_REUSEADDR};
// Several sockets of one port, among whom the kernel spreads what comes.
inline constexpr socket_option<bool> reuse_port{SOL_SOCKET, SO_REUSEPORT};
// An IPv6 socket takes no IPv4.
inline constexpr socket_option<bool> only_v6{IPPROTO_IPV6, IPV6_V6ONLY};

// Of TCP. Small writes leave at once and are not gathered (Nagle).
inline constexpr socket_option<bool> no_delay{IPPROTO_TCP, TCP_NODELAY};
// Asks a silent peer whether it is still there: after `idle`, then every `interval`, and gives up after `count` times.
inline constexpr socket_option<bool> keep_alive{SOL_SOCKET, SO_KEEPALIVE};
inline constexpr socket_option<std::chrono::seconds> keep_alive_idle{IPPROTO_TCP, TCP_KEEPIDLE};
inline constexpr socket_option<std::chrono::seconds> keep_alive_interval{IPPROTO_TCP, TCP_KEEPINTVL};
inline constexpr socket_option<int> keep_alive_count{IPPROTO_TCP, TCP_KEEPCNT};
// Acknowledges at once; the kernel goes back to delaying by itself, so it is set again where it matters.
inline constexpr socket_option<bool> quick_ack{IPPROTO_TCP, TCP_QUICKACK};
// How long what was sent may stay unacknowledged before the connection ends with ETIMEDOUT; 0 is the system's time.
inline constexpr socket_option<std::chrono::milliseconds> user_timeout{IPPROTO_TCP, TCP_USER_TIMEOUT};
// Of a listener: how many connections may wait that have sent data with their SYN. Of a socket before it connects: the
// first send goes with the SYN, so connecting succeeds at once and the send tells of its failure.
// The system's net.ipv4.tcp_fastopen decides; where it refuses, both are as without.
inline constexpr socket_option<int> fast_open{IPPROTO_TCP, TCP_FASTOPEN};
inline constexpr socket_option<bool> fast_open_connect{IPPROTO_TCP, TCP_FASTOPEN_CONNECT};
// What closing does: nothing is the usual, which sends the rest behind its back; 0 s drops the rest and resets the
// connection; a longer time makes close(2) wait, which a worker must not.
inline constexpr socket_option<std::optional<std::chrono::seconds>> linger_time{SOL_SOCKET, SO_LINGER};

template <class Value>
result<void> socket_option<Value>::set(int socket, Value value) const noexcept {
    auto const encoded = encode(value);
    if (!encoded) return std::make_error_code(std::errc::invalid_argument);
    if (::setsockopt(socket, level_, name_, &*encoded, sizeof *encoded) < 0) return last_error();
    return {};
}

template <class Value>
result<Value> socket_option<Value>::get(int socket) const noexcept {
    raw from{};
    socklen_t size = sizeof from;
    if (::getsockopt(socket, level_, name_, &from, &size) < 0) return last_error();
    return decode(from);
}

// Nothing where the number does not fit: a time beyond it would become a short one.
template <class Value>
auto socket_option<Value>::encode(Value value) noexcept -> std::optional<raw> {
    constexpr auto most = std::numeric_limits<int>::max();
    if constexpr (lingers) {
        if (value && (value->count() < 0 || value->count() > most)) return std::nullopt;
        return linger{value ? 1 : 0, value ? static_cast<int>(value->count()) : 0};
    } else if constexpr (std::is_arithmetic_v<Value>) {
        return static_cast<int>(value);
    } else {
        if (value.count() < 0 || value.count() > most) return std::nullopt;
        return static_cast<int>(value.count());
    }
}

template <class Value>
Value socket_option<Value>::decode(raw const& from) noexcept {
    if constexpr (lingers) {
        return from.l_onoff ? Value{std::chrono::seconds{from.l_linger}} : std::nullopt;
    } else if constexpr (std::is_same_v<Value, bool>) {
        return from != 0;
    } else {
        return Value{from};
    }
}

} // namespace weir::net
