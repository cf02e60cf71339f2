// bench/http/asio.cpp: the HTTP contender on Boost.Asio's coroutines, one thread and one io_context.
// It reads requests honestly: keep-alive, pipelining, heads and bodies in any number of pieces, names in any case, a
// refusal where the framing is not understood. What it leaves out is what /health does not need.

#include <utility> // first: Boost 1.74's awaitable.hpp uses std::exchange and does not include it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::size_t largest_request = 8192; // head and body together

// A request that has arrived whole.
struct request {
    std::string_view method;
    std::string_view target;
    std::size_t size = 0; // bytes of head and body
    bool keep_alive = true;
};

enum class arrival { partial, whole, refused };

bool same_name(std::string_view a, std::string_view b) {
    auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
    auto const first = text.find_first_not_of(" \t");
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes the text up to `mark`, and the mark, off the front of `rest`; nothing when there is no mark.
std::optional<std::string_view> take_until(std::string_view& rest, std::string_view mark) {
    auto const at = rest.find(mark);
    if (at == rest.npos) return std::nullopt;
    auto const taken = rest.substr(0, at);
    rest.remove_prefix(at + mark.size());
    return taken;
}

bool read_request_line(std::string_view line, request& into) {
    auto const method = take_until(line, " ");
    auto const target = take_until(line, " ");
    if (!method || !target || method->empty() || target->empty()) return false;
    if (line != "HTTP/1.1" && line != "HTTP/1.0") return false;
    into.method = *method;
    into.target = *target;
    into.keep_alive = line == "HTTP/1.1";
    return true;
}

bool read_field(std::string_view line, request& into, std::optional<std::size_t>& length) {
    auto const name = take_until(line, ":");
    if (!name || name->empty() || name->find_first_of(" \t") != name->npos) return false;
    auto const value = trimmed(line);
    if (same_name(*name, "transfer-encoding")) return false; // no chunked bodies here
    if (same_name(*name, "connection")) {
        if (same_name(value, "close")) into.keep_alive = false;
        if (same_name(value, "keep-alive")) into.keep_alive = true;
    }
    if (same_name(*name, "content-length")) {
        std::size_t bytes = 0;
        auto const end = value.data() + value.size();
        auto const read = std::from_chars(value.data(), end, bytes);
        if (read.ec != std::errc{} || read.ptr != end || (length && *length != bytes)) return false;
        length = bytes;
    }
    return true;
}

arrival read_request(std::string_view input, request& into) {
    auto rest = input;
    auto head = take_until(rest, "\r\n\r\n");
    if (!head) return input.size() < largest_request ? arrival::partial : arrival::refused;

    auto lines = input.substr(0, head->size() + 2); // each line with its end
    std::optional<std::size_t> length;
    if (!read_request_line(take_until(lines, "\r\n").value_or(""), into)) return arrival::refused;
    while (auto const line = take_until(lines, "\r\n"))
        if (!read_field(*line, into, length)) return arrival::refused;

    auto const head_size = head->size() + 4;
    auto const body_size = length.value_or(0);
    if (body_size > largest_request - head_size) return arrival::refused;
    into.size = head_size + body_size;
    return input.size() < into.size ? arrival::partial : arrival::whole;
}

// The answers. The head carries the date, so it is built again when the second has changed.
class answers {
public:
    std::string_view health() {
        auto const now = std::time(nullptr);
        if (now != second_) {
            second_ = now;
            health_ = response("200 OK", R"({"status":"ok"})");
        }
        return health_;
    }
    std::string not_found() const { return response("404 Not Found", R"({"error":"no such path"})"); }
    std::string bad_request() const { return response("400 Bad Request", R"({"error":"not understood"})"); }

private:
    static std::string response(std::string_view status, std::string_view body) {
        auto const now = std::time(nullptr);
        std::tm calendar{};
        gmtime_r(&now, &calendar);
        std::array<char, 64> date{};
        std::size_t const date_size = std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S GMT", &calendar);
        std::string text{"HTTP/1.1 "};
        text.append(status).append("\r\nContent-Type: application/json\r\nContent-Length: ");
        text.append(std::to_string(body.size())).append("\r\nDate: ").append(date.data(), date_size);
        text.append("\r\n\r\n").append(body);
        return text;
    }

    std::time_t second_ = 0;
    std::string health_;
};

asio::awaitable<void> serve(tcp::socket socket, answers& all) {
    std::array<char, largest_request> input;
    std::size_t held = 0;
    std::string output;
    for (bool keep_alive = true; keep_alive;) {
        boost::system::error_code trouble;
        auto const got = co_await socket.async_read_some(asio::buffer(input.data() + held, input.size() - held),
                                                         asio::redirect_error(asio::use_awaitable, trouble));
        if (trouble) co_return;
        held += got;

        std::string_view rest{input.data(), held};
        output.clear(); // the answers to all that has arrived leave in one write
        while (keep_alive && !rest.empty()) {
            request asked;
            auto const state = read_request(rest, asked);
            if (state == arrival::partial) break;
            if (state == arrival::refused) {
                output += all.bad_request();
                keep_alive = false;
                break;
            }
            if (asked.method == "GET" && asked.target == "/health") output += all.health();
            else output += all.not_found();
            keep_alive = asked.keep_alive;
            rest.remove_prefix(asked.size);
        }
        std::memmove(input.data(), rest.data(), rest.size());
        held = rest.size();

        if (output.empty()) continue;
        co_await asio::async_write(socket, asio::buffer(output), asio::redirect_error(asio::use_awaitable, trouble));
        if (trouble) co_return;
    }
}

asio::awaitable<void> accept_all(tcp::acceptor& acceptor, answers& all) {
    for (;;) {
        auto socket = co_await acceptor.async_accept(asio::use_awaitable);
        socket.set_option(tcp::no_delay{true});
        asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), all), asio::detached);
    }
}

} // namespace

int main(int argc, char** argv) try {
    unsigned short port = 8080;
    if (argc == 3 && std::string_view{argv[1]} == "--port") {
        std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), port);
    } else if (argc != 1) {
        std::fputs("usage: http_asio [--port N]\n", stderr);
        return 2;
    }
    asio::io_context loop{1}; // one thread: the context leaves its locks out
    answers all;
    tcp::acceptor acceptor{loop, tcp::endpoint{asio::ip::address_v4::loopback(), port}};
    asio::signal_set signals{loop, SIGINT, SIGTERM};
    signals.async_wait([&](boost::system::error_code, int) { loop.stop(); });
    asio::co_spawn(loop, accept_all(acceptor, all), asio::detached);
    loop.run();
    return 0;
} catch (std::exception const& trouble) {
    std::fprintf(stderr, "http_asio: %s\n", trouble.what());
    return 1;
}
