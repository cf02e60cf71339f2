// tests/unit/net/address.cpp: addresses are read and printed, and what is none is refused with what is wrong and where.
#include <weir/net/address.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

using namespace weir;
using namespace std::string_view_literals;
using net::address;
using net::address_errc;

namespace {

address of_raw(auto const& raw, std::size_t length) {
    return {reinterpret_cast<sockaddr const*>(&raw), static_cast<socklen_t>(length)};
}

std::string any_bytes(std::mt19937& random, std::size_t most, unsigned first) {
    std::string text(1 + random() % most, '\0');
    for (char& each : text) each = static_cast<char>(first + random() % (256 - first));
    return text;
}

// Any address at all.
address any_address(std::mt19937& random) {
    if (unsigned const kind = random() % 4; kind == 0) {
        sockaddr_in raw{};
        raw.sin_family = AF_INET;
        raw.sin_port = static_cast<in_port_t>(random());
        raw.sin_addr.s_addr = static_cast<in_addr_t>(random());
        return of_raw(raw, sizeof raw);
    } else if (kind == 1) {
        sockaddr_in6 raw{};
        raw.sin6_family = AF_INET6;
        raw.sin6_port = static_cast<in_port_t>(random());
        for (auto& each : raw.sin6_addr.s6_addr) // with runs of zeros, which are printed in short
            each = static_cast<std::uint8_t>(random() % 3 ? 0 : random());
        raw.sin6_scope_id = random() % 2 ? static_cast<std::uint32_t>(random()) : 0;
        return of_raw(raw, sizeof raw);
    } else if (kind == 2) {
        return address::at_path(any_bytes(random, 108, 1)).value();
    }
    return address::at_abstract(any_bytes(random, 107, 0)).value();
}

} // namespace

TEST_CASE("what is printed is what was read") {
    for (std::string_view const text :
         {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "10.1.2.3:1", "[::1]:8080", "[::]:0",
          "[2001:db8::8a2e:370:7334]:443", "[fe80::1%1]:22", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535",
          "unix:/run/one.sock", "unix:relative", "unix:@name", "unix:\\x40file", "unix:a\\x5cb", "unix:@\\x00"}) {
        CAPTURE(text);
        auto const read = address::parse(text);
        REQUIRE(read.has_value());
        CHECK(read->to_string() == text);
        auto const again = address::parse(read->to_string());
        REQUIRE(again.has_value());
        CHECK(*again == *read);
    }
}

TEST_CASE("any address at all is read back as it was printed, and is equal then, with an equal hash") {
    std::mt19937 random{7};
    for (int n = 0; n < 20'000; ++n) {
        address const one = any_address(random);
        auto const text = one.to_string();
        CAPTURE(text);
        auto const again = address::parse(text);
        REQUIRE(again.has_value());
        REQUIRE(*again == one);
        REQUIRE(again->hash() == one.hash());
        REQUIRE(again->length() == one.length());
        REQUIRE(again->to_string() == text);
        REQUIRE(std::none_of(text.begin(), text.end(), [](char each) { return each >= 0 && each < ' '; }));
    }
}

TEST_CASE("other ways to write an address mean the same") {
    CHECK(address::parse("[0:0:0:0:0:0:0:1]:80")->to_string() == "[::1]:80");
    CHECK(address::parse("[2001:DB8::1]:80")->to_string() == "[2001:db8::1]:80");
    CHECK(address::parse("[::ffff:192.0.2.1]:80")->to_string() == "[::ffff:192.0.2.1]:80");
    CHECK(address::parse("127.0.0.1:0080")->port() == 80);
    CHECK(address::parse("[fe80::1%lo]:22")->to_string() == "[fe80::1%1]:22"); // an interface by its name
    CHECK(address::parse("unix:\\x2Frun\\x2fa")->to_string() == "unix:/run/a");
}

