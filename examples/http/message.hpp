// examples/http/message.hpp: a request, in memory that the next request reuses.
// Cost:     a request no larger than an earlier one allocates nothing.
// Not:      a map of headers; they stay in the order and the bytes in which they came.
#pragma once

#include "ascii.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http {

struct header_view {
    std::string_view name;
    std::string_view value; // without the white space round it
};

// Views stay good until the request is cleared, moved or trimmed.
class request {
public:
    // GET, in upper case as it came.
    std::string_view method() const noexcept { return view(method_); }
    // The request target as it came.
    std::string_view target() const noexcept { return view(target_); }
    // Never empty; "*" for OPTIONS of the whole server. Percent-encoding is left as it came.
    std::string_view path() const noexcept { return view(path_); }
    // What follows the question mark; empty without one.
    std::string_view query() const noexcept { return view(query_); }
    // The authority of an absolute target, or else of the Host header; empty for an HTTP/1.0 request without either.
    std::string_view host() const noexcept { return view(host_); }
    // The version is 1.minor_version(): 0, or 1 for every later one.
    int minor_version() const noexcept { return minor_version_; }
    bool keep_alive() const noexcept { return keep_alive_; }
    bool is_head() const noexcept { return method() == "HEAD"; }

    std::size_t header_count() const noexcept { return headers_.size(); }
    header_view header_at(std::size_t index) const noexcept {
        return {view(headers_[index].name), view(headers_[index].value)};
    }
    // The value of the first header of that name, in whatever case.
    std::optional<std::string_view> header(std::string_view name) const noexcept;

    std::string_view body() const noexcept { return body_; }
    // Moves the body out; the request then has none, and its memory is not reused.
    std::string take_body() noexcept { return std::move(body_); }

    // Makes it an empty request and keeps the memory.
    void clear() noexcept;
    // Makes it an empty request and gives back each buffer of more than `keep` bytes.
    void trim(std::size_t keep);

private:
    friend class parser;

    // Places in head_ rather than views of it: head_ may move while it grows.
    struct span {
        std::uint32_t begin;
        std::uint32_t size;
    };
    struct header_spans {
        span name;
        span value;
    };
    std::string_view view(span s) const noexcept { return {head_.data() + s.begin, s.size}; }

    std::string head_; // the request line and the header lines, as they came
    std::vector<header_spans> headers_;
    std::string body_;
    span method_{}, target_{}, path_{}, query_{}, host_{};
    std::uint8_t minor_version_ = 1;
    bool keep_alive_ = true;
};

inline std::optional<std::string_view> request::header(std::string_view name) const noexcept {
    for (auto const& each : headers_)
        if (each.name.size == name.size() && equal_ignoring_case(view(each.name), name)) return view(each.value);
    return std::nullopt;
}

inline void request::clear() noexcept {
    head_.clear();
    headers_.clear();
    body_.clear();
    method_ = target_ = path_ = query_ = host_ = span{};
    minor_version_ = 1;
    keep_alive_ = true;
}

inline void request::trim(std::size_t keep) {
    clear();
    if (head_.capacity() > keep) std::string().swap(head_);
    if (headers_.capacity() * sizeof(header_spans) > keep) std::vector<header_spans>().swap(headers_);
    if (body_.capacity() > keep) std::string().swap(body_);
}

} // namespace http
