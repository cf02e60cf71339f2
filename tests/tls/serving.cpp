// tests/tls/serving.cpp: the HTTP server and client over TLS, and clients who do not speak it.
#include "secured.hpp"

#include "http/serving.hpp"

#include <http/client.hpp>
#include <http/static_files.hpp>

#include <catch2/matchers/catch_matchers_string.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

using namespace tls_test;
using http_test::caller;
using http_test::eventually;
using http_test::get;
using http_test::serving;

namespace {

http::server_options over(secured& all) {
    http::server_options options;
    options.layers = &all.server;
    options.head = 2s;
    return options;
}

http::client_options through(http::layer_maker& layers) {
    http::client_options options;
    options.layers = &layers;
    return options;
}

std::string const large(3 * 1024 * 1024 + 5, 'l');

weir::task<std::string> fetch(http::client* from, std::string method, std::string url) {
    auto const ask = http::client_request::make(method, url).value();
    auto answer = co_await weir::timeout(from->send(ask), 20s);
    if (!answer) co_return answer.error().message();
    auto const body = co_await weir::timeout(answer->read_all(64 * 1024 * 1024), 20s);
    co_return std::to_string(answer->status()) + ' ' + (body ? *body : body.error().message());
}

// A server that takes one connection and is over with it after its one answer.
weir::task<> answer_once(weir::net::tcp_listener* at, tls::server_layers* layers, std::string text, bool announced) {
    auto const taken = co_await at->accept();
    auto const layer = layers->make(*taken, {});
    auto const opened = co_await layer->open();
    if (!opened) co_return;
    std::array<std::byte, 4000> room;
    static_cast<void>(co_await layer->recv(room));
    iovec const piece{text.data(), text.size()};
    static_cast<void>(co_await layer->send(std::span{&piece, 1}));
    if (announced) co_await layer->say_end();
}

} // namespace

TEST_CASE("pages, streams and files come over TLS as they are, on one connection") {
    secured all;
    std::ofstream{all.files / "large.bin"} << large;
    auto const pages = http::static_files::at(std::filesystem::path{all.files / "x"}.parent_path().string()).value();
    serving at{over(all), 2, [&pages](http::exchange& one) -> weir::task<> {
                   if (one.request.path() == "/stream") {
                       one.stream.begin();
                       for (int i = 0; i < 3; ++i) static_cast<void>(co_await one.stream.write(large));
                   } else if (one.request.path() == "/plain") {
                       one.response.body() = one.request.is_head() ? "" : "plain";
                   } else {
                       co_await pages.serve(one, one.request.path());
                   }
               }};
    http::client one{through(all.client)};
    auto const start = "https://" + at.where().to_string();
    auto const ask = [&](std::string const& path) { return at.runtime().block_on(&fetch, &one, "GET", start + path); };
    CHECK(ask("/plain") == "200 plain");
    CHECK((ask("/stream") == "200 " + large + large + large));
    CHECK((ask("/large.bin") == "200 " + large));
    CHECK(ask("/plain") == "200 plain");
    CHECK(one.counts().connected.value() == 1);
    CHECK(all.server.counts().full.value() == 1);
    CHECK(all.client.counts().full.value() == 1);
    weir::registry metrics;
    auto const kept = all.server.register_metrics(metrics);
    std::string text;
    metrics.write(text);
    CHECK_THAT(text, Catch::Matchers::ContainsSubstring("tls_handshakes_total{outcome=\"full\"} 1"));
}

TEST_CASE("a client that greets slowly, or not at all, is let go in the time of a handshake") {
    tls::server_options brief;
    brief.handshake = 150ms;
    secured all{{}, brief};
    serving at{over(all)};
    caller silent{at};
    caller slow{at};
    CHECK(slow.send("\x16\x03\x01\x02")); // the beginning of a record
    CHECK(silent.gone());
    CHECK(slow.gone());
    CHECK(eventually([&] { return all.server.counts().failed.value() == 2; }));
    CHECK(at.counts().timed_out.value() == 2);
    CHECK(at.handled.load(weir::relaxed) == 0);
}

