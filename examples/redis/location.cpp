// examples/redis/location.cpp: URLs into locations.
#include "location.hpp"

#include "redis_errc.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>

namespace redis {

namespace {

// With %XX as the byte that it means.
std::optional<std::string> decoded(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            plain += text[at];
            continue;
        }
        unsigned byte = 0;
        auto const digits = text.substr(at + 1, 2);
        auto const end = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
        if (digits.size() != 2 || end.ptr != digits.data() + 2 || byte == 0) return {};
        plain += static_cast<char>(byte);
        at += 2;
    }
    return plain;
}

template <class Number>
bool read_number(std::string_view digits, Number& into) noexcept {
    auto const end = std::from_chars(digits.data(), digits.data() + digits.size(), into);
    return end.ec == std::errc{} && end.ptr == digits.data() + digits.size();
}

// "user:password", of which the user may be left out.
bool read_login(std::string_view text, location& into) {
    auto const colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    auto user = decoded(text.substr(0, colon));
    auto password = decoded(text.substr(colon + 1));
    if (!user || !password || password->empty()) return false;
    if (!user->empty()) into.user = std::move(*user);
    into.password = std::move(*password);
    return true;
}

// "host", "host:port", "[::1]:port".
bool read_host(std::string_view text, location& into) {
    std::string_view port;
    if (text.starts_with('[')) {
        auto const end = text.find(']');
        if (end == std::string_view::npos) return false;
        into.host = text.substr(1, end - 1);
        port = text.substr(end + 1);
        if (!port.empty() && !port.starts_with(':')) return false;
    } else {
        auto const colon = std::min(text.find(':'), text.size());
        into.host = text.substr(0, colon);
        port = text.substr(colon);
    }
    if (into.host.empty()) return false;
    if (port.empty()) return true;
    std::uint16_t number = 0;
    if (!read_number(port.substr(1), number) || number == 0) return false;
    into.port = port.substr(1);
    return true;
}

} // namespace

weir::result<location> location::parse(std::string_view url) {
    constexpr std::string_view tcp = "redis://";
    constexpr std::string_view local = "unix://";
    auto const bad = make_error_code(redis_errc::bad_location);
    if (url.starts_with("rediss://")) return weir::errc::unsupported;
    bool const is_local = url.starts_with(local);
    if (!is_local && !url.starts_with(tcp)) return bad;
    url.remove_prefix(is_local ? local.size() : tcp.size());
    location found;
    auto const slash = std::min(url.find('/'), url.size());
    auto const authority = url.substr(0, slash);
    auto rest = url.substr(slash);
    auto const at = authority.rfind('@');
    bool const has_login = at != std::string_view::npos;
    if (has_login && !read_login(authority.substr(0, at), found)) return bad;
    auto const host = has_login ? authority.substr(at + 1) : authority;
    if (is_local) {
        auto const query = std::min(rest.find('?'), rest.size());
        auto path = decoded(rest.substr(0, query));
        if (!host.empty() || !path || path->size() < 2) return bad;
        found.path = std::move(*path);
        rest.remove_prefix(query);
        constexpr std::string_view key = "?db=";
        if (!rest.empty() && !(rest.starts_with(key) && read_number(rest.substr(key.size()), found.database))) return bad;
        return found;
    }
    if (!read_host(host, found)) return bad;
    if (rest.size() > 1 && !read_number(rest.substr(1), found.database)) return bad;
    return found;
}

std::string location::to_string() const {
    std::string text = is_path() ? "unix://" : "redis://";
    if (logs_in()) text += user + '@';
    if (is_path()) return text + path + (database ? "?db=" + std::to_string(database) : "");
    bool const v6 = host.find(':') != std::string::npos;
    return text + (v6 ? '[' + host + ']' : host) + ':' + port + (database ? '/' + std::to_string(database) : "");
}

} // namespace redis
