// tests/http/memory.cpp: a connection's memory: reused from request to request, and given back on demand.
#include "drive.hpp"

#include <http/response.hpp>

#include "support/counting_new.hpp"

TEST_CASE("in steady state a request and its response allocate nothing") {
    std::string const bytes = "GET /health HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: x\r\n\r\n" +
                              drive::chunked("3\r\nabc\r\n0\r\nA: b\r\n\r\n");
    http::parser parser;
    http::response const answer{200, "application/json", "{\"status\":\"ok\"}"};
    std::string out;
    std::size_t requests = 0;
    auto const serve = [&] {
        for (std::string_view rest = bytes; !rest.empty(); ++requests) {
            auto const result = parser.parse(rest);
            if (result.state != http::parser::state::complete) return;
            rest.remove_prefix(result.consumed);
            out.clear();
            answer.write_to(out, {});
        }
    };
    serve();
    auto const before = weir::test::blocks_made.load();
    for (int i = 0; i < 100; ++i) serve();
    auto const after = weir::test::blocks_made.load();
    CHECK(after == before);
    CHECK(requests == 202);
}

TEST_CASE("a trimmed parser has given back its large buffers and reads on") {
    http::parser parser;
    auto const large = drive::post("Content-Length: 100000\r\n", std::string(100000, 'x'));
    REQUIRE(parser.parse(large).state == http::parser::state::complete);
    CHECK(parser.request().body().size() == 100000);
    parser.trim(256);
    CHECK(parser.between_requests());
    CHECK(parser.request().take_body().capacity() <= 256);
    CHECK(parser.parse(drive::get("")).state == http::parser::state::complete);
    CHECK(sizeof(http::parser) <= 512);
}
