// tests/http/raw_client.hpp: an HTTP client on weir's own streams, which reads one response at a time.
#pragma once

#include <http/ascii.hpp>

#include <weir/coro/task.hpp>
#include <weir/net/stream.hpp>
#include <weir/net/tcp.hpp>

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace http_test {

// A response as it came.
class reply {
public:
    // The value of the first header of that name; empty without one.
    std::string_view header(std::string_view name) const noexcept;
    bool closes() const noexcept { return http::equal_ignoring_case(header("Connection"), "close"); }

    int status = 0;        // 0: none came, or not whole
    std::string head;      // with the empty line
    std::string body;
    std::error_code error; // why none came
};

class client {
public:
    explicit client(weir::net::tcp_socket socket) noexcept : stream_{std::move(socket)} {}

    weir::task<weir::result<void>> send(std::string_view text) {
        stream_.write(text);
        co_return co_await stream_.flush();
    }
    // The next response.  Cancel: what has come stays for the next call.
    weir::task<reply> receive(bool head_request = false);
    // What comes until the server ends the connection.
    weir::task<weir::result<weir::bytes>> rest() { co_return co_await stream_.read_to_end(64 * 1024 * 1024); }

    // What comes up to and with `mark`.
    weir::task<weir::result<weir::bytes>> up_to(std::string_view mark) {
        co_return co_await stream_.read_until(mark, 64 * 1024 * 1024);
    }

    weir::net::tcp_socket& socket() noexcept { return stream_.socket(); }

private:
    weir::net::stream stream_;
};

inline std::string_view reply::header(std::string_view name) const noexcept {
    for (std::string_view rest = head; !rest.empty();) {
        auto const line = rest.substr(0, rest.find("\r\n"));
        rest.remove_prefix(line.size() + 2);
        if (line.size() > name.size() && line[name.size()] == ':' &&
            http::equal_ignoring_case(line.substr(0, name.size()), name))
            return http::trimmed(line.substr(name.size() + 1));
    }
    return {};
}

inline weir::task<reply> client::receive(bool head_request) {
    reply got;
    auto const head = co_await stream_.read_until("\r\n\r\n", 64 * 1024);
    if (!head) {
        got.error = head.error();
        co_return got;
    }
    got.head = head->view();
    int status = 0;
    if (got.head.starts_with("HTTP/1.1 ")) std::from_chars(got.head.data() + 9, got.head.data() + 12, status);
    bool const bare = head_request || status < 200 || status == 204 || status == 304;
    std::size_t length = 0;
    auto const text = got.header("Content-Length");
    if (!bare) std::from_chars(text.data(), text.data() + text.size(), length);
    auto const body = co_await stream_.read_exactly(length);
    if (!body) {
        got.error = body.error();
        co_return got;
    }
    got.body = body->view();
    got.status = status;
    co_return got;
}

} // namespace http_test
