// tests/http/server.cpp: what a client that behaves may expect of the server, on each backend.
#include "serving.hpp"

#include "support/scale.hpp"

#include <sys/resource.h>

using namespace http_test;

TEST_CASE("a connection is kept for the next request until one asks to close it") {
    serving at;
    caller one{at};
    for (int i = 0; i < 10; ++i) {
        auto const answer = one.ask(post("/echo", "Content-Length: 3\r\n", "abc"));
        CHECK(answer.status == 200);
        CHECK(answer.body == "abc");
        CHECK_FALSE(answer.closes());
        CHECK_FALSE(answer.header("Date").empty());
    }
    auto const last = one.ask(get("/last", "Connection: close\r\n"));
    CHECK(last.status == 200);
    CHECK(last.closes());
    CHECK(one.ended());
    CHECK(at.counts().connections.value() == 1);
    CHECK(at.counts().requests.value() == 11);
    CHECK(at.emptied());
}

TEST_CASE("an HTTP/1.0 connection is closed unless it asks to be kept") {
    serving at;
    caller kept{at};
    auto const first = kept.ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(first.status == 200);
    CHECK(first.header("Connection") == "keep-alive");
    auto const second = kept.ask("GET /b HTTP/1.0\r\n\r\n");
    CHECK(second.body == "/b");
    CHECK(second.closes());
    CHECK(kept.ended());
}

TEST_CASE("a hundred requests in one write are answered in their order") {
    serving at;
    caller one{at};
    std::string all;
    for (int i = 0; i < 100; ++i) all += get(i % 10 == 3 ? "/yield" : i % 50 == 7 ? "/sleep" : "/" + std::to_string(i));
    CHECK(one.send(all));
    for (int i = 0; i < 100; ++i) {
        auto const answer = one.receive();
        CHECK(answer.status == 200);
        CHECK(answer.body == (i % 10 == 3 ? "yielded" : i % 50 == 7 ? "slept" : "/" + std::to_string(i)));
    }
    CHECK(at.counts().requests.value() == 100);
}

TEST_CASE("a request that asks to close is answered, although more bytes follow it") {
    serving at;
    caller one{at};
    auto const answer = one.ask(get("/last", "Connection: close\r\n") + get("/never"));
    CHECK(answer.status == 200);
    CHECK(answer.body == "/last");
    CHECK(answer.closes());
    CHECK(one.ended());
    CHECK(at.counts().requests.value() == 1);
}

TEST_CASE("a request may come one byte at a time") {
    serving at;
    caller one{at};
    for (char const c : post("/echo", "Transfer-Encoding: chunked\r\n", "2\r\nab\r\n1;x=y\r\nc\r\n0\r\nA: b\r\n\r\n"))
        CHECK(one.send({&c, 1}));
    CHECK(one.receive().body == "abc");
}

TEST_CASE("a large body comes whole, in one piece and in chunks") {
    serving at;
    caller one{at};
    std::string body(1024 * 1024, '-');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 26);
    auto const whole = one.ask(post("/echo", "Content-Length: " + std::to_string(body.size()) + "\r\n", body));
    CHECK(whole.status == 200);
    CHECK((whole.body == body));

    std::string chunks;
    for (std::size_t begin = 0; begin < body.size(); begin += 0x8000)
        chunks.append("8000\r\n").append(body, begin, 0x8000).append("\r\n");
    auto const joined = one.ask(post("/echo", "Transfer-Encoding: chunked\r\n", chunks + "0\r\n\r\n"));
    CHECK(joined.status == 200);
    CHECK((joined.body == body));
}

TEST_CASE("a client that waits for it is told to continue, and one that is refused is not") {
    serving at;
    caller one{at};
    CHECK(one.ask(post("/echo", "Expect: 100-continue\r\nContent-Length: 3\r\n", {})).status == 100);
    CHECK(one.receive(50ms).error == weir::errc::timed_out); // nothing more before the body
    CHECK(one.ask("abc").body == "abc");
    // Who sends the body at once needs no word.
    CHECK(one.ask(post("/echo", "Expect: 100-continue\r\nContent-Length: 3\r\n", "def")).body == "def");
    CHECK(one.ask(post("/echo", "Expect: 100-continue\r\nContent-Length: 2000000\r\n", {})).status == 413);
    CHECK(one.ended());
}

