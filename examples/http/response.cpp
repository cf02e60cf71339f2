// examples/http/response.cpp: the writing of responses.
#include "response.hpp"

#include "ascii.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace http {

namespace {

constexpr std::string_view ok_line = "HTTP/1.1 200 OK\r\n";

} // namespace

std::string_view reason_phrase(int status) noexcept {
    switch (status) {
        case 100: return "Continue";
        case 101: return "Switching Protocols";
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 204: return "No Content";
        case 206: return "Partial Content";
        case 301: return "Moved Permanently";
        case 302: return "Found";
        case 303: return "See Other";
        case 304: return "Not Modified";
        case 307: return "Temporary Redirect";
        case 308: return "Permanent Redirect";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 411: return "Length Required";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 416: return "Range Not Satisfiable";
        case 417: return "Expectation Failed";
        case 422: return "Unprocessable Content";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        default: return "Unknown";
    }
}

response::response(int status, std::string_view content_type, std::string body)
    : status_{status},
      content_type_{is_field_value(content_type) ? content_type : std::string_view{}},
      body_{std::move(body)} {}

response::response(error const& what) : response{what.status, "application/json", to_json(what)} {}

// H19: an informational response, 204 and 304 end with their headers, whatever these say.
bool response::may_have_body() const noexcept { return status_ >= 200 && status_ != 204 && status_ != 304; }

bool response::set_content_type(std::string_view value) {
    if (!is_field_value(value)) return false;
    content_type_ = value;
    return true;
}

bool response::add_header(std::string_view name, std::string_view value) {
    if (!is_token(name) || !is_field_value(value)) return false;
    for (std::string_view const own :
         {"content-length", "transfer-encoding", "connection", "date", "content-type", "keep-alive"})
        if (equal_ignoring_case(name, own)) return false;
    headers_.append(name).append(": ").append(value).append("\r\n");
    return true;
}

void response::clear() noexcept {
    status_ = 200;
    content_type_.clear();
    headers_.clear();
    body_.clear();
}

void response::write_to(std::string& out, framing const& how) const {
    // Room is made once, for the longest that each part can be, and what was not needed is given back at the end.
    constexpr std::size_t fixed = 256; // the status line, and the names and line ends of the headers below
    auto const begin = out.size();
    bool const with_length = may_have_body();
    bool const own = how.kind == body_kind::own;
    bool const with_body = with_length && own && !how.head_request;
    auto const most = fixed + how.date.size() + content_type_.size() + headers_.size() + (with_body ? body_.size() : 0);
    if (out.capacity() < begin + most) out.reserve(std::max(begin + most, 2 * out.capacity()));
    out.resize(begin + most);
    auto* at = out.data() + begin;
    auto const put = [&at](std::string_view text) { at += text.copy(at, text.size()); };
    auto const put_number = [&at](std::uint64_t number) { at = std::to_chars(at, at + 20, number).ptr; };

    if (status_ == 200) {
        put(ok_line);
    } else {
        put("HTTP/1.1 ");
        put_number(static_cast<std::uint64_t>(status_));
        put(" ");
        put(reason_phrase(status_));
        put("\r\n");
    }
    if (with_length) {
        if (own || how.kind == body_kind::sized) {
            put("Content-Length: ");
            put_number(own ? body_.size() : how.length);
            put("\r\n");
        } else if (how.kind == body_kind::chunked) {
            put("Transfer-Encoding: chunked\r\n");
        }
        if (!content_type_.empty()) {
            put("Content-Type: ");
            put(content_type_);
            put("\r\n");
        }
    }
    if (!how.date.empty()) {
        put("Date: ");
        put(how.date);
        put("\r\n");
    }
    if (!how.keep_alive) put("Connection: close\r\n");
    else if (how.minor_version == 0) put("Connection: keep-alive\r\n");
    put(headers_);
    put("\r\n");
    if (with_body) put(body_);
    out.resize(static_cast<std::size_t>(at - out.data()));
}

} // namespace http
