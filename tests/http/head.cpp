// tests/http/head.cpp: the request line and the headers: H11 to H17, H20, H21, H23, H24.
#include "drive.hpp"

using namespace drive;
using namespace std::string_literals;

TEST_CASE("H11: control characters and folded lines are refused, other bytes are kept") {
    for (unsigned c = 0; c < 256; ++c) {
        if (c == '\r' || c == '\n') continue;
        auto const bytes = get("A: b" + std::string(1, static_cast<char>(c)) + "c\r\n");
        if ((c < 32 && c != '\t') || c == 127) refuses(bytes, 400, "bad_header");
        else CHECK(accepts(bytes).ends_with("A=b" + std::string(1, static_cast<char>(c)) + "c|"));
    }
    for (auto const lines : {"A: b\r\n c\r\n", "A: b\r\n\tc\r\n", "A:\r\n b\r\n", "A: b\r\n \r\n"})
        refuses(get(lines), 400, "bad_header");
}

TEST_CASE("H12: white space before a colon or before the first header is refused") {
    for (auto const lines : {"A : b\r\n", "A\t: b\r\n", "Content-Length : 3\r\n", "A b: c\r\n"})
        refuses(get(lines), 400, "bad_header");
    refuses("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "bad_header");
    refuses("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", 400, "bad_header");
    refuses("GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n", 400, "bad_header");
}

TEST_CASE("H13: a header's name is a token") {
    for (unsigned c = 0; c < 256; ++c) {
        auto const byte = static_cast<char>(c);
        if (byte == '\r' || byte == '\n' || byte == ':') continue;
        auto const bytes = get("A" + std::string(1, byte) + "B: c\r\n");
        if (http::is_token_char(byte)) CHECK(accepts(bytes).ends_with("A" + std::string(1, byte) + "B=c|"));
        else refuses(bytes, 400, "bad_header");
    }
    refuses(get(": b\r\n"), 400, "bad_header");
    refuses(get("Abc\r\n"), 400, "bad_header");
}

TEST_CASE("H13: a method is a token, and one that is unknown is not implemented") {
    for (auto const method : {"G(T", "G\x80T", "{}", "G\"T", "\x16\x03\x01", "(", "G:T"})
        refuses(method + " / HTTP/1.1\r\nHost: a\r\n\r\n"s, 400, "bad_request_line");
    for (auto const method : {"get", "FOO", "GETS", "GE", "Get", "M-SEARCHX", "DESCRIBE", "PRI"})
        refuses(method + " / HTTP/1.1\r\nHost: a\r\n\r\n"s, 501, "method_not_implemented");
    for (auto const method : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"})
        CHECK(accepts(method + " / HTTP/1.1\r\nHost: a\r\n\r\n"s).starts_with(method + "|/|"s));
}

TEST_CASE("H14: a request line that is not separated by single spaces is refused") {
    for (auto const line : {"GET  / HTTP/1.1",
                            "GET /  HTTP/1.1",
                            "GET\t/ HTTP/1.1",
                            "GET /\tHTTP/1.1",
                            "GET / HTTP/1.1 ",
                            " GET / HTTP/1.1",
                            "GET / HTTP/1.1\t",
                            "GET /",
                            "GET / ",
                            "GET",
                            "GET ",
                            "GET  HTTP/1.1",
                            "GET / x HTTP/1.1",
                            "GET / http/1.1",
                            "GET / HTTP/1.10",
                            "GET / HTTP/1",
                            "GET / HTTP/11",
                            "GET / HTTP/1,1",
                            "GET / HTTP/a.1",
                            "GET / HTTP /1.1",
                            "GET / RTSP/1.0",
                            "SOURCE / ICE/1.0",
                            "GET / HTTPS/1.1",
                            "GET /\x0bHTTP/1.1",
                            "HTTP/1.1 200 OK"})
        refuses(line + "\r\nHost: a\r\n\r\n"s, 400, "bad_request_line");
}

TEST_CASE("H14: another major version is not supported, a later minor one is read as 1.1") {
    for (auto const version : {"2.0", "0.9", "3.1", "9.9", "0.0"})
        refuses("GET / HTTP/"s + version + "\r\nHost: a\r\n\r\n", 505, "version_not_supported");
    refuses("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version_not_supported");
    CHECK(accepts("GET / HTTP/1.2\r\nHost: a\r\n\r\n") == accepts("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(accepts("GET / HTTP/1.9\r\nHost: a\r\n\r\n") == accepts("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(accepts("GET / HTTP/1.0\r\n\r\n") == "GET|/|/|||0 close|");
}

TEST_CASE("H15: Host is there exactly once in HTTP/1.1, and at most once before") {
    refuses("GET / HTTP/1.1\r\n\r\n", 400, "bad_host");
    refuses("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "bad_host");
    refuses("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400, "bad_host");
    refuses("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400, "bad_host");
    refuses("GET http://a/ HTTP/1.1\r\n\r\n", 400, "bad_host");
}

TEST_CASE("H15: a host is a name or an address, with or without a port") {
    for (auto const host : {"a", "a.b-c.d", "127.0.0.1:8080", "a:", "a:65535", "[::1]", "[::]:80", "[1:2:3:4:5:6:7:8]",
                            "[::ffff:1.2.3.4]", "[1::8]", "[v1.a:b]", "a%20b", "xn--bcher-kva.example", "a_b"})
        CHECK(accepts("GET / HTTP/1.1\r\nHost: "s + host + "\r\n\r\n").starts_with("GET|/|/||"s + host + "|"));
    for (auto const host : {"",
                            "a b",
                            "a/b",
                            "a@b",
                            "a:65536",
                            "a:x",
                            "a:1:2",
                            "[::1",
                            "::1",
                            "[1]",
                            "[1:2:3:4:5:6:7:8:9]",
                            "[1::2::3]",
                            "[::1.2.3]",
                            "[::1.2.3.256]",
                            "[::1]a",
                            "a%2",
                            "a%zz",
                            "http://a",
                            "a?",
                            "a#",
                            "\x80",
                            "[v.a]",
                            "[:1]",
                            "[1:]",
                            "[::g]",
                            "a\\b",
                            ":80"})
        refuses("GET / HTTP/1.1\r\nHost: "s + host + "\r\n\r\n", 400, "bad_host");
}

TEST_CASE("H15: the authority of an absolute target overrides the Host header") {
    CHECK(accepts("GET http://x:1/y?z HTTP/1.1\r\nHost: a\r\n\r\n") == "GET|http://x:1/y?z|/y|z|x:1|1 keep|Host=a|");
    CHECK(accepts("GET HTTP://x HTTP/1.1\r\nHost: a\r\n\r\n") == "GET|HTTP://x|/||x|1 keep|Host=a|");
    CHECK(accepts("GET https://x?y HTTP/1.1\r\nHost: a\r\n\r\n") == "GET|https://x?y|/|y|x|1 keep|Host=a|");
    for (auto const target : {"http://u@x/", "http:///y", "http://x y", "http://[::1/"})
        CHECK(of("GET "s + target + " HTTP/1.1\r\nHost: a\r\n\r\n").status == 400);
    for (auto const target : {"ftp://x/", "x", "x/y", "http:/x", "foo:x", "*", "?a", "/a#b", "http://x/#b", "/\x80",
                              "/\x7f", "/\x01", "//\x1f"})
        refuses("GET "s + target + " HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target");
    CHECK(accepts("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("OPTIONS|*|*||a|"));
}

TEST_CASE("the target is parted in path and query at its first question mark") {
    CHECK(
        accepts("GET /a%20b/c?d=e?f HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("GET|/a%20b/c?d=e?f|/a%20b/c|d=e?f|h|"));
    CHECK(accepts("GET /a? HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("GET|/a?|/a||h|"));
    CHECK(accepts("GET //a/http://b HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("GET|//a/http://b|//a/http://b||h|"));
}

TEST_CASE("H16: what is longer than its limit is refused, and what reaches it is not") {
    auto const x = [](std::size_t size) { return std::string(size, 'x'); };
    CHECK(accepts("GET /" + x(8191) + " HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("GET|/x"));
    refuses("GET /" + x(8192) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414, "target_too_long");
    refuses("GET /" + x(100000), 414, "target_too_long");
    refuses("GET " + x(100000), 414, "target_too_long");
    refuses("M" + x(31) + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method_not_implemented");
    refuses("M" + x(32) + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method_too_long");
    refuses(x(100000), 501, "method_too_long");

    // "Host: a\r\n" and the empty line have 11 bytes, "A: \r\n" has 5.
    CHECK(accepts(get("A: " + x(16 * 1024 - 16) + "\r\n")).ends_with("x|"));
    refuses(get("A: " + x(16 * 1024 - 15) + "\r\n"), 431, "headers_too_large");
    refuses(get("A: " + x(100000) + "\r\n"), 431, "headers_too_large");
    refuses("GET / HTTP/1.1\r\n" + x(100000), 431, "headers_too_large");
    std::string lines;
    for (int i = 0; i < 99; ++i) lines += "A: b\r\n";
    CHECK(accepts(get(lines)).ends_with("A=b|"));
    refuses(get(lines + "A: b\r\n"), 431, "too_many_headers");
}

TEST_CASE("H16: a body longer than its limit is refused before it is read") {
    http::limits small;
    small.body_bytes = 10;
    CHECK(of(post("Content-Length: 10\r\n", "0123456789"), small).status == 0);
    CHECK(of(post("Content-Length: 11\r\n", ""), small).status == 413);
    CHECK(of(chunked("5\r\n01234\r\n5\r\n01234\r\n0\r\n\r\n"), small).status == 0);
    CHECK(of(chunked("5\r\n01234\r\n6\r\n"), small).status == 413);
    CHECK(of(post("Content-Length: 1048577\r\n", "")).status == 413);
    CHECK(of(post("Content-Length: 1048576\r\n", "")).hungry);
}

TEST_CASE("H17: a client that expects it is told once to continue, and not when its body is there") {
    auto const head = post("Content-Length: 3\r\nExpect: 100-Continue\r\n", "");
    http::parser parser;
    CHECK(parser.parse(head.substr(0, head.size() - 1)).state == http::parser::state::need_more);
    CHECK_FALSE(parser.take_continue());
    parser.parse("\n");
    CHECK(parser.take_continue());
    CHECK_FALSE(parser.take_continue());
    CHECK(parser.parse("abc").state == http::parser::state::complete);

    CHECK(parser.parse(head + "a").state == http::parser::state::need_more);
    CHECK_FALSE(parser.take_continue());
    parser.parse("bc");

    parser.parse(post("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", ""));
    CHECK(parser.take_continue());
    CHECK(parser.parse("0\r\n\r\n").state == http::parser::state::complete);

    CHECK(parser.parse(get("Expect: 100-continue\r\n")).state == http::parser::state::complete);
    CHECK_FALSE(parser.take_continue());
    parser.parse("POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    CHECK_FALSE(parser.take_continue());
}

TEST_CASE("H17: another expectation is refused, but not from HTTP/1.0") {
    for (auto const value : {"200-ok", "100-continue, x", "", "100-continued"})
        refuses(get("Expect: "s + value + "\r\n"), 417, "expectation_failed");
    CHECK(accepts("GET / HTTP/1.0\r\nExpect: x\r\n\r\n").ends_with("Expect=x|"));
}

TEST_CASE("H20: a few empty lines before the request line are ignored") {
    CHECK(accepts("\r\n\r\n\r\n\r\n" + get("")) == accepts(get("")));
    refuses("\r\n\r\n\r\n\r\n\r\n" + get(""), 400, "bad_request_line");
    CHECK(of(get("") + "\r\n" + get("") + "\r\n").requests.size() == 2);
    CHECK_FALSE(of("\r\n").hungry);
}

TEST_CASE("H21: Connection is a list of options in any case, on any number of lines") {
    auto const keeps = [](std::string const& bytes) { return accepts(bytes).find(" keep|") != std::string::npos; };
    auto const old = [](std::string const& lines) { return "GET / HTTP/1.0\r\n" + lines + "\r\n"; };
    CHECK(keeps(get("")));
    CHECK(keeps(get("Connection: x\r\n")));
    CHECK(keeps(get("Connection: closed\r\n")));
    CHECK_FALSE(keeps(get("Connection: close\r\n")));
    CHECK_FALSE(keeps(get("Connection: x , CLOSE\t,keep-alive\r\n")));
    CHECK_FALSE(keeps(get("Connection: keep-alive\r\nConnection: Close\r\n")));
    CHECK_FALSE(keeps(get("Connection: close\r\nConnection: keep-alive\r\n")));
    CHECK(accepts(old("")).find(" close|") != std::string::npos);
    CHECK(keeps(old("Connection: Keep-Alive\r\n")));
    CHECK(keeps(old("Connection: x, keep-alive\r\n")));
    CHECK_FALSE(keeps(old("Connection: keep-alive, close\r\n")));
}

TEST_CASE("H23: a request that is refused is never told to continue") {
    // drive::feed demands it of each refusal; these are the ones whose head is whole.
    for (auto const lines : {"Content-Length: 1048577\r\n", "Host: b\r\n", "Transfer-Encoding: gzip\r\n"})
        CHECK(of(post("Expect: 100-continue\r\n"s + lines, "")).status != 0);
    http::parser parser;
    parser.parse(post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", ""));
    CHECK(parser.parse("x\r\n").state == http::parser::state::failed);
    CHECK_FALSE(parser.take_continue());
}

TEST_CASE("H24: CONNECT is not implemented, and an upgrade is ignored") {
    refuses("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501, "method_not_implemented");
    auto const two = of(get("Connection: upgrade\r\nUpgrade: websocket\r\n") + get(""));
    CHECK(two.requests.size() == 2);
    CHECK(two.requests[0].ends_with("Upgrade=websocket|"));
    CHECK(accepts(post("Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n", "abc")).ends_with("|abc"));
    CHECK(accepts(post("Connection: Upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n"))
              .ends_with("|a"));
}

TEST_CASE("an error names the line and what is wrong in it") {
    CHECK(whole(get("A: b\r\nC : d\r\n")).message == "header line 3: Invalid header token");
    CHECK(whole(get("A: b\r\nC: \x01\r\nD : e\r\n")).message == "header line 3: Invalid header value char");
    // The first fault is told, also when llhttp finds the first and the look at the lines the second.
    CHECK(of(get("A : b\r\nC: d\n")).message == "header line 2: Invalid header token");
    CHECK(whole(get("A: b\n")).message == "header line 2: it ends in LF without CR");
    CHECK(whole(chunked("1\r\na\r\nx\r\n")).message == "chunk 2: its size is not a hexadecimal number");
    CHECK(whole(chunked("0\r\nA: b\r\nC\r\n\r\n")).message.starts_with("trailer line 2: "));
}