TEST_CASE("HEAD is answered with the length of the body and without it") {
    serving at;
    caller one{at};
    CHECK(one.send("HEAD /eleven-more HTTP/1.1\r\nHost: test\r\n\r\n" + get("/next")));
    auto const head = one.receive(10s, true);
    CHECK(head.status == 200);
    CHECK(head.header("Content-Length") == "12");
    CHECK(one.receive().body == "/next"); // no byte of a body lies between
}

TEST_CASE("a handler that throws is answered for, and the connection goes on") {
    serving at;
    caller one{at};
    for (auto const* const path : {"/throw", "/throw-number"}) {
        auto const failed = one.ask(get(path));
        CHECK(failed.status == 500);
        CHECK_FALSE(failed.closes());
        CHECK(failed.body.find("internal_error") != std::string::npos);
        CHECK(failed.body.find("secret") == std::string::npos);
        CHECK(one.ask(get("/after")).body == "/after");
    }
    CHECK(one.send("HEAD /throw HTTP/1.1\r\nHost: test\r\n\r\n" + get("/next")));
    CHECK(one.receive(10s, true).status == 500);
    CHECK(one.receive().body == "/next");
}

TEST_CASE("handlers that wait do so side by side") {
    serving at{http::server_options{}, 1};
    std::vector<std::unique_ptr<caller>> all;
    auto const began = weir::clock::now();
    for (int i = 0; i < 40; ++i) {
        all.push_back(std::make_unique<caller>(at));
        CHECK(all.back()->send(get("/sleep")));
    }
    for (auto const& each : all) CHECK(each->receive().body == "slept");
    CHECK(weir::clock::now() - began < 40 * 50ms);
}

TEST_CASE("no more connections are served than there are places, and who waits is served when one leaves") {
    http::server_options options;
    options.most_connections = 2;
    serving at{options};
    caller first{at};
    caller second{at};
    CHECK(first.ask(get("/1")).status == 200);
    CHECK(second.ask(get("/2")).status == 200);
    caller third{at};
    CHECK(third.send(get("/3")));
    CHECK(third.receive(200ms).error == weir::errc::timed_out);
    CHECK(at.counts().connections.value() == 2);
    CHECK(second.ask(get("/still")).body == "/still");
    first.leave();
    CHECK(third.receive().body == "/3");
    CHECK(at.counts().connections.value() == 3);
}

namespace {

// Three requests on one connection, each once everybody has the answer to the one before it.
weir::task<> visit(weir::net::address to, weir::atomic<std::size_t>* good, std::size_t count) {
    auto connected = co_await weir::net::connect_tcp(to);
    if (!connected) co_return;
    client one{std::move(*connected)};
    auto const request = get("/same");
    for (std::size_t turn = 1; turn <= 3; ++turn) {
        auto const sent = co_await one.send(request);
        if (!sent) co_return;
        auto const answer = co_await one.receive();
        if (answer.status == 200 && answer.body == "/same") good->fetch_add(1, weir::relaxed); // a tally
        while (good->load(weir::relaxed) < turn * count) { // gives up through the stop of the timeout
            auto const slept = co_await weir::sleep_for(1ms);
            if (!slept) co_return;
        }
    }
}

void allow_descriptors(rlim_t count) {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur >= count) return;
    limit.rlim_cur = std::min(count, limit.rlim_max);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

} // namespace

TEST_CASE("a thousand connections are open at once, and every request is answered") {
    auto const count = weir::test::scaled(1000);
    allow_descriptors(2 * 1000 + 200);
    serving at;
    weir::atomic<std::size_t> good{0};
    at.runtime().block_on([](serving* to, weir::atomic<std::size_t>* sum, std::size_t n) -> weir::task<> {
        auto all = weir::in_scope([](weir::scope& visits, serving* of, weir::atomic<std::size_t>* into,
                                     std::size_t many) -> weir::task<> {
            for (std::size_t i = 0; i < many; ++i) visits.spawn(&visit, of->where(), into, many);
            co_return;
        }, to, sum, n);
        co_await weir::timeout(std::move(all), 30s);
    }, &at, &good, count);
    CHECK(good.load(weir::relaxed) == 3 * count);
    CHECK(at.counts().connections.value() == count);
    CHECK(at.emptied());
}
