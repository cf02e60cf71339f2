// weir/net/address.hpp: where a socket listens or connects to: IPv4 or IPv6 with a port, or a Unix socket's path or name.
// Not:      a host's name; resolving one takes time and may fail (resolve.hpp).
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/result.hpp>
#include <weir/net/address_errc.hpp>
#include <weir/net/address_text.hpp>

#include <arpa/inet.h>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

namespace weir::inline v0::net {

class address {
public:
    // No address at all.
    address() noexcept = default;
    // Needs: `length` bytes at `raw`, not more than a sockaddr_storage has.
    address(sockaddr const* raw, socklen_t length) noexcept;

    static address any_v4(std::uint16_t port) noexcept { return v4(INADDR_ANY, port); }
    static address loopback_v4(std::uint16_t port) noexcept { return v4(INADDR_LOOPBACK, port); }
    // With a socket that is not told otherwise, IPv4 as well.
    static address any_v6(std::uint16_t port) noexcept { return v6(in6addr_any, port); }
    static address loopback_v6(std::uint16_t port) noexcept { return v6(in6addr_loopback, port); }
    // Of a Unix socket: a path in the file system, or a name that ends with its socket (Linux) and may hold any byte.
    // Errors: address_errc::no_path, zero_byte (in a path), path_too_long.
    static result<address> at_path(std::string_view path) noexcept;
    static result<address> at_abstract(std::string_view name) noexcept;

    // "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", "unix:/run/one.sock", "unix:@abstract"; behind "unix:", `\x` and
    // two hexadecimal digits are a byte.
    // Errors: an address_errc; where `wrong_at` is given, it gets the offset of what is wrong.
    static result<address> parse(std::string_view text, std::size_t* wrong_at = nullptr);
    // A host alone: "127.0.0.1", "::1", "fe80::1%eth0".  Errors: as parse.
    static result<address> parse_host(std::string_view host, std::uint16_t port, std::size_t* wrong_at = nullptr);

    int family() const noexcept { return storage_.ss_family; }
    // 0 where there is none.
    std::uint16_t port() const noexcept;
    std::uint32_t scope() const noexcept { return family() == AF_INET6 ? as<sockaddr_in6>().sin6_scope_id : 0; }
    address with_port(std::uint16_t port) const noexcept;
    // As parse reads it; empty without an address, and "unix:" for a Unix socket that was bound to nothing.
    std::string to_string() const;

    sockaddr_storage const& storage() const noexcept { return storage_; }
    sockaddr const* raw() const noexcept { return reinterpret_cast<sockaddr const*>(&storage_); }
    socklen_t length() const noexcept { return length_; }

    // By family, host or path, port, scope.
    friend std::strong_ordering operator<=>(address const& a, address const& b) noexcept;
    friend bool operator==(address const& a, address const& b) noexcept { return (a <=> b) == 0; }
    std::size_t hash() const noexcept;

private:
    static address v4(std::uint32_t host, std::uint16_t port) noexcept;
    static address v6(in6_addr const& host, std::uint16_t port, std::uint32_t scope = 0) noexcept;
    static result<address> local(std::string_view path, bool abstract) noexcept;
    static result<address> of(address_text const& parts) noexcept;
    template <class Raw>
    Raw as() const noexcept {
        Raw raw;
        std::memcpy(&raw, &storage_, sizeof raw);
        return raw;
    }
    // The host's bytes, or the path's; an abstract name's begin with a zero.
    std::string_view host_bytes() const noexcept;

    // I1: a path is as long as its text, however many zeros the system has added; so equal paths have equal bytes.
    sockaddr_storage storage_{};
    socklen_t length_ = 0;
};

inline address::address(sockaddr const* raw, socklen_t length) noexcept : length_{length} {
    WEIR_ASSERT(length <= sizeof storage_, "an address that is longer than the system's longest");
    std::memcpy(&storage_, raw, length);
    if (family() != AF_UNIX) return;
    constexpr auto before = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path));
    if (length_ <= before) return;
    char const* const path = reinterpret_cast<char const*>(&storage_) + before;
    if (*path != '\0') length_ = before + static_cast<socklen_t>(::strnlen(path, length_ - before)); // keeps I1
}

inline address address::v4(std::uint32_t host, std::uint16_t port) noexcept {
    sockaddr_in raw{};
    raw.sin_family = AF_INET;
    raw.sin_port = htons(port);
    raw.sin_addr.s_addr = htonl(host);
    return {reinterpret_cast<sockaddr const*>(&raw), sizeof raw};
}

inline address address::v6(in6_addr const& host, std::uint16_t port, std::uint32_t scope) noexcept {
    sockaddr_in6 raw{};
    raw.sin6_family = AF_INET6;
    raw.sin6_port = htons(port);
    raw.sin6_addr = host;
    raw.sin6_scope_id = scope;
    return {reinterpret_cast<sockaddr const*>(&raw), sizeof raw};
}