TEST_CASE("what is no address is refused with what is wrong, and where") {
    struct refused {
        std::string_view text;
        address_errc why;
        std::size_t at;
    };
    using enum address_errc;
    std::string const long_path = "unix:" + std::string(109, 'a');
    std::string const long_name = "unix:@" + std::string(108, 'a');
    for (auto const& [text, why, at] : std::vector<refused>{
             {"", empty, 0},
             {":", no_port, 1},
             {"80", no_port, 2},
             {":80", bad_v4, 0},
             {"127.0.0.1", no_port, 9},
             {"127.0.0.1:", no_port, 10},
             {"127.0.0.1:-1", bad_port, 10},
             {"127.0.0.1:+1", bad_port, 10},
             {"127.0.0.1:8o", bad_port, 11},
             {"127.0.0.1: 80", bad_port, 10},
             {"127.0.0.1:80 ", bad_port, 12},
             {"127.0.0.1:65536", port_too_large, 10},
             {"127.0.0.1:4294967376", port_too_large, 10},
             {"127.0.0.1:99999999999999999999", port_too_large, 10},
             {" 127.0.0.1:80", bad_v4, 0},
             {"127.0.0.1 :80", bad_v4, 0},
             {"127.0.0.256:80", bad_v4, 0},
             {"127.0.0:80", bad_v4, 0},
             {"127.1:80", bad_v4, 0},
             {"0127.0.0.1:80", bad_v4, 0},
             {"localhost:80", bad_v4, 0},
             {"127.0.0.1%1:80", bad_v4, 0},
             {"]:80", bad_v4, 0},
             {"::1:80", no_brackets, 0},
             {"::1]:80", no_brackets, 0},
             {"[:80", open_bracket, 0},
             {"[::1:80", open_bracket, 0},
             {"[]:80", bad_v6, 1},
             {"[127.0.0.1]:80", bad_v6, 1},
             {"[:::1]:80", bad_v6, 1},
             {"[1::2::3]:80", bad_v6, 1},
             {"[12345::]:80", bad_v6, 1},
             {"[%1]:22", bad_v6, 1},
             {"[::1]", no_port, 5},
             {"[::1]:", no_port, 6},
             {"[::1]80", after_bracket, 5},
             {"[[::1]]:80", after_bracket, 6},
             {"[fe80::1%]:22", unknown_interface, 9},
             {"[fe80::1%no_such_link]:22", unknown_interface, 9},
             {"[fe80::1%4294967296]:22", unknown_interface, 9},
             {"[fe80::1%1%1]:22", unknown_interface, 9},
             {"127.0.0.1\0.evil:80"sv, zero_byte, 9},
             {"[::1\0]:80"sv, zero_byte, 4},
             {"127.0.0.1:80\0"sv, zero_byte, 12},
             {"[fe80::1%lo\0x]:22"sv, zero_byte, 11},
             {"unix:", no_path, 5},
             {"unix:@", no_path, 6},
             {"unix:/a\\x00b", zero_byte, 5},
             {"unix:/a\\", bad_escape, 7},
             {"unix:/a\\x4", bad_escape, 7},
             {"unix:/a\\x4g", bad_escape, 7},
             {"unix:/a\\n", bad_escape, 7},
             {long_path, path_too_long, 5},
             {long_name, path_too_long, 6},
         }) {
        CAPTURE(text);
        std::size_t wrong_at = 999;
        auto const read = address::parse(text, &wrong_at);
        REQUIRE(!read.has_value());
        CHECK(read.error() == why);
        CHECK(wrong_at == at);
        CHECK(read.error() == std::errc::invalid_argument);
        CHECK(read.error().message().find("unknown") == std::string::npos);
    }
}

TEST_CASE("a host is read without a port, and needs no brackets") {
    CHECK(address::parse_host("127.0.0.1", 80)->to_string() == "127.0.0.1:80");
    CHECK(address::parse_host("fe80::1%lo", 80)->to_string() == "[fe80::1%1]:80");
    std::size_t wrong_at = 0;
    CHECK(address::parse_host("fe80::1%none", 80, &wrong_at).error() == address_errc::unknown_interface);
    CHECK(wrong_at == 8);
    CHECK(address::parse_host("[::1]", 80).error() == address_errc::bad_v6);
    CHECK(address::parse_host("localhost", 80).error() == address_errc::bad_v4);
    CHECK(address::parse_host("::1\0"sv, 80).error() == address_errc::zero_byte);
    CHECK(address::parse_host("", 80).error() == address_errc::bad_v4);
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
    CHECK(scoped->scope() == 7);
    CHECK(scoped->with_port(23).to_string() == "[fe80::1%7]:23");
    CHECK(scoped->with_port(23).with_port(22) == *scoped);
    auto const path = address::at_path("/run/a");
    REQUIRE(path.has_value());
    CHECK(path->family() == AF_UNIX);
    CHECK(path->port() == 0);
    CHECK(path->with_port(80) == *path);
}

TEST_CASE("a path is the same however many zeros the system puts behind it") {
    sockaddr_un raw{};
    raw.sun_family = AF_UNIX;
    std::strcpy(raw.sun_path, "/run/a");
    constexpr std::size_t before = offsetof(sockaddr_un, sun_path);
    auto const path = address::at_path("/run/a").value();
    for (std::size_t const length : {before + 6, before + 7, sizeof raw}) {
        CHECK(of_raw(raw, length) == path);
        CHECK(of_raw(raw, length).length() == before + 6);
    }
    CHECK(of_raw(raw, before).to_string() == "unix:"); // bound to nothing
    CHECK(address::at_abstract("a\0"sv).value() != address::at_abstract("a").value());
    CHECK(address::at_abstract("a").value() != address::at_path("a").value());
}

TEST_CASE("addresses that differ in anything are different, and have an order") {
    std::vector<address> const all{
        address{}, address::at_path("/a").value(), address::at_path("/b").value(), address::at_path("/bb").value(),
        address::any_v4(80), address::loopback_v4(80), address::loopback_v4(81), *address::parse("128.0.0.1:1"),
        address::any_v6(1), address::loopback_v6(80), *address::parse("[fe80::1%1]:22"),
        *address::parse("[fe80::1%2]:22"), *address::parse("[fe80::1%1]:23")};
    std::unordered_set<address> once;
    for (std::size_t a = 0; a < all.size(); ++a) {
        for (std::size_t b = 0; b < all.size(); ++b) {
            CAPTURE(all[a].to_string(), all[b].to_string());
            CHECK((all[a] == all[b]) == (a == b));
            if (a != b) CHECK((all[a] < all[b]) != (all[b] < all[a]));
        }
        once.insert(all[a]);
        once.insert(all[a]);
    }
    CHECK(once.size() == all.size());
    auto sorted = all;
    std::sort(sorted.begin(), sorted.end());
    CHECK(std::is_sorted(sorted.begin(), sorted.end()));
    CHECK(address::parse("[fe80::1%2]:22")->hash() != address::parse("[fe80::1%1]:22")->hash());
}

TEST_CASE("no address prints as nothing and has no port") {
    address const none;
    CHECK(none.to_string().empty());
    CHECK(none.port() == 0);
    CHECK(none.length() == 0);
    CHECK(none.with_port(80) == none);
}
