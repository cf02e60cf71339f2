// tests/http/server_refusals.cpp: what the server says to clients that are wrong, too large or too slow.
#include "serving.hpp"

using namespace http_test;

namespace {

struct wrong_request {
    int status;
    std::string_view code;
    std::string bytes;
};

} // namespace

TEST_CASE("a wrong request is answered with its status, and the answer is read although the client still sends") {
    serving at;
    std::vector<wrong_request> all;
    all.push_back({400, "bad_header", "GET / HTTP/1.1\r\nHost: test\r\nbad header\r\n\r\n"});
    all.push_back({400, "bad_content_length", post("/", "Content-Length: 1x\r\n", {})});
    all.push_back({400, "bad_chunk", post("/", "Transfer-Encoding: chunked\r\n", "xyz\r\n")});
    all.push_back({413, "body_too_large", post("/", "Content-Length: 8000000\r\n", {})});
    all.push_back({414, "target_too_long", get("/" + std::string(9000, 'a'))});
    all.push_back({431, "headers_too_large", get("/", "A: " + std::string(17'000, 'a') + "\r\n")});
    all.push_back({501, "method_not_implemented", "CONNECT test:80 HTTP/1.1\r\nHost: test\r\n\r\n"});
    all.push_back({505, "version_not_supported", "GET / HTTP/2.0\r\nHost: test\r\n\r\n"});
    std::string const more(8'000'000, 'x'); // far more than both sockets hold
    for (auto const& each : all) {
        CAPTURE(each.code, each.status);
        caller one{at};
        CHECK(one.ask(get("/good")).body == "/good");
        CHECK(one.send(each.bytes));
        one.send(more);
        auto const answer = one.receive();
        CHECK(answer.status == each.status);
        CHECK(answer.closes());
        CHECK(answer.body.find(each.code) != std::string::npos);
        CHECK(one.ended());
    }
    CHECK(at.counts().refused.value() == all.size());
    CHECK(at.handled.load(weir::relaxed) == static_cast<int>(all.size())); // none of them came to the handler
}

TEST_CASE("what was asked before a wrong request is answered first") {
    serving at;
    caller one{at};
    CHECK(one.send(get("/sleep") + get("/2") + "nonsense\r\n\r\n" + get("/never")));
    CHECK(one.receive().body == "slept");
    CHECK(one.receive().body == "/2");
    CHECK(one.receive().status == 400);
    CHECK(one.ended());
}

TEST_CASE("HEAD is refused without a body") {
    serving at;
    caller one{at};
    CHECK(one.send("HEAD / HTTP/1.1\r\nHost: test\r\nbad header\r\n\r\n"));
    CHECK(one.receive(10s, true).status == 400);
    CHECK(one.ended());
}

TEST_CASE("each state of a connection has its time, and pieces that drip in do not prolong it") {
    using std::chrono::seconds;
    http::server_options options;
    options.idle = options.head = options.body = options.send = seconds{1};
    serving at{options};
    auto const began = weir::clock::now();
    caller idle{at};
    caller fresh{at};
    caller head{at};
    caller body{at};
    caller chunks{at};
    caller deaf{at};
    CHECK(idle.ask(get("/idle")).status == 200);
    CHECK(head.send("GET /head HTTP/1.1\r\nHost: test\r\nA: "));
    CHECK(body.send(post("/body", "Content-Length: 1000\r\n", {})));
    CHECK(chunks.send(post("/chunks", "Transfer-Encoding: chunked\r\n", "3e8\r\n")));
    CHECK(deaf.send(get("/large")));
    // A peer that reads nothing keeps the send from getting on.
    CHECK(eventually([&] {
        if (weir::clock::now() - began < 5s)
            for (auto* const each : {&head, &body, &chunks}) each->send("a");
        std::this_thread::sleep_for(100ms);
        return at.counts().timed_out.value() >= 6;
    }));
    CHECK(weir::clock::now() - began < 4s);
    for (auto* const each : {&head, &body, &chunks}) {
        auto const answer = each->receive();
        CHECK(answer.status == 408);
        CHECK(answer.closes());
        CHECK(each->ended());
    }
    CHECK(idle.ended());
    CHECK(fresh.ended());
    CHECK(deaf.gone());
    CHECK(at.counts().timed_out.value() == 6);
    CHECK(at.emptied());
}

TEST_CASE("a request that takes long in the handler is not timed out, nor is one between requests in time") {
    using std::chrono::seconds;
    http::server_options options;
    options.idle = options.head = options.body = options.send = seconds{1};
    serving at{options};
    caller slow{at};
    caller busy{at};
    CHECK(slow.send(get("/wait")));
    for (int i = 0; i < 10; ++i) {
        CHECK(busy.ask(get("/busy")).status == 200);
        std::this_thread::sleep_for(250ms);
    }
    at.gate.set();
    CHECK(slow.receive().body == "passed");
    CHECK(at.counts().timed_out.value() == 0);
}
