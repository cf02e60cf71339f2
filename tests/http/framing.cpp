// tests/http/framing.cpp: where a request ends: H1 to H10 and H18.
#include "drive.hpp"

using namespace drive;
using namespace std::string_literals;

TEST_CASE("a body has the length that Content-Length gives") {
    CHECK(accepts(post("Content-Length: 3\r\n", "abc")).ends_with("|abc"));
    CHECK(accepts(post("Content-Length: 0\r\n", "")).ends_with("=0|"));
    CHECK(accepts(post("content-LENGTH:\t 003  \r\n", "a\nc")).ends_with("=003|a\nc"));
    CHECK(of(post("Content-Length: 4\r\n", "abc")).hungry);
}

TEST_CASE("a chunked body is joined") {
    CHECK(accepts(chunked("3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\n")).ends_with("|abc0123456789"));
    CHECK(accepts(chunked("0\r\n\r\n")).ends_with("chunked|"));
    CHECK(accepts(chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n")).ends_with("|\r\n\r\n"));
    CHECK(accepts(post("Transfer-Encoding: \tChUnKeD \r\n", "1\r\na\r\n0\r\n\r\n")).ends_with("|a"));
    CHECK(of(chunked("3\r\nabc\r\n0\r\n")).hungry);
}

TEST_CASE("H1: Content-Length and Transfer-Encoding together are refused") {
    refuses(post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, "bad_transfer_encoding");
    refuses(post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), 400, "bad_content_length");
}

TEST_CASE("H2: a Content-Length that is not digits, once, is refused") {
    for (auto const value : {"+3", "-3", "3 3", "3,3", "3, 3", "0x3", "", " ", "3a", "\"3\"", "3.0", "3;"})
        refuses(post("Content-Length: "s + value + "\r\n", "abc"), 400, "bad_content_length");
    refuses(post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400, "bad_content_length");
    refuses(post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), 400, "bad_content_length");
}

TEST_CASE("H3: a Content-Length that overflows is refused") {
    for (auto const value : {"18446744073709551616", "18446744073709551619", "99999999999999999999999"})
        refuses(post("Content-Length: "s + value + "\r\n", "abc"), 400, "bad_content_length");
    for (auto const value : {"18446744073709551615", "9223372036854775808"})
        refuses(post("Content-Length: "s + value + "\r\n", "abc"), 413, "body_too_large");
}

TEST_CASE("H4: a Transfer-Encoding other than chunked, once, is refused") {
    for (auto const lines :
         {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding:\r\n", "Transfer-Encoding: ,\r\n",
          "Transfer-Encoding: chunked, gzip\r\n", "Transfer-Encoding: chunked, chunked\r\n",
          "Transfer-Encoding: chunked,\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"})
        refuses(post(lines, "0\r\n\r\n"), 400, "bad_transfer_encoding");
    for (auto const lines :
         {"Transfer-Encoding: x\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: identity\r\n",
          "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunkedx\r\n", "Transfer-Encoding: x, chunked\r\n",
          "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chun ked\r\n"})
        refuses(post(lines, "0\r\n\r\n"), 501, "coding_not_implemented");
    refuses("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad_transfer_encoding");
}

TEST_CASE("H5: the transfer coding chunked with a parameter is refused") {
    refuses(post("Transfer-Encoding: chunked;a=b\r\n", "0\r\n\r\n"), 400, "bad_transfer_encoding");
    refuses(post("Transfer-Encoding: chunked ; a\r\n", "0\r\n\r\n"), 400, "bad_transfer_encoding");
}

TEST_CASE("H6: a chunk size of more than sixteen digits, or with anything but digits, is refused") {
    for (auto const size : {"00000000000000003", "fffffffffffffffff", "10000000000000003", "0x3", "+3", "-3", " 3", "",
                            "3 ", "3\t", "g", "3,", "00000000000000000"})
        refuses(chunked(size + "\r\nabc\r\n0\r\n\r\n"s), 400, "bad_chunk");
    CHECK(accepts(chunked("0000000000000003\r\nabc\r\n0000000000000000\r\n\r\n")).ends_with("|abc"));
    refuses(chunked("ffffffffffffffff\r\nabc\r\n0\r\n\r\n"), 413, "body_too_large");
    refuses(chunked("1\r\na\r\nffffffffffffffff\r\nabc\r\n0\r\n\r\n"), 413, "body_too_large");
}

TEST_CASE("H7: a line of the chunked framing that does not end in CRLF is refused") {
    for (auto const body : {"3\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\n\r\n", "3;a\nabc\r\n0\r\n\r\n",
                            "3\rabc\r\n0\r\n\r\n", "3\r\r\nabc\r\n0\r\n\r\n", "0\r\n\n"})
        refuses(chunked(body), 400, "bad_line_end");
    for (auto const body : {"3\r\nabc0\r\n\r\n", "3\r\nabc\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "3\r\nabc\r0\r\n\r\n",
                            "3\r\nabc\r\r\n0\r\n\r\n", "3\r\nabc 0\r\n\r\n"})
        refuses(chunked(body), 400, "bad_chunk");
}

