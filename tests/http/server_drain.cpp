// tests/http/server_drain.cpp: how the server ends: what has begun is finished, and nothing is waited for in vain.
#include "serving.hpp"

#include <weir/coro/when_all.hpp>

#include <memory>

using namespace http_test;

namespace {

// What has been sent reaches the server's parser meanwhile.
void let_arrive() { std::this_thread::sleep_for(100ms); }

bool refused(serving& at) {
    auto const connected = at.runtime().block_on(&weir::net::connect_tcp, at.where());
    return !connected && connected.error() == std::errc::connection_refused;
}

weir::task<reply> last_words(std::unique_ptr<client> one) { co_return co_await one->receive(); }

} // namespace

TEST_CASE("a drain without connections ends at once, and a second one changes nothing") {
    serving at;
    at.drain();
    at.end();
    at.end();
    CHECK(at.counts().connections.value() == 0);
}

TEST_CASE("a drain closes idle connections at once and admits no others") {
    serving at;
    caller used{at};
    caller fresh{at};
    CHECK(used.ask(get("/used")).status == 200);
    auto const began = weir::clock::now();
    at.end();
    CHECK(weir::clock::now() - began < 1s);
    CHECK(used.ended());
    CHECK(fresh.ended());
    CHECK(refused(at));
}

TEST_CASE("who has connected and was not accepted yet when a drain begins is served") {
    weir::test::backend_runtime runs{weir::test::whole_backend(), 1};
    auto listener = weir::net::tcp_listener::bind(weir::net::address::loopback_v4(0)).value();
    http::server server{{}, [](http::exchange& one) -> weir::task<> {
        one.response.body() = "served";
        co_return;
    }};
    server.drain(); // so that it accepts nobody who comes
    auto const said = runs->block_on([](http::server& at, weir::net::tcp_listener& from) -> weir::task<reply> {
        auto connected = co_await weir::net::connect_tcp(*from.local());
        auto one = std::make_unique<client>(std::move(*connected));
        auto const sent = co_await one->send(get("/"));
        if (!sent) co_return reply{};
        auto both = co_await weir::when_all(last_words(std::move(one)), at.run(from));
        co_return std::move(std::get<0>(both));
    }, std::ref(server), std::ref(listener));
    CHECK(said.body == "served");
    CHECK(said.closes());
    CHECK(server.counts().open.value() == 0);
}

TEST_CASE("a request of which a part has come is answered after a drain began") {
    serving at;
    caller head{at};
    caller body{at};
    caller idle{at};
    CHECK(idle.ask(get("/idle")).status == 200);
    CHECK(head.send("GET /head HTTP/1.1\r\nHo"));
    CHECK(body.send(post("/body", "Content-Length: 6\r\n", "abc")));
    let_arrive();
    at.drain();
    CHECK(idle.ended());
    CHECK(refused(at));
    CHECK(head.send("st: te"));
    CHECK(body.send("d"));
    let_arrive();
    auto const first = head.ask("st\r\n\r\n");
    CHECK(first.body == "/head");
    CHECK(first.closes());
    CHECK(head.ended());
    auto const second = body.ask("ef");
    CHECK(second.body == "abcdef");
    CHECK(second.closes());
    CHECK(body.ended());
    auto const began = weir::clock::now();
    head.leave();
    body.leave();
    at.end();
    CHECK(weir::clock::now() - began < 1s);
}

TEST_CASE("a handler that is at work during a drain finishes, and its response says that the connection closes") {
    serving at;
    caller one{at};
    CHECK(one.send(get("/wait")));
    CHECK(eventually([&] { return at.waiting.load(weir::relaxed) == 1; }));
    at.drain();
    let_arrive();
    at.gate.set();
    auto const answer = one.receive();
    CHECK(answer.body == "passed");
    CHECK(answer.closes());
    CHECK(one.ended());
    CHECK(at.stopped.load(weir::relaxed) == 0);
}