TEST_CASE("who speaks HTTP to the port of TLS is told so, and what is no greeting is refused with an alert") {
    secured all;
    serving at{over(all)};
    caller plain{at};
    auto const answer = plain.ask(get("/x"));
    CHECK(answer.status == 400);
    CHECK(answer.body == "This port speaks HTTPS; the request came in HTTP\n");
    CHECK(plain.ended());
    caller wrong{at};
    CHECK(wrong.send(std::string_view{"\x16\x03\x01\x00\x05\x7f\x00\x00\x01\x00", 10})); // a handshake begins otherwise
    auto const last = wrong.rest();
    REQUIRE(last);
    REQUIRE(last->size() == 7); // an alert, and the end in order
    CHECK(last->view()[0] == 21);
    CHECK(all.server.counts().failed.value() == 2);
    CHECK(at.handled.load(weir::relaxed) == 0);
}

TEST_CASE("an answer that lasts until the end is whole only if the server has said that it is the end") {
    weir::test::backend_runtime runs{2};
    secured all;
    auto listener = weir::net::tcp_listener::bind(weir::net::address::loopback_v4(0)).value();
    auto const url = "https://" + listener.local().value().to_string() + "/";
    for (bool const announced : {true, false}) {
        http::client one{through(all.client)};
        auto const got = runs.run([](weir::scope& tasks, weir::net::tcp_listener* at, tls::server_layers* layers,
                                     http::client* from, std::string where, bool says) -> weir::task<std::string> {
            tasks.spawn(&answer_once, at, layers, "HTTP/1.1 200 OK\r\n\r\nabc", says);
            co_return co_await fetch(from, "GET", std::move(where));
        }, &listener, &all.server, &one, url, announced);
        CHECK(got == "200 " + (announced ? "abc" : weir::make_error_code(weir::errc::end_of_stream).message()));
    }
}

TEST_CASE("a kept connection that the server has ended is not used for a request that cannot be repeated") {
    weir::test::backend_runtime runs{2};
    secured all;
    auto listener = weir::net::tcp_listener::bind(weir::net::address::loopback_v4(0)).value();
    auto const url = "https://" + listener.local().value().to_string() + "/";
    http::client one{through(all.client)};
    auto const ask = [&](std::string method) {
        return runs.run([](weir::scope& tasks, weir::net::tcp_listener* at, tls::server_layers* layers,
                           http::client* from, std::string how, std::string where) -> weir::task<std::string> {
            tasks.spawn(&answer_once, at, layers, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true);
            co_return co_await fetch(from, std::move(how), std::move(where));
        }, &listener, &all.server, &one, method, url);
    };
    CHECK(ask("POST") == "200 ok");
    CHECK(one.idle() == 1);
    CHECK(ask("POST") == "200 ok");
    CHECK(one.counts().connected.value() == 2);
    CHECK(one.counts().repeated.value() == 0);
}

TEST_CASE("a server that the client does not trust, or that is another, is not spoken to") {
    certificate_options by_name;
    by_name.alternatives = "DNS:localhost";
    secured all{by_name};
    serving at{over(all)};
    auto const ask = [&](http::layer_maker& layers, std::string const& host) {
        http::client one{through(layers)};
        auto const port = at.where().to_string().substr(at.where().to_string().rfind(':'));
        auto const got = at.runtime().block_on(&fetch, &one, "GET", "https://" + host + port + "/x");
        at.runtime().block_on([](http::client* self) { return self->close(); }, &one);
        return got;
    };
    tls::client_layers stranger{all.trusting(certificate{}.text(), "strangers.pem")};
    CHECK_THAT(ask(stranger, "localhost"), Catch::Matchers::StartsWith("the peer's certificate: self-signed"));
    CHECK(ask(all.client, "127.0.0.1") == "the peer's certificate: IP address mismatch");
    CHECK(ask(all.client, "localhost") == "200 /x");
    CHECK(at.handled.load(weir::relaxed) == 1);
    tls::client_layers system{tls::client_options{}};
    CHECK_THAT(ask(system, "localhost"), Catch::Matchers::StartsWith("the peer's certificate: self-signed"));
}
