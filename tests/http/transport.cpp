// tests/http/transport.cpp: a layer between HTTP and TCP, which sees all bytes of server and client, and hides nothing.
#include "serving.hpp"

#include <http/client.hpp>
#include <http/static_files.hpp>
#include <http/transport.hpp>

#include <filesystem>
#include <fstream>
#include <unistd.h>
#include <vector>

using namespace http_test;

namespace {

// Turns every byte over, after a greeting of one byte.
class turning final : public http::transport_layer {
public:
    turning(weir::net::tcp_socket const& socket, bool is_client) : socket_{socket}, is_client_{is_client} {}

    weir::task<weir::result<void>> open() override {
        std::byte const mine{is_client_ ? std::byte{'c'} : std::byte{'s'}};
        auto const sent = co_await socket_.send_all(std::span{&mine, 1});
        if (!sent) co_return sent.error();
        std::byte theirs{};
        auto const got = co_await socket_.recv(std::span{&theirs, 1});
        if (!got) co_return got.error();
        if (*got == 0 || theirs != (is_client_ ? std::byte{'s'} : std::byte{'c'})) co_return weir::errc::closed;
        co_return weir::result<void>{};
    }
    weir::task<weir::result<std::size_t>> recv(std::span<std::byte> into) override {
        auto const got = co_await socket_.recv(into);
        if (got)
            for (auto& each : into.first(*got)) each = ~each;
        co_return got;
    }
    weir::task<weir::result<std::size_t>> send(std::span<iovec const> pieces) override {
        std::vector<std::byte> turned;
        for (auto const& each : pieces) {
            auto const* const at = static_cast<std::byte const*>(each.iov_base);
            for (std::size_t i = 0; i < each.iov_len; ++i) turned.push_back(~at[i]);
        }
        auto const sent = co_await socket_.send_all(turned);
        if (!sent) co_return sent.error();
        co_return turned.size();
    }
    weir::task<> say_end() override {
        ends.fetch_add(1, weir::relaxed); // a tally
        co_return;
    }

    static inline weir::atomic<int> ends{0};

private:
    weir::net::tcp_socket const& socket_;
    bool const is_client_;
};

class turning_maker final : public http::layer_maker {
public:
    std::unique_ptr<http::transport_layer> make(weir::net::tcp_socket const& socket, std::string_view name) override {
        return std::make_unique<turning>(socket, !name.empty());
    }
};

std::string const large(2 * 1024 * 1024, 'l');

weir::task<std::string> fetch(http::client* from, std::string url) {
    auto const ask = http::client_request::make("GET", url).value();
    auto answer = co_await weir::timeout(from->send(ask), 10s);
    if (!answer) co_return answer.error().message();
    auto const body = co_await weir::timeout(answer->read_all(64 * 1024 * 1024), 10s);
    co_return std::to_string(answer->status()) + ' ' + (body ? *body : body.error().message());
}

} // namespace

TEST_CASE("server and client speak through a layer: responses, streams and files") {
    auto const folder = std::filesystem::temp_directory_path() / ("weir-layer-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    std::ofstream{folder / "large.bin"} << large;
    auto const pages = http::static_files::at(folder.string()).value();
    turning_maker layers;
    http::server_options options;
    options.layers = &layers;
    options.head = 1s;
    serving at{options, 2, [&pages](http::exchange& one) -> weir::task<> {
                   if (one.request.path() == "/stream") {
                       one.stream.begin();
                       for (int i = 0; i < 3; ++i) static_cast<void>(co_await one.stream.write(large));
                   } else if (one.request.path() == "/plain") {
                       one.response.body() = "plain";
                   } else {
                       co_await pages.serve(one, one.request.path());
                   }
               }};
    http::client_options through;
    through.layers = &layers;
    http::client one{through};
    std::string const start = "https://" + at.where().to_string();
    auto const ask = [&](std::string const& path) { return at.runtime().block_on(&fetch, &one, start + path); };
    CHECK(ask("/plain") == "200 plain");
    CHECK((ask("/stream") == "200 " + large + large + large));
    CHECK((ask("/large.bin") == "200 " + large));
    CHECK(ask("/plain") == "200 plain");
    CHECK(one.counts().connected.value() == 1);

    // Who does not greet is let go in the time of a head; who greets wrongly, at once.
    caller silent{at};
    caller wrong{at};
    CHECK(wrong.send("x"));
    CHECK(wrong.up_to("s") == "s");
    CHECK(wrong.ended());
    CHECK(silent.up_to("s") == "s");
    CHECK(silent.ended());
    CHECK(at.counts().timed_out.value() == 1);

    auto const before = turning::ends.load(weir::relaxed);
    at.end();
    CHECK(turning::ends.load(weir::relaxed) == before + 1); // of the client's connection, which was idle
    http::client plain;
    CHECK(at.runtime().block_on(&fetch, &plain, start + "/plain") ==
          weir::make_error_code(weir::errc::unsupported).message());
    std::filesystem::remove_all(folder);
}
