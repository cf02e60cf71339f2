// tests/http/body_stream.cpp: bodies that are sent while they are made, what ends them, and who hears of the end.
#include "serving.hpp"

#include <weir/memory/bytes.hpp>

using namespace http_test;

namespace {

// Notes how a handler's stream went.
struct seen {
    weir::atomic<int> begun{0};
    weir::atomic<int> stopped{0}; // handlers whose stop token was raised
    weir::atomic<std::uint64_t> taken{0};
    weir::event go;
};

weir::task<> stream_two(http::exchange& one) {
    static_cast<void>(one.response.set_content_type("text/plain"));
    one.stream.begin();
    auto const first = co_await one.stream.write("hello");
    if (!first) co_return;
    static_cast<void>(co_await one.stream.write(" world, again"));
}

std::string const fives(100'000, '5');

weir::task<> answer(http::exchange& one, seen* notes) {
    auto const path = one.request.path();
    if (path == "/two") co_return co_await stream_two(one);
    if (path == "/plain") {
        one.response.body() = "plain";
    } else if (path == "/sized") {
        one.stream.begin(11);
        static_cast<void>(co_await one.stream.gather("hello"));
        static_cast<void>(co_await one.stream.write(" world"));
    } else if (path == "/short") {
        one.stream.begin(11);
        static_cast<void>(co_await one.stream.write("hello"));
    } else if (path == "/long") {
        one.stream.begin(3);
        auto const sent = co_await one.stream.write("hello");
        if (sent.error() == weir::errc::too_long) notes->stopped.fetch_add(1, weir::relaxed); // a tally
    } else if (path == "/throw") {
        one.stream.begin();
        static_cast<void>(co_await one.stream.write("part"));
        throw std::runtime_error{"in the middle"};
    } else if (path == "/abort") {
        one.stream.begin();
        static_cast<void>(co_await one.stream.write("part"));
        one.stream.abort();
    } else if (path == "/gather") {
        one.stream.begin();
        for (int i = 0; i < 1000; ++i) {
            auto const kept = co_await one.stream.gather(std::to_string(i) + '\n');
            if (!kept) co_return;
        }
    } else if (path == "/large") {
        one.stream.begin();
        for (int i = 0; i < 3; ++i) static_cast<void>(co_await one.stream.write(fives));
    } else if (path == "/not-modified") {
        one.response.set_status(304);
        one.stream.begin();
        auto const sent = co_await one.stream.write("no");
        if (sent.error() == weir::errc::closed) notes->stopped.fetch_add(1, weir::relaxed); // a tally
    } else if (path == "/wait") {
        one.stream.begin();
        static_cast<void>(co_await one.stream.write("first"));
        notes->begun.fetch_add(1, weir::relaxed); // a tally
        auto const passed = co_await notes->go.wait();
        if (!passed) notes->stopped.fetch_add(1, weir::relaxed); // a tally
    } else if (path == "/think" || path == "/think-throw" || path == "/think-stream") {
        one.stream.watch();
        notes->begun.fetch_add(1, weir::relaxed); // a tally
        auto const passed = co_await notes->go.wait();
        if (!passed) notes->stopped.fetch_add(1, weir::relaxed); // a tally
        if (path == "/think-throw") throw std::runtime_error{"after a thought"};
        if (path == "/think-stream") co_return co_await stream_two(one);
        one.response.body() = "thought";
    } else { // endless
        one.stream.begin();
        notes->begun.fetch_add(1, weir::relaxed); // a tally
        for (;;) {
            auto const sent = co_await one.stream.write(fives);
            if (!sent) break;
            notes->taken.fetch_add(fives.size(), weir::relaxed); // a tally
        }
        notes->stopped.fetch_add(1, weir::relaxed); // a tally
    }
}

// A server of `answer`.
struct streaming {
    explicit streaming(http::server_options options = {})
        : at{options, 2, [this](http::exchange& one) { return answer(one, &notes); }} {}
    seen notes;
    serving at;
};

// The body of chunks up to the last one; says "cut" where they end early.
std::string joined(std::string_view chunks) {
    std::string body;
    for (;;) {
        auto const end = chunks.find("\r\n");
        if (end == std::string_view::npos) return body + "cut";
        std::size_t size = 0;
        std::from_chars(chunks.data(), chunks.data() + end, size, 16);
        chunks.remove_prefix(end + 2);
        if (size == 0) return chunks == "\r\n" ? body : body + "more";
        if (chunks.size() < size + 2 || chunks.substr(size, 2) != "\r\n") return body + "cut";
        body += chunks.substr(0, size);
        chunks.remove_prefix(size + 2);
    }
}

// Head and body of what comes until the end of the connection.
std::pair<std::string, std::string> parts(caller& from) {
    auto const head = from.up_to("\r\n\r\n");
    auto const rest = from.rest();
    return {head, rest ? std::string{rest->view()} : "error"};
}

// Whether the connection ends, in order or not, and nothing more comes: no last chunk, and no other response.
bool ends_with_nothing_more(caller& from) {
    auto const rest = from.rest();
    return rest ? rest->empty() : rest.error() != weir::errc::timed_out;
}

} // namespace

TEST_CASE("a body without a known length comes in chunks, a piece each, and the connection goes on") {
    streaming on;
    caller one{on.at};
    for (int i = 0; i < 3; ++i) {
        CHECK(one.send(get("/two")));
        auto const head = one.up_to("\r\n\r\n");
        CHECK(head.starts_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n"));
        CHECK(head.find("Content-Length") == std::string::npos);
        CHECK(one.up_to("0\r\n\r\n") == "5\r\nhello\r\nd\r\n world, again\r\n0\r\n\r\n");
    }
    CHECK(one.ask(get("/plain")).body == "plain");
    CHECK(on.at.counts().requests.value() == 4);
    CHECK(on.at.counts().broken_off.value() == 0);
}

TEST_CASE("a body of a known length has no chunks") {
    streaming on;
    caller one{on.at};
    for (int i = 0; i < 2; ++i) {
        auto const got = one.ask(get("/sized"));
        CHECK(got.header("Content-Length") == "11");
        CHECK(got.header("Transfer-Encoding").empty());
        CHECK(got.body == "hello world");
    }
}

TEST_CASE("streams and plain responses keep their order when they are pipelined, one byte at a time") {
    streaming on;
    caller one{on.at};
    auto const all = get("/plain") + get("/two") + get("/sized") + get("/gather") + get("/plain");
    for (char const& c : all) CHECK(one.send({&c, 1}));
    CHECK(one.receive().body == "plain");
    CHECK(one.up_to("0\r\n\r\n").ends_with("\r\nhello\r\nd\r\n world, again\r\n0\r\n\r\n"));
    CHECK(one.receive().body == "hello world");
    one.up_to("\r\n\r\n");
    std::string numbers;
    for (int i = 0; i < 1000; ++i) numbers += std::to_string(i) + '\n';
    CHECK(joined(one.up_to("\r\n0\r\n\r\n")) == numbers);
    CHECK(one.receive().body == "plain");
}

TEST_CASE("large pieces come as they were written") {
    streaming on;
    caller one{on.at};
    CHECK(one.send(get("/large", "Connection: close\r\n")));
    auto const [head, body] = parts(one);
    CHECK((joined(body) == fives + fives + fives));
}

TEST_CASE("for HTTP/1.0 the end of the connection is the end of the body") {
    streaming on;
    caller one{on.at};
    CHECK(one.send("GET /two HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    auto const [head, body] = parts(one);
    CHECK(head.find("Transfer-Encoding") == std::string::npos);
    CHECK(head.find("Connection: close\r\n") != std::string::npos);
    CHECK(body == "hello world, again");
    caller sized{on.at};
    CHECK(sized.ask("GET /sized HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").body == "hello world");
    CHECK(sized.ask(get("/plain")).body == "plain");
}

TEST_CASE("H19: HEAD, and a status without a body, get the head of the stream and the next response behind it") {
    streaming on;
    caller one{on.at};
    for (std::string const path : {"/two", "/large", "/sized", "/throw", "/endless"}) {
        CHECK(one.send("HEAD " + path + " HTTP/1.1\r\nHost: test\r\n\r\n" + get("/plain")));
        auto const head = one.receive(10s, true);
        CHECK(head.status == 200);
        CHECK(head.header("Content-Length") == (path == "/sized" ? "11" : ""));
        CHECK(one.receive().body == "plain");
    }
    CHECK(one.send(get("/not-modified") + get("/plain")));
    CHECK(one.receive().status == 304);
    CHECK(one.receive().body == "plain");
    CHECK(on.notes.stopped.load(weir::relaxed) == 2);
}

TEST_CASE("a stream that fails in the middle never has an orderly end") {
    streaming on;
    for (std::string const path : {"/throw", "/abort"}) {
        caller one{on.at};
        CHECK(one.send(get(path) + get("/plain")));
        one.up_to("\r\n\r\n");
        CHECK(one.up_to("part\r\n") == "4\r\npart\r\n");
        CHECK(ends_with_nothing_more(one));
        caller old{on.at};
        CHECK(old.send("GET " + path + " HTTP/1.0\r\n\r\n"));
        CHECK_FALSE(old.rest()); // only an error tells a part from the whole
    }
    CHECK(on.at.counts().broken_off.value() == 4);
}

TEST_CASE("less or more than the length that was told breaks the connection") {
    streaming on;
    caller less{on.at};
    CHECK(less.send(get("/short") + get("/plain")));
    CHECK(less.up_to("\r\n\r\n").find("Content-Length: 11\r\n") != std::string::npos);
    CHECK(less.up_to("hello") == "hello");
    CHECK(ends_with_nothing_more(less));
    caller more{on.at};
    CHECK(more.send(get("/long") + get("/plain")));
    CHECK(ends_with_nothing_more(more)); // not even the head, which had not left
    CHECK(on.notes.stopped.load(weir::relaxed) == 1);
}

TEST_CASE("a piece leaves at once, and the handler is stopped when its client leaves") {
    streaming on;
    caller closing{on.at};
    caller resetting{on.at};
    caller ending{on.at};
    for (auto* const each : {&closing, &resetting, &ending}) {
        CHECK(each->send(get("/wait")));
        each->up_to("\r\n\r\n");
        CHECK(each->up_to("first\r\n") == "5\r\nfirst\r\n");
    }
    CHECK(eventually([&] { return on.notes.begun.load(weir::relaxed) == 3; }));
    CHECK(on.notes.stopped.load(weir::relaxed) == 0);
    closing.leave();
    resetting.reset();
    ending.half_close();
    CHECK(eventually([&] { return on.notes.stopped.load(weir::relaxed) == 3; }));
    CHECK(on.at.emptied());
}

TEST_CASE("a handler that watches is stopped when its client leaves before there is an answer") {
    streaming on;
    caller closing{on.at};
    caller resetting{on.at};
    caller ending{on.at};
    for (auto* const each : {&closing, &resetting, &ending}) CHECK(each->send(get("/think")));
    CHECK(eventually([&] { return on.notes.begun.load(weir::relaxed) == 3; }));
    CHECK(on.notes.stopped.load(weir::relaxed) == 0);
    closing.leave();
    resetting.reset();
    ending.half_close();
    CHECK(eventually([&] { return on.notes.stopped.load(weir::relaxed) == 3; }));
    CHECK(on.at.emptied());
}

TEST_CASE("a handler that has watched answers as any other, and what came meanwhile is answered behind it") {
    streaming on;
    caller one{on.at};
    CHECK(one.send(get("/think")));
    CHECK(eventually([&] { return on.notes.begun.load(weir::relaxed) == 1; }));
    CHECK(one.send(get("/sized") + get("/think-throw") + get("/think-stream") + get("/plain")));
    CHECK(one.receive(50ms).error == weir::errc::timed_out);
    on.notes.go.set();
    CHECK(one.receive().body == "thought");
    CHECK(one.receive().body == "hello world");
    CHECK(one.receive().status == 500);
    CHECK(one.up_to("0\r\n\r\n").ends_with("5\r\nhello\r\nd\r\n world, again\r\n0\r\n\r\n"));
    CHECK(one.receive().body == "plain");
    CHECK(on.notes.stopped.load(weir::relaxed) == 0);
    CHECK(on.at.counts().broken_off.value() == 0);
}

TEST_CASE("requests that come while a response is streamed are answered behind it") {
    streaming on;
    caller one{on.at};
    CHECK(one.send(get("/wait")));
    one.up_to("first\r\n");
    std::string many;
    for (int i = 0; i < 200; ++i) many += get("/sized");
    CHECK(one.send(many));
    CHECK(one.receive(50ms).error == weir::errc::timed_out);
    on.notes.go.set();
    CHECK(one.up_to("0\r\n\r\n") == "0\r\n\r\n");
    for (int i = 0; i < 200; ++i) CHECK(one.receive().body == "hello world");
    CHECK(on.notes.stopped.load(weir::relaxed) == 0);
}

TEST_CASE("a client that does not read holds the handler back, and is given up after the time for sending") {
    http::server_options options;
    options.send = 1s;
    streaming on{options};
    caller one{on.at};
    CHECK(one.send(get("/endless")));
    CHECK(eventually([&] { return on.notes.taken.load(weir::relaxed) > 0; }));
    CHECK(eventually([&] { return on.notes.stopped.load(weir::relaxed) == 1; }));
    CHECK(on.notes.taken.load(weir::relaxed) < 64u * 1024 * 1024); // what sockets' buffers hold
    CHECK(on.at.counts().timed_out.value() == 1);
    CHECK(on.at.emptied());
}

TEST_CASE("the end of a drain stops the handler of a stream and breaks it off") {
    http::server_options options;
    options.drain = 300ms;
    streaming on{options};
    caller one{on.at};
    CHECK(one.send(get("/wait")));
    one.up_to("first\r\n");
    on.at.end();
    CHECK(on.notes.stopped.load(weir::relaxed) == 1);
    CHECK(ends_with_nothing_more(one));
}
