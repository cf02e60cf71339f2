// tests/http/byte_range.cpp: the grammar of Range, and what is not worth following.
#include <http/byte_range.hpp>
#include <http/date.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>

namespace {

// The outcome for 100 bytes as one comparable text.
std::string of(std::string_view value, std::uint64_t size = 100) {
    std::vector<http::byte_range> parts;
    auto const asked = http::read_ranges(value, size, parts);
    std::string text;
    for (auto const& each : parts) text += ' ' + std::to_string(each.first) + '+' + std::to_string(each.size);
    constexpr std::string_view names[] = {"whole", "parts", "none"};
    return std::string{names[static_cast<std::size_t>(asked)]} + text;
}

} // namespace

TEST_CASE("a range is from one byte to another, from a byte on, or the last so many") {
    CHECK(of("bytes=0-0") == "parts 0+1");
    CHECK(of("bytes=10-19") == "parts 10+10");
    CHECK(of("bytes=10-") == "parts 10+90");
    CHECK(of("bytes=-10") == "parts 90+10");
    CHECK(of("bytes=90-1000") == "parts 90+10");
    CHECK(of("bytes=-1000") == "parts 0+100");
    CHECK(of("bytes=90-99999999999999999999999") == "parts 90+10");
    CHECK(of("BYTES=0-1 , 4-5,,\t-1") == "parts 0+2 4+2 99+1");
}

TEST_CASE("ranges that do not begin within the file are passed over, and if all are, none is left") {
    CHECK(of("bytes=100-") == "none");
    CHECK(of("bytes=100-200,5000-") == "none");
    CHECK(of("bytes=-0") == "none");
    CHECK(of("bytes=0-", 0) == "none");
    CHECK(of("bytes=100-,0-1") == "parts 0+2");
    CHECK(of("bytes=99999999999999999999999-") == "none");
}

TEST_CASE("what is no list of ranges asks for the whole, and so do ranges that ask for more than that") {
    for (std::string_view const bad :
         {"", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=1", "lines=0-1", "bytes=0-1,x",
          "bytes=+1-2", "bytes=1-+2", "bytes=0x1-2", "bytes=--1", "bytes=1-2-3"}) {
        CAPTURE(bad);
        CHECK(of(bad) == "whole");
    }
    CHECK(of("bytes=0-60,40-99") == "whole");
    CHECK(of("bytes=0-49,50-99") == "parts 0+50 50+50");
    std::string many = "bytes=";
    for (int i = 0; i < 16; ++i) many += "1-1,";
    CHECK(of(many).starts_with("parts"));
    CHECK(of(many + "1-1") == "whole");
}

TEST_CASE("a date is read as it is written, and no other text") {
    http::date formatted;
    for (std::int64_t const second : {0L, 784111777L, 951782399L, 4102444799L}) {
        std::chrono::sys_seconds const at{std::chrono::seconds{second}};
        auto const text = formatted.at(at);
        CHECK(http::read_date(text) == at);
    }
    for (std::string_view const bad :
         {"", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
          "Sun, 06 Nev 1994 08:49:37 GMT", "Sun, 06 anF 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
          "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
        CAPTURE(bad);
        CHECK_FALSE(http::read_date(bad));
    }
}
