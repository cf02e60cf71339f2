// tests/http/drive.hpp: runs the parser over bytes cut in every way, and demands one outcome.
#pragma once

#include <http/parser.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace drive {

// What a request looks like to those behind the parser, as one comparable text; the first failure ends it.
struct outcome {
    std::vector<std::string> requests;
    int status = 0; // of the failure, or 0
    std::string code;
    std::string message;
    bool hungry = false; // an unfinished request is left over

    bool operator==(outcome const&) const = default;
};

inline std::string describe(http::request const& from) {
    std::string text;
    for (auto const part : {from.method(), from.target(), from.path(), from.query(), from.host()})
        text.append(part).append("|");
    text.append(std::to_string(from.minor_version())).append(from.keep_alive() ? " keep" : " close");
    for (std::size_t i = 0; i < from.header_count(); ++i)
        text.append("|").append(from.header_at(i).name).append("=").append(from.header_at(i).value);
    return text.append("|").append(from.body());
}

// Feeds one piece; false once the connection would end.
inline bool feed(http::parser& parser, std::string_view piece, outcome& into) {
    while (!piece.empty()) {
        auto const result = parser.parse(piece);
        REQUIRE(result.consumed <= piece.size());
        piece.remove_prefix(result.consumed);
        if (result.state == http::parser::state::failed) {
            into.status = parser.error().status;
            into.code = parser.error().code;
            into.message = parser.error().message;
            REQUIRE_FALSE(parser.take_continue()); // H23
            return false;
        }
        if (result.state == http::parser::state::need_more) {
            REQUIRE(piece.empty());
            break;
        }
        into.requests.push_back(describe(parser.request()));
        if (!parser.request().keep_alive()) return false;
    }
    return true;
}

inline outcome whole(std::string_view bytes, http::limits const& bounds = {}) {
    http::parser parser{bounds};
    outcome result;
    if (feed(parser, bytes, result)) result.hungry = !parser.between_requests();
    return result;
}

inline outcome bytewise(std::string_view bytes, http::limits const& bounds = {}) {
    http::parser parser{bounds};
    outcome result;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        if (!feed(parser, bytes.substr(i, 1), result)) return result;
    result.hungry = !parser.between_requests();
    return result;
}

inline outcome split(std::string_view bytes, std::size_t at, http::limits const& bounds = {}) {
    http::parser parser{bounds};
    outcome result;
    if (feed(parser, bytes.substr(0, at), result) && feed(parser, bytes.substr(at), result))
        result.hungry = !parser.between_requests();
    return result;
}

// The outcome of the bytes, which is the same whole, one at a time, and cut in two anywhere; long inputs are cut at
// about 600 places.
inline outcome of(std::string_view bytes, http::limits const& bounds = {}) {
    auto const result = whole(bytes, bounds);
    INFO("outcome " << result.status << " " << result.message);
    CHECK(bytewise(bytes, bounds) == result);
    auto const step = bytes.size() / 600 + 1;
    for (std::size_t at = 1; at < bytes.size(); at += step) {
        auto const cut = split(bytes, at, bounds);
        if (cut != result) {
            CAPTURE(at, cut.status, cut.message);
            FAIL_CHECK("a cut changes the outcome");
        }
    }
    return result;
}

inline void refuses(std::string_view bytes, int status, std::string_view code) {
    CAPTURE(bytes);
    auto const result = of(bytes);
    CHECK(result.requests.empty());
    CHECK(result.status == status);
    CHECK(result.code == code);
    CHECK_FALSE(result.message.empty());
}

// Returns the single request described.
inline std::string accepts(std::string_view bytes) {
    CAPTURE(bytes);
    auto const result = of(bytes);
    CAPTURE(result.message);
    REQUIRE(result.status == 0);
    REQUIRE(result.requests.size() == 1);
    CHECK_FALSE(result.hungry);
    return result.requests[0];
}

inline std::string get(std::string_view lines) { return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n"; }
inline std::string post(std::string_view lines, std::string_view body) {
    return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n" + std::string(body);
}
inline std::string chunked(std::string_view body) { return post("Transfer-Encoding: chunked\r\n", body); }

} // namespace drive
