// tests/http/event_stream.cpp: the text of server-sent events, and their way to a client.
#include "serving.hpp"

#include <http/event_stream.hpp>

using namespace http_test;
using namespace std::string_literals;

namespace {

std::string text_of(http::event const& what) {
    std::string text = "before";
    return http::append_event(text, what) ? text.substr(6) : "refused, left " + text;
}

weir::task<> tell(http::exchange& one) {
    http::event_stream events{one};
    static_cast<void>(co_await events.flush());
    static_cast<void>(co_await events.comment());
    http::event second{"tick", "a\nb"};
    second.id = "7";
    static_cast<void>(co_await events.send(http::event{"first"}));
    auto const refused = co_await events.send(http::event{"bad\nname", "x"});
    if (refused) one.stream.abort();
    static_cast<void>(co_await events.send(second));
}

} // namespace

TEST_CASE("an event's data may have lines, however they end, and keeps each of them") {
    CHECK(text_of(http::event{"one"}) == "data: one\n\n");
    CHECK(text_of(http::event{""}) == "data: \n\n");
    CHECK(text_of(http::event{"a\nb\r\nc\rd"}) == "data: a\ndata: b\ndata: c\ndata: d\n\n");
    CHECK(text_of(http::event{"a\n"}) == "data: a\ndata: \n\n");
    CHECK(text_of(http::event{"\n\r\n"}) == "data: \ndata: \ndata: \n\n");
    CHECK(text_of(http::event{" a: b"}) == "data:  a: b\n\n");
}

TEST_CASE("an event's other fields stand before its data") {
    http::event all{"name", "data"};
    all.id = "";
    all.retry = 1500ms;
    CHECK(text_of(all) == "id: \nevent: name\nretry: 1500\ndata: data\n\n");
}

TEST_CASE("a name or an id that could end its line is refused, and nothing is added") {
    for (std::string const& bad : {"a\nb"s, "a\rb"s, "\r\n"s}) {
        CHECK(text_of(http::event{bad, "x"}) == "refused, left before");
        http::event with_id{"x"};
        with_id.id = bad;
        CHECK(text_of(with_id) == "refused, left before");
    }
    http::event with_nul{"x"};
    auto const nul = "a\0b"s;
    with_nul.id = nul;
    CHECK(text_of(with_nul) == "refused, left before");
}

TEST_CASE("events come one by one behind a head that says what they are") {
    serving at{http::server_options{}, 2, &tell};
    caller one{at};
    CHECK(one.send(get("/events", "Connection: close\r\n")));
    auto const head = one.up_to("\r\n\r\n");
    CHECK(head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    CHECK(head.find("Cache-Control: no-cache\r\n") != std::string::npos);
    auto const body = one.rest();
    REQUIRE(body);
    CHECK(*body == "4\r\n: \n\n\r\n"
                   "d\r\ndata: first\n\n\r\n"
                   "23\r\nid: 7\nevent: tick\ndata: a\ndata: b\n\n\r\n"
                   "0\r\n\r\n");
}