inline result<address> address::local(std::string_view path, bool abstract) noexcept {
    sockaddr_un raw{};
    std::size_t const begin = abstract ? 1 : 0;
    if (path.empty()) return make_error_code(address_errc::no_path);
    if (path.size() + begin > sizeof raw.sun_path) return make_error_code(address_errc::path_too_long);
    if (!abstract && path.find('\0') != std::string_view::npos) return make_error_code(address_errc::zero_byte);
    raw.sun_family = AF_UNIX;
    std::memcpy(raw.sun_path + begin, path.data(), path.size());
    auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + begin + path.size());
    return address{reinterpret_cast<sockaddr const*>(&raw), length};
}

inline result<address> address::at_path(std::string_view path) noexcept { return local(path, false); }
inline result<address> address::at_abstract(std::string_view name) noexcept { return local(name, true); }

inline result<address> address::parse(std::string_view text, std::size_t* wrong_at) {
    std::size_t ignored = 0;
    std::size_t& at = wrong_at ? *wrong_at : ignored;
    auto const read = address_text::read(text, at);
    if (!read) return read.error();
    auto made = of(*read);
    if (!made) at = read->path_at;
    return made;
}

inline result<address> address::parse_host(std::string_view host, std::uint16_t port, std::size_t* wrong_at) {
    std::size_t ignored = 0;
    auto const read = address_text::read_host(host, port, wrong_at ? *wrong_at : ignored);
    if (!read) return read.error();
    return of(*read);
}

inline result<address> address::of(address_text const& parts) noexcept {
    if (parts.family == AF_INET) return v4(ntohl(parts.v4.s_addr), parts.port);
    if (parts.family == AF_INET6) return v6(parts.v6, parts.port, parts.scope);
    return local(parts.path, parts.abstract);
}

inline std::uint16_t address::port() const noexcept {
    if (family() == AF_INET) return ntohs(as<sockaddr_in>().sin_port);
    if (family() == AF_INET6) return ntohs(as<sockaddr_in6>().sin6_port);
    return 0;
}

inline address address::with_port(std::uint16_t port) const noexcept {
    if (family() == AF_INET) return v4(ntohl(as<sockaddr_in>().sin_addr.s_addr), port);
    if (family() == AF_INET6) return v6(as<sockaddr_in6>().sin6_addr, port, as<sockaddr_in6>().sin6_scope_id);
    return *this;
}

inline std::string_view address::host_bytes() const noexcept {
    auto const* const bytes = reinterpret_cast<char const*>(&storage_);
    constexpr std::size_t path = offsetof(sockaddr_un, sun_path);
    switch (family()) {
        case AF_INET: return {bytes + offsetof(sockaddr_in, sin_addr), sizeof(in_addr)};
        case AF_INET6: return {bytes + offsetof(sockaddr_in6, sin6_addr), sizeof(in6_addr)};
        case AF_UNIX: return {bytes + path, length_ > path ? length_ - path : 0};
        default: return {bytes, length_};
    }
}

inline std::strong_ordering operator<=>(address const& a, address const& b) noexcept {
    if (auto const order = a.family() <=> b.family(); order != 0) return order;
    if (int const order = a.host_bytes().compare(b.host_bytes()); order != 0) return order <=> 0;
    if (auto const order = a.port() <=> b.port(); order != 0) return order;
    return a.scope() <=> b.scope();
}

inline std::size_t address::hash() const noexcept {
    constexpr std::size_t odd = static_cast<std::size_t>(0x9e3779b97f4a7c15);
    std::size_t const host = std::hash<std::string_view>{}(host_bytes());
    return (host ^ (std::size_t{port()} << 16 ^ scope())) * odd;
}

inline std::string address::to_string() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (family() == AF_INET) {
        auto const raw4 = as<sockaddr_in>();
        ::inet_ntop(AF_INET, &raw4.sin_addr, text, sizeof text);
        return std::string{text} + ':' + std::to_string(port());
    }
    if (family() == AF_INET6) {
        auto const raw6 = as<sockaddr_in6>();
        ::inet_ntop(AF_INET6, &raw6.sin6_addr, text, sizeof text);
        auto const scoped = scope() ? '%' + std::to_string(scope()) : std::string{};
        return '[' + std::string{text} + scoped + "]:" + std::to_string(port());
    }
    if (family() != AF_UNIX) return {};
    auto path = host_bytes();
    bool const abstract = path.starts_with('\0');
    if (abstract) path.remove_prefix(1);
    return std::string{address_text::unix_prefix} + (abstract ? "@" : "") + address_text::escaped(path, abstract);
}

} // namespace weir::net

template <>
struct std::hash<weir::net::address> {
    std::size_t operator()(weir::net::address const& of) const noexcept { return of.hash(); }
};
