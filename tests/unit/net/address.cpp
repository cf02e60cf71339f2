// tests/unit/net/address.cpp: addresses are read and printed, and what is none is refused.
#include <weir/net/address.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string>
#include <string_view>

using namespace weir;
using net::address;

TEST_CASE("what is printed is what was read") {
    for (std::string_view const text :
         {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "10.1.2.3:1", "[::1]:8080", "[::]:0",
          "[2001:db8::8a2e:370:7334]:443", "[fe80::1%1]:22", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535"}) {
        CAPTURE(text);
        auto const read = address::parse(text);
        REQUIRE(read.has_value());
        CHECK(read->to_string() == text);
        auto const again = address::parse(read->to_string());
        REQUIRE(again.has_value());
        CHECK(*again == *read);
    }
}

TEST_CASE("other ways to write an address mean the same") {
    CHECK(address::parse("[0:0:0:0:0:0:0:1]:80")->to_string() == "[::1]:80");
    CHECK(address::parse("[2001:DB8::1]:80")->to_string() == "[2001:db8::1]:80");
    CHECK(address::parse("[::ffff:192.0.2.1]:80")->to_string() == "[::ffff:192.0.2.1]:80");
    CHECK(address::parse("127.0.0.1:0080")->port() == 80);
    CHECK(address::parse("[fe80::1%lo]:22")->to_string() == "[fe80::1%1]:22"); // an interface by its name
}

TEST_CASE("what is no address is refused with invalid_argument") {
    for (std::string_view const text :
         {"", ":", "80", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:65536",
          "127.0.0.1:4294967376", "127.0.0.1:99999999999999999999", "127.0.0.1:8o", "127.0.0.1: 80", "127.0.0.1:80 ",
          " 127.0.0.1:80", "127.0.0.1 :80", "127.0.0.256:80", "127.0.0:80", "127.1:80", "0127.0.0.1:80", "localhost:80",
          "[]:80", "[:80", "]:80", "[127.0.0.1]:80", "[::1]", "[::1]80", "::1:80", "[::1:80", "::1]:80", "[[::1]]:80",
          "[::1]:", "[:::1]:80", "[1::2::3]:80", "[12345::]:80", "[fe80::1%]:22", "[fe80::1%no_such_link]:22",
          "[fe80::1%4294967296]:22", "[%1]:22", "[fe80::1%1%1]:22", "127.0.0.1%1:80"}) {
        CAPTURE(text);
        auto const read = address::parse(text);
        CHECK(!read.has_value());
        CHECK(read.error() == std::errc::invalid_argument);
    }
}

TEST_CASE("a zero byte in the middle ends no address early") {
    using namespace std::string_view_literals;
    for (auto const text : {"127.0.0.1\0.evil:80"sv, "[::1\0]:80"sv, "127.0.0.1:80\0"sv, "[fe80::1%lo\0x]:22"sv}) {
        CAPTURE(text);
        CHECK(!address::parse(text).has_value());
    }
}

TEST_CASE("ports, families and lengths") {
    auto const four = address::loopback_v4(8080);
    CHECK(four.family() == AF_INET);
    CHECK(four.port() == 8080);
    CHECK(four.length() == sizeof(sockaddr_in));
    CHECK(four.to_string() == "127.0.0.1:8080");
    auto const six = address::loopback_v6(1);
    CHECK(six.family() == AF_INET6);
    CHECK(six.length() == sizeof(sockaddr_in6));
    CHECK(six.with_port(65535).to_string() == "[::1]:65535");
    CHECK(address::any_v4(0).to_string() == "0.0.0.0:0");
    CHECK(address::any_v6(9).to_string() == "[::]:9");
    auto const scoped = address::parse("[fe80::1%7]:22");
    REQUIRE(scoped.has_value());
    CHECK(scoped->with_port(23).to_string() == "[fe80::1%7]:23");
    CHECK(scoped->with_port(23).with_port(22) == *scoped);
}

TEST_CASE("addresses that differ in anything are different") {
    CHECK(address::loopback_v4(80) == address::loopback_v4(80));
    CHECK(!(address::loopback_v4(80) == address::loopback_v4(81)));
    CHECK(!(address::loopback_v4(80) == address::any_v4(80)));
    CHECK(!(*address::parse("[fe80::1%1]:22") == *address::parse("[fe80::1%2]:22")));
    CHECK(address{} == address{});
    CHECK(!(address{} == address::any_v4(0)));
}

TEST_CASE("no address prints as nothing and has no port") {
    address const none;
    CHECK(none.to_string().empty());
    CHECK(none.port() == 0);
    CHECK(none.length() == 0);
    CHECK(none.with_port(80) == none);
}