TEST_CASE("a response that closes for a drain is read, however much the client has sent behind its request") {
    serving at;
    caller one{at};
    CHECK(one.send(get("/wait")));
    CHECK(eventually([&] { return at.waiting.load(weir::relaxed) == 1; }));
    std::string behind;
    while (behind.size() < 300'000) behind += get("/behind");
    CHECK(one.send(behind));
    at.drain();
    let_arrive();
    at.gate.set();
    auto const answer = one.receive();
    CHECK(answer.body == "passed");
    CHECK(answer.closes());
    CHECK(one.ended());
    CHECK(at.counts().requests.value() == 1);
}

TEST_CASE("a large response that is on its way during a drain arrives whole") {
    serving at;
    caller one{at};
    CHECK(one.send(get("/large")));
    CHECK(eventually([&] { return at.counts().requests.value() == 1; }));
    let_arrive();
    at.drain();
    let_arrive();
    auto const answer = one.receive();
    CHECK(answer.status == 200);
    CHECK(answer.body.size() == 16 * 1024 * 1024);
    CHECK(one.ended());
}

TEST_CASE("what does not end within the drain's time is stopped") {
    http::server_options options;
    options.drain = 300ms;
    serving at{options};
    caller in_handler{at};
    caller in_request{at};
    CHECK(in_handler.send(get("/wait")));
    CHECK(in_request.send("GET /half"));
    CHECK(eventually([&] { return at.waiting.load(weir::relaxed) == 1; }));
    let_arrive();
    auto const began = weir::clock::now();
    at.end();
    CHECK(weir::clock::now() - began >= 300ms);
    CHECK(weir::clock::now() - began < 3s);
    CHECK(at.stopped.load(weir::relaxed) == 1);
    CHECK(in_handler.gone());
    CHECK(in_request.gone());
}

TEST_CASE("a drain ends the wait for a place") {
    http::server_options options;
    options.most_connections = 1;
    serving at{options};
    caller served{at};
    CHECK(served.send(get("/wait")));
    CHECK(eventually([&] { return at.waiting.load(weir::relaxed) == 1; }));
    caller outside{at};
    CHECK(outside.send(get("/outside")));
    let_arrive();
    at.drain();
    CHECK(outside.gone());
    at.gate.set();
    CHECK(served.receive().body == "passed");
    served.leave();
    at.end();
    CHECK(at.counts().connections.value() == 1);
}

namespace {

// Asks until the connection ends.
weir::task<> keep_asking(weir::net::address to, weir::atomic<int>* answered) {
    auto connected = co_await weir::net::connect_tcp(to);
    if (!connected) co_return;
    client one{std::move(*connected)};
    auto const request = post("/yield", "Content-Length: 3\r\n", "abc");
    for (;;) {
        auto const sent = co_await one.send(request);
        if (!sent) co_return;
        auto const answer = co_await one.receive();
        if (answer.status != 200) co_return;
        answered->fetch_add(1, weir::relaxed); // a tally
    }
}

} // namespace

TEST_CASE("the runtime may stop during traffic") {
    weir::atomic<int> answered{0};
    serving at;
    for (int i = 0; i < 50; ++i) CHECK(at.runtime().spawn(&keep_asking, at.where(), &answered));
    CHECK(eventually([&] { return answered.load(weir::relaxed) > 200; }));
    auto const began = weir::clock::now();
    at.runtime().shutdown();
    CHECK(weir::clock::now() - began < 2s);
    CHECK(at.open() == 0);
}

TEST_CASE("a drain under load ends before its time") {
    weir::atomic<int> answered{0};
    serving at;
    for (int i = 0; i < 50; ++i) CHECK(at.runtime().spawn(&keep_asking, at.where(), &answered));
    CHECK(eventually([&] { return answered.load(weir::relaxed) > 200; }));
    auto const began = weir::clock::now();
    at.end();
    CHECK(weir::clock::now() - began < 2s);
    CHECK(at.counts().requests.value() >= static_cast<std::uint64_t>(answered.load(weir::relaxed)));
}
