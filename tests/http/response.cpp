// tests/http/response.cpp: the writing of responses and dates: H19 and H22.
#include <http/date.hpp>
#include <http/response.hpp>

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

using namespace std::string_literals;

namespace {

std::string written(http::response const& from, http::response::framing const& how = {}) {
    std::string out = "before";
    from.write_to(out, how);
    REQUIRE(out.starts_with("before"));
    return out.substr(6);
}

} // namespace

TEST_CASE("a response is written behind what the buffer holds") {
    http::response const ok{200, "text/plain", "hi"};
    http::response::framing how;
    how.date = "D";
    CHECK(written(ok, how) == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\nDate: D\r\n\r\nhi");
    how.keep_alive = false;
    CHECK(written(ok, how).find("\r\nConnection: close\r\n") != std::string::npos);
    how.keep_alive = true;
    how.minor_version = 0;
    CHECK(written(ok, how).find("\r\nConnection: keep-alive\r\n") != std::string::npos);
    CHECK(written(http::response{599, "", std::string(100000, 'x')}) ==
          "HTTP/1.1 599 Unknown\r\nContent-Length: 100000\r\n\r\n" + std::string(100000, 'x'));
}

TEST_CASE("every status with a phrase of ours fits its room") {
    for (int status = 100; status < 600; ++status) {
        http::response const some{status, "application/json", "{}"};
        auto const text = written(some);
        CHECK(text.starts_with("HTTP/1.1 " + std::to_string(status) + " " + std::string(http::reason_phrase(status))));
    }
}

TEST_CASE("H19: HEAD is told the same headers as GET, and no body") {
    http::response const ok{200, "text/plain", "hello"};
    http::response::framing head;
    head.head_request = true;
    CHECK(written(ok, head) + "hello" == written(ok));
}

TEST_CASE("H19: 204, 304 and informational responses have neither a body nor its length") {
    for (int const status : {100, 101, 204, 304}) {
        auto const text = written(http::response{status, "text/plain", "hello"});
        CHECK(text.ends_with("\r\n\r\n"));
        CHECK(text.find("Content-") == std::string::npos);
    }
}

TEST_CASE("H22: a header that could end its line is refused and nothing of it is written") {
    http::response some{200, "text/plain", ""};
    auto const before = written(some);
    for (auto const& value : {"a\rb"s, "a\nb"s, "a\0b"s, "\r\nX: y"s, "a\x7f"s, "\n"s, "a\x1b"s})
        CHECK_FALSE((some.add_header("X", value) || some.set_content_type(value)));
    for (auto const name :
         {"", "a b", "a:", "a\r\n", "\xc3\xa4", "Content-Length", "transfer-encoding", "Connection", "date"})
        CHECK_FALSE(some.add_header(name, "a"));
    CHECK(written(some) == before);
    CHECK(written(http::response{200, "a\r\nb", ""}) == written(http::response{200, "", ""}));

    CHECK(some.add_header("Retry-After", "1"));
    CHECK(some.add_header("X-Text", "a\tb \xc3\xa4"));
    CHECK(written(some).find("\r\nRetry-After: 1\r\nX-Text: a\tb \xc3\xa4\r\n\r\n") != std::string::npos);
}

TEST_CASE("a cleared response is an empty 200") {
    http::response some{404, "text/plain", "x"};
    REQUIRE(some.add_header("A", "b"));
    some.clear();
    CHECK(written(some) == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("an error is told in JSON whatever bytes its message holds") {
    http::response const refusal{http::error{400, "bad_header", "header \"\x01\xff\": no"}};
    CHECK(refusal.status() == 400);
    auto const body = nlohmann::json::parse(refusal.body());
    CHECK(body["error"]["code"] == "bad_header");
    CHECK(body["error"]["type"] == "invalid_request_error");
    CHECK(body["error"]["param"].is_null());
    CHECK(body["error"]["message"] == "header \"\x01\xEF\xBF\xBD\": no");
    CHECK(nlohmann::json::parse(http::to_json({503, "busy", ""}))["error"]["type"] == "server_error");
}

TEST_CASE("a date has the fixed format and follows the clock") {
    using namespace std::chrono;
    http::date date;
    CHECK(date.at(sys_seconds{seconds{784111777}}) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(date.at(sys_seconds{seconds{784111777}} + milliseconds{999}) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(date.at(sys_seconds{seconds{784111778}}) == "Sun, 06 Nov 1994 08:49:38 GMT");
    CHECK(date.at(sys_seconds{seconds{0}}) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(date.at(sys_seconds{seconds{951782400}}) == "Tue, 29 Feb 2000 00:00:00 GMT");
    CHECK(date.at(sys_seconds{seconds{4102444799}}) == "Thu, 31 Dec 2099 23:59:59 GMT");
}
