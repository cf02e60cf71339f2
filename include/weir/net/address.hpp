// weir/net/address.hpp: where a socket listens or connects to: an IPv4 or IPv6 address and a port.
// Not:      a name; resolving one takes time and may fail.
#pragma once

#include <weir/base/result.hpp>

#include <arpa/inet.h>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace weir::net {

class address {
public:
    // No address at all.
    address() noexcept = default;
    address(sockaddr const* raw, socklen_t length) noexcept : length_{length} { std::memcpy(&storage_, raw, length); }

    static address any_v4(std::uint16_t port) noexcept { return v4(INADDR_ANY, port); }
    static address loopback_v4(std::uint16_t port) noexcept { return v4(INADDR_LOOPBACK, port); }
    // With a socket that is not told otherwise, IPv4 as well.
    static address any_v6(std::uint16_t port) noexcept { return v6(in6addr_any, port); }
    static address loopback_v6(std::uint16_t port) noexcept { return v6(in6addr_loopback, port); }

    // "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80".
    // Errors: std::errc::invalid_argument for anything else, a name or a missing port included.
    static result<address> parse(std::string_view text);

    int family() const noexcept { return storage_.ss_family; }
    std::uint16_t port() const noexcept;
    address with_port(std::uint16_t port) const noexcept;
    // As parse reads it; empty without an address.
    std::string to_string() const;

    sockaddr_storage const& storage() const noexcept { return storage_; }
    sockaddr const* raw() const noexcept { return reinterpret_cast<sockaddr const*>(&storage_); }
    socklen_t length() const noexcept { return length_; }

    bool operator==(address const& other) const noexcept { return to_string() == other.to_string(); }

private:
    static address v4(std::uint32_t host, std::uint16_t port) noexcept {
        sockaddr_in raw{};
        raw.sin_family = AF_INET;
        raw.sin_port = htons(port);
        raw.sin_addr.s_addr = htonl(host);
        return {reinterpret_cast<sockaddr const*>(&raw), sizeof raw};
    }
    static address v6(in6_addr const& host, std::uint16_t port, std::uint32_t scope = 0) noexcept {
        sockaddr_in6 raw{};
        raw.sin6_family = AF_INET6;
        raw.sin6_port = htons(port);
        raw.sin6_addr = host;
        raw.sin6_scope_id = scope;
        return {reinterpret_cast<sockaddr const*>(&raw), sizeof raw};
    }
    template <class Raw>
    Raw as() const noexcept {
        Raw raw;
        std::memcpy(&raw, &storage_, sizeof raw);
        return raw;
    }

    sockaddr_storage storage_{};
    socklen_t length_ = 0;
};

namespace detail {

// Digits and nothing else, up to `most`.
inline std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t most) noexcept {
    std::uint32_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
    return value;
}

// The number of a network interface, by name or number.
inline std::optional<std::uint32_t> parse_scope(std::string_view text) {
    if (text.empty()) return std::nullopt;
    if (auto const number = parse_number(text, UINT32_MAX)) return number;
    unsigned const index = ::if_nametoindex(std::string{text}.c_str());
    return index ? std::optional<std::uint32_t>{index} : std::nullopt;
}

} // namespace detail

inline result<address> address::parse(std::string_view text) {
    std::error_code const bad = std::make_error_code(std::errc::invalid_argument);
    if (text.find('\0') != std::string_view::npos) return bad; // would end the texts below early
    auto const colon = text.rfind(':');
    if (colon == std::string_view::npos) return bad;
    auto const port = detail::parse_number(text.substr(colon + 1), UINT16_MAX);
    if (!port) return bad;
    auto const number = static_cast<std::uint16_t>(*port);
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        std::uint32_t scope = 0;
        if (auto const percent = host.find('%'); percent != std::string_view::npos) {
            auto const found = detail::parse_scope(host.substr(percent + 1));
            if (!found) return bad;
            scope = *found;
            host = host.substr(0, percent);
        }
        in6_addr raw{};
        if (::inet_pton(AF_INET6, std::string{host}.c_str(), &raw) != 1) return bad;
        return v6(raw, number, scope);
    }
    in_addr raw{};
    if (::inet_pton(AF_INET, std::string{host}.c_str(), &raw) != 1) return bad;
    return v4(ntohl(raw.s_addr), number);
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
        auto const scope = raw6.sin6_scope_id ? '%' + std::to_string(raw6.sin6_scope_id) : std::string{};
        return '[' + std::string{text} + scope + "]:" + std::to_string(port());
    }
    return {};
}

} // namespace weir::net
