// tests/http/server_limits.cpp: bodies that drip, and requests that come in heaps.
#include "serving.hpp"

using namespace http_test;

TEST_CASE("a body may take its time as long as it comes at the least rate, and not for ever") {
    http::server_options options;
    options.body = 3s;
    options.body_pause = 1s;
    options.body_rate = 1000;
    serving at{options};
    caller slow{at};    // 20 bytes a second
    caller steady{at};  // 8000, and ends after 40 pieces
    caller endless{at}; // 8000, and never ends
    CHECK(slow.send(post("/echo", "Content-Length: 1000\r\n", {})));
    CHECK(steady.send(post("/echo", "Content-Length: 16000\r\n", {})));
    CHECK(endless.send(post("/echo", "Content-Length: 1000000\r\n", {})));
    std::string const piece(400, 'x');
    for (int i = 0; i < 90; ++i) {
        if (i < 40) CHECK(steady.send(piece));
        if (i == 55) CHECK(at.counts().timed_out.value() == 1);
        slow.send("x");
        endless.send(piece);
        std::this_thread::sleep_for(50ms);
    }
    CHECK(slow.receive().status == 408);
    CHECK(steady.receive().body == std::string(16000, 'x'));
    CHECK(endless.receive().status == 408);
    CHECK(at.counts().timed_out.value() == 2);
}

TEST_CASE("a body that stops coming is given up after the pause, long before the time for all of it") {
    http::server_options options;
    options.body_pause = 1s;
    serving at{options};
    caller one{at};
    CHECK(one.send(post("/echo", "Content-Length: 100000\r\n", std::string(50'000, 'x'))));
    CHECK(one.receive().status == 408);
    CHECK(one.ended());
}

TEST_CASE("answers to pipelined requests leave by the hundred, whatever the next request does") {
    serving at;
    caller one{at};
    std::string many;
    for (int i = 0; i < 100; ++i) many += get("/" + std::to_string(i));
    CHECK(one.send(many + get("/wait") + get("/last")));
    for (int i = 0; i < 100; ++i) CHECK(one.receive().body == "/" + std::to_string(i));
    CHECK(one.receive(50ms).error == weir::errc::timed_out);
    at.gate.set();
    CHECK(one.receive().body == "passed");
    CHECK(one.receive().body == "/last");
}
