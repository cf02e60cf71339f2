// tests/http/response_parser.cpp: responses as they come, cut in every way, and what is no good response.
#include <http/response_parser.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

// What a response looks like to the client, as one comparable text.
std::string outcome(std::string_view text, std::size_t cut, bool head_request, http::response_limits bounds) {
    http::response_parser parser{bounds};
    parser.begin(head_request);
    std::string body;
    bool good = true;
    auto const feed = [&](std::string_view piece) {
        good = good && parser.parse(weir::bytes::copy_of(piece));
        for (auto taken = parser.take_piece(); !taken.empty(); taken = parser.take_piece()) body += taken.view();
    };
    if (cut == 0)
        for (char const& c : text) feed({&c, 1});
    else feed(text.substr(0, cut)), feed(text.substr(cut));
    if (!good) return "failed";
    std::string told;
    bool const by_end = !parser.complete() && parser.finish();
    if (parser.head_complete()) {
        told = std::to_string(parser.head().status());
        for (std::size_t i = 0; i < parser.head().header_count(); ++i)
            told.append("|").append(parser.head().header_at(i).name).append("=").append(parser.head().header_at(i).value);
    }
    told += "|" + body + (by_end ? "|end" : parser.complete() ? "|whole" : "|part");
    return told + (parser.complete() && parser.keep_alive() ? "|keep" : "");
}

// The outcome, which is the same however the text is cut.
std::string of(std::string_view text, bool head_request = false, http::response_limits bounds = {}) {
    auto const whole = outcome(text, text.size(), head_request, bounds);
    for (std::size_t cut = 0; cut < text.size(); ++cut)
        if (auto const other = outcome(text, cut, head_request, bounds); other != whole) {
            CAPTURE(cut, other, whole);
            FAIL_CHECK("a cut changes the outcome");
        }
    return whole;
}

} // namespace

TEST_CASE("a response is read by its length, by chunks, and to the end of the connection") {
    CHECK(of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: a b \r\n\r\nabc") ==
          "200|Content-Length=3|X=a b|abc|whole|keep");
    CHECK(of("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nEmpty:\r\nY: z\r\n\r\n") ==
          "404|Content-Length=0|Empty=|Y=z||whole|keep");
    CHECK(of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n") ==
          "200|Transfer-Encoding=chunked|abcde|whole|keep");
    CHECK(of("HTTP/1.1 200 OK\r\n\r\nabc") == "200|abc|end");
    CHECK(of("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na") == "200|Content-Length=1|a|whole");
    CHECK(of("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na") ==
          "200|Connection=close|Content-Length=1|a|whole");
}

TEST_CASE("what has no body ends with its head") {
    CHECK(of("HTTP/1.1 204 No Content\r\n\r\n") == "204||whole|keep");
    CHECK(of("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n") == "304|Content-Length=9||whole|keep");
    CHECK(of("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true) == "200|Content-Length=9||whole|keep");
    CHECK(of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true) ==
          "200|Transfer-Encoding=chunked||whole|keep");
}

TEST_CASE("informational responses are passed over, and a switch of protocols is refused") {
    CHECK(of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
             "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na") == "200|Content-Length=1|a|whole|keep");
    CHECK(of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", true) ==
          "200|Content-Length=4||whole|keep");
    CHECK(of("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n") == "failed");
}

TEST_CASE("a response that is cut short is told from a whole one") {
    CHECK(of("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc") == "200|Content-Length=4|abc|part");
    CHECK(of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n") ==
          "200|Transfer-Encoding=chunked|abc|part");
    CHECK(of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n") ==
          "200|Transfer-Encoding=chunked|abc|part");
    CHECK(of("HTTP/1.1 200 OK\r\nX: y\r\n") == "||part");
}

TEST_CASE("bytes behind a response keep the connection from being used again") {
    CHECK(of("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n\r\n") == "200|Content-Length=1|a|whole");
    CHECK(of("HTTP/1.1 204 No Content\r\n\r\nx") == "204||whole");
    CHECK(of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx") ==
          "200|Transfer-Encoding=chunked||whole");
}

TEST_CASE("what could be read in two ways is refused") {
    for (std::string_view const bad :
         {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\na",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ng\r\n", "HTTP/1.1 200 OK\r\nbad header: x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
          "no response\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n"}) {
        CAPTURE(bad);
        CHECK(of(bad) == "failed");
    }
}

TEST_CASE("a head that is too long or has too many headers is refused") {
    http::response_limits bounds;
    bounds.head_bytes = 100;
    bounds.header_count = 3;
    std::string const start = "HTTP/1.1 204 No Content\r\n";
    CHECK(of(start + "A: " + std::string(99, 'x') + "\r\n\r\n", false, bounds).ends_with("|whole|keep"));
    CHECK(of(start + "A: " + std::string(100, 'x') + "\r\n\r\n", false, bounds) == "failed");
    CHECK(of(start + "A: 1\r\nA: 2\r\nA: 3\r\n\r\n", false, bounds) == "204|A=1|A=2|A=3||whole|keep");
    CHECK(of(start + "A: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\n\r\n", false, bounds) == "failed");
    std::string const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    CHECK(of(chunked + "0\r\nA: " + std::string(100, 'x') + "\r\n\r\n", false, bounds) == "failed");
}

TEST_CASE("pieces of a body are slices of what was received") {
    http::response_parser parser;
    parser.begin(false);
    auto const block = weir::bytes::copy_of(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n");
    REQUIRE(parser.parse(block));
    auto const first = parser.take_piece();
    auto const second = parser.take_piece();
    CHECK(first == "abc");
    CHECK(second == "de");
    CHECK(first.data() == block.data() + block.view().find("abc"));
    CHECK(parser.take_piece().empty());
}
