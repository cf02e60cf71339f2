// tests/unit/simd/ascii.cpp: letters, tokens and decimals agree with a byte-wise definition, and nothing beyond is read.
#include "guarded.hpp"

#include <weir/simd/ascii.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>

using namespace weir::simd;

namespace {

char lower_of(char byte) {
    auto const* const capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    auto const* const found = byte == '\0' ? nullptr : std::strchr(capitals, byte);
    return found == nullptr ? byte : "abcdefghijklmnopqrstuvwxyz"[found - capitals];
}

bool equal_by_bytes(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t n = 0; n < a.size(); ++n)
        if (lower_of(a[n]) != lower_of(b[n])) return false;
    return true;
}

// RFC 9110's delimiters are what is visible and in no token.
bool in_token(char byte) {
    return byte > ' ' && byte < '\x7F' && std::string_view{"\"(),/:;<=>?@[\\]{}"}.find(byte) == std::string_view::npos;
}

} // namespace

TEMPLATE_TEST_CASE("of all pairs of bytes those that differ in a letter's case are equal, at every place", "",
                   plain_lanes, byte_lanes) {
    std::size_t faults = 0;
    for (std::size_t const size : {1u, 2u, 3u, 5u, 8u, 13u, 16u, 31u, 32u, 50u, 64u, 77u})
        for (std::size_t place = 0; place < size; place += 1 + size / 9) {
            std::string a(size, 'k'), b(size, 'K');
            for (int x = 0; x < 256; ++x)
                for (int y : {x, x ^ 0x20, x ^ 0x80, x ^ 0x01, x ^ 0x21, (x + 32) % 256, 255 - x}) {
                    a[place] = static_cast<char>(x);
                    b[place] = static_cast<char>(y);
                    faults += equal_ignoring_case<TestType>(a, b) != equal_by_bytes(a, b);
                }
        }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("texts of every length and place are compared to their last byte and no further", "", plain_lanes,
                   byte_lanes) {
    guarded const page;
    guarded const other;
    std::mt19937 random{12};
    std::size_t faults = 0;
    for (std::size_t size = 0; size <= 300; ++size) {
        for (std::size_t offset = 0; offset <= 64; ++offset) {
            // Up against the page's beginning, and its end.
            auto* const a = offset == 64 ? page.end() - size : page.begin() + offset;
            auto* const b = offset == 64 ? other.end() - size : other.begin() + (offset * 7) % 64;
            for (std::size_t n = 0; n < size; ++n) {
                a[n] = static_cast<char>(random());
                b[n] = random() % 2 != 0 ? lower_of(a[n]) : a[n];
            }
            faults += !equal_ignoring_case<TestType>({a, size}, {b, size});
            if (size == 0) continue;
            auto const place = random() % size;
            b[place] = static_cast<char>(b[place] ^ (1 << random() % 8));
            faults += equal_ignoring_case<TestType>({a, size}, {b, size}) != equal_by_bytes({a, size}, {b, size});
            faults += equal_ignoring_case<TestType>({a, size}, {b, size - 1});
        }
    }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("one byte that differs is noticed at every place of every length", "", plain_lanes, byte_lanes) {
    std::size_t faults = 0;
    for (std::size_t size = 1; size <= 200; ++size) {
        std::string const a(size, 'a');
        std::string b(size, 'A');
        for (std::size_t place = 0; place < size; ++place) {
            b[place] = 'B';
            faults += equal_ignoring_case<TestType>(a, b);
            b[place] = 'A';
        }
        faults += !equal_ignoring_case<TestType>(a, b);
    }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("each byte alone, and at every place of every length, makes a token or breaks it", "", plain_lanes,
                   byte_lanes) {
    guarded const page;
    std::size_t faults = 0;
    for (std::size_t size = 1; size <= 150; ++size) {
        for (char* const text : {page.begin() + size % 64, page.end() - size}) {
            for (std::size_t n = 0; n < size; ++n) text[n] = "aZ09!~-_"[n % 8];
            faults += !is_token<TestType>({text, size});
            for (std::size_t place = 0; place < size; ++place) {
                auto const before = text[place];
                for (int value = 0; value < 256; value += size < 70 ? 1 : 7) {
                    text[place] = static_cast<char>(value);
                    faults += is_token<TestType>({text, size}) != in_token(text[place]);
                }
                text[place] = before;
            }
        }
    }
    CHECK(faults == 0);
    CHECK_FALSE(is_token<TestType>(""));
}

TEMPLATE_TEST_CASE("capitals become small at every length and place, and nothing else changes", "", plain_lanes,
                   byte_lanes) {
    guarded const page;
    std::mt19937 random{13};
    std::size_t faults = 0;
    for (std::size_t size = 0; size <= 300; ++size) {
        for (std::size_t offset = 0; offset <= 64; ++offset) {
            auto* const text = offset == 64 ? page.end() - size : page.begin() + offset;
            for (char* byte = page.begin(); byte != page.end() && byte < text + size + 70; ++byte) *byte = 'Q';
            for (std::size_t n = 0; n < size; ++n) text[n] = static_cast<char>(random());
            std::string expected(text, size);
            for (char& byte : expected) byte = lower_of(byte);
            to_lower<TestType>(std::span<char>{text, size});
            faults += std::string_view{text, size} != expected;
            for (char const* byte = page.begin(); byte < text; ++byte) faults += *byte != 'Q';
            for (char const* byte = text + size; byte != page.end() && byte < text + size + 70; ++byte)
                faults += *byte != 'Q';
            if (offset == 64) std::memset(page.begin(), 'Q', 4096);
        }
    }
    CHECK(faults == 0);
}

TEST_CASE("decimals of every length are what std says they are") {
    std::mt19937_64 random{14};
    std::size_t faults = 0;
    for (int round = 0; round < 200'000; ++round) {
        auto const number = random() >> random() % 64;
        auto const digits = std::string(random() % 4 == 0 ? random() % 20 : 0, '0') + std::to_string(number);
        faults += parse_decimal(digits) != number;
    }
    CHECK(faults == 0);
}

TEST_CASE("any byte but a digit, at any place, makes a text no decimal") {
    std::size_t faults = 0;
    for (std::size_t size = 1; size <= 19; ++size)
        for (std::size_t place = 0; place < size; ++place)
            for (int value = 0; value < 256; ++value) {
                std::string digits(size, '1');
                digits[place] = static_cast<char>(value);
                faults += parse_decimal(digits).has_value() != ('0' <= value && value <= '9');
            }
    CHECK(faults == 0);
    CHECK_FALSE(parse_decimal(""));
    CHECK_FALSE(parse_decimal("+1"));
    CHECK_FALSE(parse_decimal("-0"));
    CHECK_FALSE(parse_decimal(" 1"));
}

TEST_CASE("a decimal of 64 bits is read, and one more is not") {
    CHECK(parse_decimal("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
    CHECK(parse_decimal("000000018446744073709551615") == std::numeric_limits<std::uint64_t>::max());
    CHECK_FALSE(parse_decimal("18446744073709551616"));
    CHECK_FALSE(parse_decimal("18446744073709551620"));
    CHECK_FALSE(parse_decimal("184467440737095516150"));
    CHECK_FALSE(parse_decimal("99999999999999999999"));
    CHECK_FALSE(parse_decimal("100000000000000000000000000000000"));
    CHECK_FALSE(parse_decimal("000018446744073709551616"));
    CHECK_FALSE(parse_decimal("0001844674407370955161600"));
}

TEST_CASE("a decimal at the end of a page is read to its last digit and no further") {
    guarded const page;
    std::size_t faults = 0;
    for (std::size_t size = 1; size <= 19; ++size) {
        auto* const digits = page.end() - size;
        std::memset(digits, '7', size);
        faults += parse_decimal({digits, size}) != std::stoull(std::string(size, '7'));
    }
    CHECK(faults == 0);
}
