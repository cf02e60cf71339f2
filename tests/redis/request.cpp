// tests/redis/request.cpp: commands as they go over the wire, and what of them is not copied.
#include <redis/request.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

using redis::request;

TEST_CASE("a command is an array of strings, whatever its arguments were") {
    CHECK(request{"PING"}.wire() == "*1\r\n$4\r\nPING\r\n");
    std::vector<std::string> const keys{"a", "", "c\r\n"};
    CHECK(request{"MGET", keys}.wire() == "*4\r\n$4\r\nMGET\r\n$1\r\na\r\n$0\r\n\r\n$3\r\nc\r\n\r\n");
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    CHECK(request{"X", 0, -7, least, 2.5, std::string{"s"}, std::string_view{"v"}}.wire() ==
          "*7\r\n$1\r\nX\r\n$1\r\n0\r\n$2\r\n-7\r\n$20\r\n-9223372036854775808\r\n$3\r\n2.5\r\n$1\r\ns\r\n$1\r\nv\r\n");
    CHECK(request{"MGET", std::vector<std::string>{}}.wire() == "*1\r\n$4\r\nMGET\r\n");
}

TEST_CASE("large bytes are shared where they lie, and small ones are copied") {
    auto const large = weir::bytes::copy_of(std::string(5000, 'x'));
    request const one{"SET", "k", large, "PX", 5};
    CHECK(one.wire() == "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$5000\r\n" + std::string(5000, 'x') +
                            "\r\n$2\r\nPX\r\n$1\r\n5\r\n");
    REQUIRE(one.wire().pieces() == 3);
    CHECK(one.wire().piece(1).data() == large.data());
    CHECK(one.size() == one.wire().size());
    request const two{"SET", "k", weir::bytes::literal("small")};
    CHECK(two.wire().pieces() == 1);
    auto const ends_large = request{"SET", large, large};
    CHECK(ends_large.wire().pieces() == 5);
    CHECK(ends_large.wire().to_bytes().view().ends_with("x\r\n"));
}

TEST_CASE("only what says so may be repeated, and a copy shares its bytes") {
    CHECK_FALSE(request{"INCR", "a"}.may_repeat());
    auto const get = request{"GET", "a"}.repeatable();
    CHECK(get.may_repeat());
    request const copy = get;
    CHECK(copy.may_repeat());
    CHECK(copy.wire().piece(0).data() == get.wire().piece(0).data());
}
