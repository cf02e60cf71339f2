// weir/net/socket.hpp: what all sockets share: a descriptor that is closed at the end, options, and addresses.
#pragma once

#include <weir/base/result.hpp>
#include <weir/io/fd.hpp>
#include <weir/net/address.hpp>
#include <weir/net/socket_option.hpp>

#include <cerrno>
#include <sys/socket.h>
#include <type_traits>
#include <utility>

namespace weir::inline v0::net {

namespace detail {

inline std::error_code last_error() noexcept { return system_error_code(errno); }

// A new one, close-on-exec.
inline result<io::fd> open_socket(int family, int type) noexcept {
    io::fd file{::socket(family, type | SOCK_CLOEXEC, 0)};
    if (!file) return last_error();
    return file;
}

} // namespace detail

class socket {
public:
    socket() = default;
    explicit socket(io::fd file) noexcept : file_{std::move(file)} {}

    // As socket_option says.
    template <class Value>
    result<void> set(socket_option<Value> const& which, std::type_identity_t<Value> value) const noexcept {
        return which.set(file_.number(), value);
    }
    template <class Value>
    result<Value> get(socket_option<Value> const& which) const noexcept {
        return which.get(file_.number());
    }

    // With the port that the kernel chose where 0 was asked for.
    result<address> local() const noexcept { return name(::getsockname); }
    // Errors: ENOTCONN.
    result<address> peer() const noexcept { return name(::getpeername); }

    explicit operator bool() const noexcept { return static_cast<bool>(file_); }
    io::fd_ref ref() const noexcept { return file_.ref(); }
    // Gives the descriptor away.
    io::fd release() noexcept { return std::move(file_); }

protected:
    result<void> bind_to(address const& at) const noexcept {
        if (::bind(file_.number(), at.raw(), at.length()) < 0) return detail::last_error();
        return {};
    }

    io::fd file_;

private:
    template <class Get>
    result<address> name(Get ask) const noexcept {
        sockaddr_storage raw{};
        socklen_t length = sizeof raw;
        if (ask(file_.number(), reinterpret_cast<sockaddr*>(&raw), &length) < 0) return detail::last_error();
        return address{reinterpret_cast<sockaddr const*>(&raw), length};
    }
};

} // namespace weir::net
