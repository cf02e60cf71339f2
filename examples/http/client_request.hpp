// examples/http/client_request.hpp: a request to another server.
#pragma once

#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/memory/bytes.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace http {

// Where a server is to be found.
class origin {
public:
    origin() = default;
    bool operator==(origin const&) const = default;

    bool secure = false;
    std::string host;      // a name, or an address without brackets
    std::string port;      // digits
    std::string authority; // as in the URL
};

// Gives a body piece by piece; an empty piece is its end, an error breaks the request off.
using body_source = std::function<weir::task<weir::result<weir::bytes>>()>;

class client_request {
public:
    // Of an absolute URL, http or https; a fragment or a user name in it, or another scheme, is refused.
    // Errors: std::errc::invalid_argument, also for a method that is no token.
    static weir::result<client_request> make(std::string_view method, std::string_view url);

    std::string const& method() const noexcept { return method_; }
    http::origin const& origin() const noexcept { return origin_; }
    // False, and then nothing is added, for what is not valid (H22) and for Host and what frames the body.
    [[nodiscard]] bool add_header(std::string_view name, std::string_view value);
    void set_body(weir::bytes body) noexcept { body_ = std::move(body); }
    weir::bytes const& body() const noexcept { return body_; }
    // Sends what `next` gives, in chunks. Such a request is never sent twice.
    void set_body_source(body_source next) { next_ = std::move(next); }
    body_source const& source() const noexcept { return next_; }

    // Whether it does no harm to send it again when nobody knows whether it has arrived.
    bool may_repeat() const noexcept;
    // The head as it is sent.
    std::string head() const;

private:
    client_request() = default;

    http::origin origin_;
    std::string method_;
    std::string target_;
    std::string headers_; // whole lines
    weir::bytes body_;
    body_source next_;
};

} // namespace http
