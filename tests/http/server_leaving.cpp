// tests/http/server_leaving.cpp: clients that vanish, at any moment; the server only loses them.
#include "serving.hpp"

using namespace http_test;

TEST_CASE("a client that leaves within a request leaves nothing behind") {
    serving at;
    for (std::string_view const part : {"", "\r", "GET /part HT", "GET / HTTP/1.1\r\nHost: test\r\n",
                                        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc",
                                        "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"}) {
        CAPTURE(part);
        caller closing{at};
        caller resetting{at};
        caller silent{at}; // ends its side only, and never reads
        for (auto* const each : {&closing, &resetting, &silent})
            if (!part.empty()) CHECK(each->send(part));
        closing.leave();
        resetting.reset();
        silent.half_close();
        CHECK(silent.ended());
        CHECK(at.emptied());
    }
    CHECK(at.handled.load(weir::relaxed) == 0);
    CHECK(caller{at}.ask(get("/after")).body == "/after");
}

TEST_CASE("a client that leaves while its handler works is noticed at the response") {
    serving at;
    caller closing{at};
    caller resetting{at};
    CHECK(closing.send(get("/wait") + get("/next")));
    CHECK(resetting.send(get("/wait") + get("/next")));
    CHECK(eventually([&] { return at.waiting.load(weir::relaxed) == 2; }));
    closing.leave();
    resetting.reset();
    at.gate.set();
    CHECK(at.emptied());
    CHECK(caller{at}.ask(get("/after")).body == "/after");
}

TEST_CASE("a client that leaves within a response leaves nothing behind") {
    serving at;
    caller closing{at};
    caller resetting{at};
    for (auto* const each : {&closing, &resetting}) CHECK(each->send(get("/large")));
    CHECK(eventually([&] { return at.counts().requests.value() == 2; }));
    std::this_thread::sleep_for(1ms); // the response is under way, and too long for the sockets' buffers
    closing.leave();                  // with bytes unread, which resets
    resetting.reset();
    CHECK(at.emptied());
    CHECK(caller{at}.ask(get("/after")).body == "/after");
}

TEST_CASE("a client that ends its side behind its requests is answered still") {
    serving at;
    caller one{at};
    std::string all = get("/sleep");
    for (int i = 0; i < 5; ++i) all += get("/" + std::to_string(i));
    CHECK(one.send(all + get("/yield")));
    one.half_close();
    CHECK(one.receive().body == "slept");
    for (int i = 0; i < 5; ++i) CHECK(one.receive().body == "/" + std::to_string(i));
    CHECK(one.receive().body == "yielded");
    CHECK(one.ended());
    CHECK(at.emptied());

    caller large{at};
    CHECK(large.send(get("/large")));
    large.half_close();
    CHECK(large.receive().body.size() == 16 * 1024 * 1024);
    CHECK(large.ended());
}

TEST_CASE("clients that come and go at once cost nothing that stays") {
    serving at;
    for (int i = 0; i < 200; ++i) {
        caller one{at};
        if (i % 2) CHECK(one.send(get(i % 20 == 1 ? "/large" : "/yield")));
        if (i % 4 < 2) one.reset();
    }
    CHECK(at.emptied());
    CHECK(caller{at}.ask(get("/after")).body == "/after");
}
