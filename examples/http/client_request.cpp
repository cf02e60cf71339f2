// examples/http/client_request.cpp: URLs, and heads of requests.
#include "client_request.hpp"

#include "ascii.hpp"
#include "authority.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace http {

namespace {

bool is_target_char(char c) noexcept { return c > ' ' && c < 0x7f && c != '#'; }

// Host and port of an authority that is valid.
void split_authority(origin& into) {
    std::string_view const text{into.authority};
    auto const bracket = text.find(']');
    auto const colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    auto const host = text.substr(0, colon);
    into.host = bracket == std::string_view::npos ? host : host.substr(1, bracket - 1);
    if (colon != std::string_view::npos) into.port = text.substr(colon + 1);
    if (into.port.empty()) into.port = into.secure ? "443" : "80";
}

} // namespace

weir::result<client_request> client_request::make(std::string_view method, std::string_view url) {
    auto const invalid = std::make_error_code(std::errc::invalid_argument);
    client_request made;
    if (!is_token(method)) return invalid;
    made.method_ = method;
    auto const scheme = url.substr(0, url.find("://"));
    made.origin_.secure = equal_ignoring_case(scheme, "https");
    if ((!made.origin_.secure && !equal_ignoring_case(scheme, "http")) || scheme.size() == url.size()) return invalid;
    url.remove_prefix(scheme.size() + 3);
    auto const authority = url.substr(0, url.find_first_of("/?#"));
    if (!is_authority(authority)) return invalid;
    url.remove_prefix(authority.size());
    if (!std::all_of(url.begin(), url.end(), is_target_char)) return invalid;
    made.origin_.authority = authority;
    std::transform(authority.begin(), authority.end(), made.origin_.authority.begin(), to_lower);
    split_authority(made.origin_);
    if (!url.starts_with('/')) made.target_ = "/";
    made.target_ += url;
    return made;
}

bool client_request::add_header(std::string_view name, std::string_view value) {
    if (!is_token(name) || !is_field_value(value)) return false;
    for (std::string_view const own :
         {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer"})
        if (equal_ignoring_case(name, own)) return false;
    headers_.append(name).append(": ").append(value).append("\r\n");
    return true;
}

bool client_request::may_repeat() const noexcept {
    if (next_) return false;
    constexpr std::string_view idempotent[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"}; // RFC 9110, 9.2.2
    return std::find(std::begin(idempotent), std::end(idempotent), method_) != std::end(idempotent);
}

std::string client_request::head() const {
    std::string text = method_ + ' ' + target_ + " HTTP/1.1\r\nHost: " + origin_.authority + "\r\n";
    if (next_) text += "Transfer-Encoding: chunked\r\n";
    else if (!body_.empty() || method_ == "POST" || method_ == "PUT" || method_ == "PATCH")
        text += "Content-Length: " + std::to_string(body_.size()) + "\r\n";
    return text + headers_ + "\r\n";
}

} // namespace http
