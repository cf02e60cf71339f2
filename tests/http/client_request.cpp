// tests/http/client_request.cpp: URLs taken apart, and heads put together.
#include <http/client_request.hpp>

#include <catch2/catch_test_macros.hpp>

using http::client_request;

TEST_CASE("a URL is taken apart") {
    auto const plain = client_request::make("GET", "HTTP://Example.org/a/b?c=d").value();
    CHECK(plain.origin().host == "example.org");
    CHECK(plain.origin().port == "80");
    CHECK_FALSE(plain.origin().secure);
    CHECK(plain.head() == "GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\n\r\n");
    auto const v6 = client_request::make("POST", "https://[::1]:8443").value();
    CHECK(v6.origin().host == "::1");
    CHECK(v6.origin().port == "8443");
    CHECK(v6.origin().secure);
    CHECK(v6.head() == "POST / HTTP/1.1\r\nHost: [::1]:8443\r\nContent-Length: 0\r\n\r\n");
    CHECK(client_request::make("GET", "https://a?b").value().origin().port == "443");
    CHECK(client_request::make("GET", "https://a?b").value().head().starts_with("GET /?b HTTP/1.1\r\n"));
}

TEST_CASE("a URL or a method that could be read otherwise is refused") {
    for (std::string_view const bad :
         {"", "/path", "ftp://a/", "http:/a", "http://", "http:///x", "http://a b/", "http://a/b c", "http://a/\r\nX: y",
          "http://a/b#c", "http://user@a/", "http://a:x/", "http://[::1/", "http://a/\x7f"}) {
        CAPTURE(bad);
        CHECK_FALSE(client_request::make("GET", bad));
    }
    CHECK_FALSE(client_request::make("GET /", "http://a/"));
    CHECK_FALSE(client_request::make("", "http://a/"));
}

TEST_CASE("H22: a header that could end its line, or that frames the request, is refused") {
    auto one = client_request::make("GET", "http://a/").value();
    auto const before = one.head();
    CHECK_FALSE(one.add_header("X", "a\r\nb"));
    CHECK_FALSE(one.add_header("X: y", "a"));
    CHECK_FALSE(one.add_header("host", "b"));
    CHECK_FALSE(one.add_header("Content-Length", "1"));
    CHECK_FALSE(one.add_header("TRANSFER-ENCODING", "chunked"));
    CHECK(one.head() == before);
    CHECK(one.add_header("X", "y"));
    CHECK(one.head() == "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n");
}

TEST_CASE("only what does no harm is repeated") {
    for (std::string_view const method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
        CHECK(client_request::make(method, "http://a/").value().may_repeat());
    for (std::string_view const method : {"POST", "PATCH", "get"})
        CHECK_FALSE(client_request::make(method, "http://a/").value().may_repeat());
    auto put = client_request::make("PUT", "http://a/").value();
    put.set_body_source([]() -> weir::task<weir::result<weir::bytes>> { co_return weir::bytes{}; });
    CHECK_FALSE(put.may_repeat());
    CHECK(put.head().find("Transfer-Encoding: chunked\r\n") != std::string::npos);
}