TEST_CASE("H8: chunk extensions are ignored within their bounds and refused beyond") {
    for (auto const extension : {";a", ";a=b", ";a=\"b;c\"", ";a=\"b\\\"c\";d", ";a;b;c=d"})
        CHECK(accepts(chunked("3"s + extension + "\r\nabc\r\n0" + extension + "\r\n\r\n")).ends_with("|abc"));
    auto const of_size = [](std::size_t size) { return ";" + std::string(size - 1, 'x'); };
    CHECK(accepts(chunked("1" + of_size(256) + "\r\na\r\n0\r\n\r\n")).ends_with("|a"));
    refuses(chunked("1" + of_size(257) + "\r\na\r\n0\r\n\r\n"), 400, "bad_chunk");
    refuses(chunked("1" + of_size(5000) + "\r\na\r\n0\r\n\r\n"), 400, "bad_chunk");
    std::string many;
    for (int i = 0; i < 32; ++i) many += "1" + of_size(256) + "\r\na\r\n";
    CHECK(accepts(chunked(many + "0\r\n\r\n")).ends_with("|" + std::string(32, 'a')));
    refuses(chunked(many + "0;a\r\n\r\n"), 400, "bad_chunk"); // the body's 8 KiB are used up
    for (auto const& extension : {";a\0b"s, ";a=\"b"s, ";"s, ";a\x01"s, ";a\x7f"s, "; a"s})
        refuses(chunked("3" + extension + "\r\nabc\r\n0\r\n\r\n"), 400, "bad_chunk");
}

TEST_CASE("H9: trailers are read like headers, bounded like headers, and dropped") {
    auto const with = [](std::string const& trailers) { return chunked("1\r\na\r\n0\r\n" + trailers + "\r\n"); };
    CHECK(accepts(with("A: b\r\nHost: evil\r\nConnection: close\r\nExpect: 100-continue\r\n")) == accepts(with("")));
    CHECK(accepts(with("Connection: upgrade\r\nUpgrade: x\r\nAuthorization: y\r\n")) == accepts(with("")));
    for (auto const bad : {"A\r\n", "A : b\r\n", ": b\r\n", "A(: b\r\n", "A: \x01\r\n", "A: b\r\n c\r\n", " A: b\r\n"})
        refuses(with(bad), 400, "bad_header");
    for (auto const bad : {"A: b\n", "A: b\rc\r\n"}) refuses(with(bad), 400, "bad_line_end");
    refuses(with("Content-Length: 5\r\n"), 400, "bad_content_length");
    refuses(with("Transfer-Encoding: chunked\r\n"), 400, "bad_transfer_encoding");
    CHECK(accepts(with("A: " + std::string(16 * 1024 - 7, 'b') + "\r\n")) == accepts(with("")));
    refuses(with("A: " + std::string(16 * 1024 - 6, 'b') + "\r\n"), 431, "headers_too_large");
    std::string many;
    for (int i = 0; i < 100; ++i) many += "A: b\r\n";
    CHECK(accepts(with(many)) == accepts(with("")));
    refuses(with(many + "A: b\r\n"), 431, "too_many_headers");
}

TEST_CASE("H10: a bare CR or a bare LF is refused") {
    for (auto const bytes : {"GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n",
                             "GET / HTTP/1.1\r\nHost: a\r\n\n", "GET / HTTP/1.1\rHost: a\r\n\r\n",
                             "GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
                             "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                             "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"})
        refuses(bytes, 400, "bad_line_end");
}

TEST_CASE("H18: pipelined requests come out in order, each with its own bytes") {
    auto const three = post("Content-Length: 3\r\n", "abc") + chunked("3\r\ndef\r\n0\r\n\r\n") + get("");
    auto const result = of(three);
    REQUIRE(result.requests.size() == 3);
    CHECK(result.requests[0].ends_with("|abc"));
    CHECK(result.requests[1].ends_with("|def"));
    CHECK(result.requests[2].starts_with("GET|"));
    CHECK_FALSE(result.hungry);

    http::parser parser;
    CHECK(parser.parse(three).consumed == post("Content-Length: 3\r\n", "abc").size());
}

TEST_CASE("H18: nothing is parsed after a failure or a request that closes") {
    auto const failed = of(get("A : b\r\n") + get(""));
    CHECK(failed.status == 400);
    CHECK(failed.requests.empty());
    http::parser parser;
    REQUIRE(parser.parse(get("Connection: close\r\n") + get("")).state == http::parser::state::complete);
    auto const after = parser.parse(get(""));
    CHECK(after.state == http::parser::state::failed);
    CHECK(after.consumed == 0);
    CHECK(parser.parse(get("")).state == http::parser::state::failed);
}
