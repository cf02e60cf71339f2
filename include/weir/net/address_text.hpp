// weir/net/address_text.hpp: the parts that an address has as people write it, and which part is wrong in a text.
// Not:      an address that a system call takes; that is made of the parts by address.hpp.
// For:      authors of primitives; others use address::parse and address::to_string.
#pragma once

#include <weir/base/result.hpp>
#include <weir/net/address_errc.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <net/if.h>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>

namespace weir::inline v0::net {

class address_text {
public:
    // Those of a text that says which family it is of.  Errors: an address_errc; `wrong_at` is where.
    static result<address_text> read(std::string_view text, std::size_t& wrong_at);
    // Those of a host alone.  Errors: the same.
    static result<address_text> read_host(std::string_view host, std::uint16_t port, std::size_t& wrong_at);

    // A path, or a name with `abstract`, as `read` reads it, behind its prefix.
    static std::string escaped(std::string_view path, bool abstract);

    int family = AF_UNSPEC;
    in_addr v4{};
    in6_addr v6{};
    std::uint32_t scope = 0;
    std::uint16_t port = 0;
    std::string path; // of a Unix socket: any bytes
    bool abstract = false;
    std::size_t path_at = 0; // where it begins in the text

    static constexpr std::string_view unix_prefix = "unix:";

private:
    class reader;
};

// Reads a text and knows how far it was right.
class address_text::reader {
public:
    reader(std::string_view text, std::size_t& wrong_at) noexcept : text_{text}, wrong_at_{wrong_at} {}

    result<address_text> whole();
    // The text from `from` up to `to` as a host.
    result<address_text> host(std::size_t from, std::size_t to, std::uint16_t port);

private:
    std::error_code wrong(address_errc what, std::size_t at) noexcept {
        wrong_at_ = at;
        return make_error_code(what);
    }
    result<std::uint16_t> port(std::size_t from);
    result<std::uint32_t> scope(std::size_t from, std::size_t to);
    result<address_text> bracketed();
    result<address_text> path();

    std::string_view const text_;
    std::size_t& wrong_at_;
};

inline result<address_text> address_text::read(std::string_view text, std::size_t& wrong_at) {
    return reader{text, wrong_at}.whole();
}

inline result<address_text> address_text::read_host(std::string_view host, std::uint16_t port, std::size_t& wrong_at) {
    return reader{host, wrong_at}.host(0, host.size(), port);
}

inline std::string address_text::escaped(std::string_view path, bool abstract) {
    std::string printed;
    for (std::size_t n = 0; n < path.size(); ++n) {
        auto const byte = static_cast<unsigned char>(path[n]);
        bool const misread = n == 0 && !abstract && byte == '@';
        if (byte >= 0x20 && byte != 0x7f && byte != '\\' && !misread) {
            printed += path[n];
            continue;
        }
        constexpr char digits[] = "0123456789abcdef";
        printed += "\\x";
        printed += digits[byte >> 4];
        printed += digits[byte & 15];
    }
    return printed;
}

inline result<address_text> address_text::reader::whole() {
    if (text_.empty()) return wrong(address_errc::empty, 0);
    if (auto const zero = text_.find('\0'); zero != std::string_view::npos) return wrong(address_errc::zero_byte, zero);
    if (text_.starts_with(unix_prefix)) return path();
    if (text_.starts_with('[')) return bracketed();
    auto const colon = text_.rfind(':');
    if (colon == std::string_view::npos) return wrong(address_errc::no_port, text_.size());
    if (text_.find(':') != colon) return wrong(address_errc::no_brackets, 0);
    auto const number = port(colon + 1);
    if (!number) return number.error();
    return host(0, colon, *number);
}

inline result<address_text> address_text::reader::bracketed() {
    auto const end = text_.find(']');
    if (end == std::string_view::npos) return wrong(address_errc::open_bracket, 0);
    if (end + 1 == text_.size()) return wrong(address_errc::no_port, text_.size());
    if (text_[end + 1] != ':') return wrong(address_errc::after_bracket, end + 1);
    auto const number = port(end + 2);
    if (!number) return number.error();
    auto found = host(1, end, *number);
    if (found && found->family != AF_INET6) return wrong(address_errc::bad_v6, 1);
    if (!found && found.error() == address_errc::bad_v4) return wrong(address_errc::bad_v6, 1);
    return found;
}

inline result<std::uint16_t> address_text::reader::port(std::size_t from) {
    auto const digits = text_.substr(from);
    if (digits.empty()) return wrong(address_errc::no_port, from);
    auto const other = std::find_if(digits.begin(), digits.end(), [](char each) { return each < '0' || each > '9'; });
    auto const right = static_cast<std::size_t>(other - digits.begin());
    if (right < digits.size()) return wrong(address_errc::bad_port, from + right);
    std::uint16_t value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc{})
        return wrong(address_errc::port_too_large, from);
    return value;
}

inline result<std::uint32_t> address_text::reader::scope(std::size_t from, std::size_t to) {
    std::string const name{text_.substr(from, to - from)};
    std::uint32_t value = 0;
    auto const [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
    if (error == std::errc{} && end == name.data() + name.size()) return value;
    value = name.empty() ? 0 : ::if_nametoindex(name.c_str());
    if (value == 0) return wrong(address_errc::unknown_interface, from);
    return value;
}

inline result<address_text> address_text::reader::host(std::size_t from, std::size_t to, std::uint16_t port) {
    std::string text{text_.substr(from, to - from)};
    if (auto const zero = text.find('\0'); zero != std::string::npos) return wrong(address_errc::zero_byte, from + zero);
    address_text found;
    found.port = port;
    if (text.find(':') == std::string::npos) {
        found.family = AF_INET;
        if (::inet_pton(AF_INET, text.c_str(), &found.v4) != 1) return wrong(address_errc::bad_v4, from);
        return found;
    }
    if (auto const percent = text.find('%'); percent != std::string::npos) {
        auto const number = scope(from + percent + 1, to);
        if (!number) return number.error();
        found.scope = *number;
        text.resize(percent);
    }
    found.family = AF_INET6;
    if (::inet_pton(AF_INET6, text.c_str(), &found.v6) != 1) return wrong(address_errc::bad_v6, from);
    return found;
}

inline result<address_text> address_text::reader::path() {
    auto const digit = [](char each) {
        constexpr std::string_view lower = "0123456789abcdef";
        constexpr std::string_view upper = "0123456789ABCDEF";
        return std::min(lower.find(each), upper.find(each)); // npos is larger than any
    };
    address_text found;
    found.family = AF_UNIX;
    std::size_t at = unix_prefix.size();
    found.abstract = text_.substr(at).starts_with('@');
    at += found.abstract;
    found.path_at = at;
    while (at < text_.size()) {
        if (text_[at] != '\\') {
            found.path += text_[at++];
            continue;
        }
        auto const escape = text_.substr(at, 4);
        if (escape.size() < 4 || escape[1] != 'x' || digit(escape[2]) > 15 || digit(escape[3]) > 15)
            return wrong(address_errc::bad_escape, at);
        found.path += static_cast<char>(digit(escape[2]) * 16 + digit(escape[3]));
        at += 4;
    }
    return found;
}

} // namespace weir::net
