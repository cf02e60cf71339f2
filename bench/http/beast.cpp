// bench/http/beast.cpp: the HTTP contender on Boost.Beast, a coroutine a connection as in its own examples, one thread.

#include <utility> // first: Boost 1.74's awaitable.hpp uses std::exchange and does not include it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <exception>
#include <string_view>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

// The date of an answer, made once a second.
class calendar {
public:
    std::string_view now() {
        if (auto const second = std::time(nullptr); second != second_) {
            second_ = second;
            std::tm parts{};
            gmtime_r(&second, &parts);
            size_ = std::strftime(text_.data(), text_.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        }
        return {text_.data(), size_};
    }

private:
    std::time_t second_ = 0;
    std::array<char, 64> text_{};
    std::size_t size_ = 0;
};

http::response<http::string_body> answer(http::request<http::string_body> const& asked, calendar& dates) {
    bool const is_health = asked.method() == http::verb::get && asked.target() == "/health";
    http::response<http::string_body> made{is_health ? http::status::ok : http::status::not_found, asked.version()};
    auto const date = dates.now();
    made.set(http::field::date, beast::string_view{date.data(), date.size()});
    made.set(http::field::content_type, "application/json");
    made.keep_alive(asked.keep_alive());
    made.body() = is_health ? R"({"status":"ok"})" : R"({"error":"no such path"})";
    made.prepare_payload();
    return made;
}

asio::awaitable<void> serve(tcp::socket socket, calendar& dates) {
    beast::tcp_stream stream{std::move(socket)};
    beast::flat_buffer buffer;
    for (bool keep_alive = true; keep_alive;) {
        boost::system::error_code trouble;
        stream.expires_after(std::chrono::seconds{30});
        http::request<http::string_body> asked;
        co_await http::async_read(stream, buffer, asked, asio::redirect_error(asio::use_awaitable, trouble));
        if (trouble) co_return;
        auto const made = answer(asked, dates);
        keep_alive = made.keep_alive();
        co_await http::async_write(stream, made, asio::redirect_error(asio::use_awaitable, trouble));
        if (trouble) co_return;
    }
}

asio::awaitable<void> accept_all(tcp::acceptor& acceptor, calendar& dates) {
    for (;;) {
        auto socket = co_await acceptor.async_accept(asio::use_awaitable);
        socket.set_option(tcp::no_delay{true});
        asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), dates), asio::detached);
    }
}

} // namespace

int main(int argc, char** argv) try {
    unsigned short port = 8080;
    if (argc == 3 && std::string_view{argv[1]} == "--port") {
        std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), port);
    } else if (argc != 1) {
        std::fputs("usage: http_beast [--port N]\n", stderr);
        return 2;
    }
    asio::io_context loop{1}; // one thread: the context leaves its locks out
    calendar dates;
    tcp::acceptor acceptor{loop, tcp::endpoint{asio::ip::address_v4::loopback(), port}};
    asio::signal_set signals{loop, SIGINT, SIGTERM};
    signals.async_wait([&](boost::system::error_code, int) { loop.stop(); });
    asio::co_spawn(loop, accept_all(acceptor, dates), asio::detached);
    loop.run();
    return 0;
} catch (std::exception const& trouble) {
    std::fprintf(stderr, "http_beast: %s\n", trouble.what());
    return 1;
}
