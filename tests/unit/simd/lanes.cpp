// tests/unit/simd/lanes.cpp: the vectors and their plain stand-ins agree with a loop over the bytes or numbers.
#include "naive.hpp"

#include <weir/simd/lanes.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <random>
#include <string_view>

using namespace weir::simd;

TEMPLATE_TEST_CASE("a mask has the bit of each byte that is equal and no other", "", plain_lanes, byte_lanes) {
    std::mt19937 random{1};
    std::size_t faults = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::array<char, TestType::width + 1> bytes;
        // Bytes around 0x00, 0x01, 0x7F, 0x80 and 0xFF are where carries would spill.
        constexpr std::array<int, 8> likely{0x00, 0x01, 0x7F, 0x80, 0x81, 0xFF, 0xFE, 0x41};
        for (auto& byte : bytes) byte = static_cast<char>(likely[random() % likely.size()]);
        auto const wanted = static_cast<char>(likely[random() % likely.size()]);
        auto const* const from = bytes.data() + round % 2; // both an aligned and an odd address
        std::uint64_t mask = 0;
        for (std::size_t n = 0; n < TestType::width; ++n) mask |= std::uint64_t{from[n] == wanted} << n;
        auto const found = TestType::load(from) == TestType::fill(wanted);
        faults += found.mask() != mask;
        faults += found.any() != (mask != 0);
    }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("matches are joined and met lane by lane", "", plain_lanes, byte_lanes) {
    std::array<char, TestType::width> bytes;
    for (std::size_t n = 0; n < bytes.size(); ++n) bytes[n] = static_cast<char>('a' + n % 3);
    auto const lanes = TestType::load(bytes.data());
    auto const a = lanes == TestType::fill('a');
    auto const b = lanes == TestType::fill('b');
    CHECK((a | b).mask() == (a.mask() | b.mask()));
    CHECK(a.mask() != 0);
    CHECK((a & b).mask() == 0);
    CHECK_FALSE((a & b).any());
    CHECK((a & (a | b)).mask() == a.mask());
}

TEMPLATE_TEST_CASE("a range has its ends and nothing beyond, for every byte in every lane", "", plain_lanes,
                   byte_lanes) {
    std::size_t faults = 0;
    std::array<char, TestType::width> bytes;
    for (std::size_t lane = 0; lane < TestType::width; ++lane)
        for (int value = 0; value < 256; ++value) {
            bytes.fill('\x7F');
            bytes[lane] = static_cast<char>(value);
            auto const lanes = TestType::load(bytes.data());
            auto const among = [&](int first, int last) {
                return std::uint64_t{first <= value && value <= last} << lane;
            };
            faults += lanes.template within<'A', 'Z'>().mask() != among('A', 'Z');
            faults += lanes.template within<'\0', ' '>().mask() != among(0, ' ');
            faults += lanes.template within<'~', '~'>().mask() != among('~', '~');
            faults += lanes.template within<'\0', '\x7F'>().all() != (value < 128);
        }
    CHECK(faults == 0);
}

TEMPLATE_TEST_CASE("bytes are joined, told apart, cut out and stored lane by lane", "", plain_lanes, byte_lanes) {
    std::mt19937 random{2};
    std::array<char, TestType::width + 1> a, b, stored;
    for (auto& byte : a) byte = static_cast<char>(random());
    for (auto& byte : b) byte = static_cast<char>(random());
    a[2] = b[3] = 'x';
    auto const x = TestType::load(a.data());
    auto const y = TestType::load(b.data());
    auto const holds = [&](TestType lanes, auto expected) {
        stored.fill('!');
        lanes.store(stored.data());
        for (std::size_t n = 0; n < TestType::width; ++n)
            if (stored[n] != static_cast<char>(expected(a[n], b[n]))) return false;
        return stored.back() == '!';
    };
    CHECK(holds(x | y, [](char p, char q) { return p | q; }));
    CHECK(holds(x ^ y, [](char p, char q) { return p ^ q; }));
    CHECK(holds(x.without(y), [](char p, char q) { return p & ~q; }));
    CHECK(holds((x == TestType::fill('x')).bytes('\xA5'), [](char p, char) { return p == 'x' ? '\xA5' : '\0'; }));
    CHECK((x ^ x).is_zero());
    CHECK_FALSE((x ^ y).is_zero());
    CHECK((x == x).all());
    CHECK_FALSE((x == y).all());
}

TEST_CASE("a short text has all its bytes in the lanes, and nothing else but zeros") {
    std::string_view const text = "abcdefg";
    for (std::size_t size = 1; size <= 7; ++size) {
        auto const lanes = plain_lanes::load_short(text.data(), size);
        for (char const byte : text)
            CHECK((lanes == plain_lanes::fill(byte)).any() == (text.substr(0, size).find(byte) != text.npos));
        auto const known = (lanes == plain_lanes::fill('\0')) | lanes.template within<'a', 'g'>();
        CHECK(known.all());
    }
}

TEMPLATE_LIST_TEST_CASE("numbers are added, compared and counted lane by lane", "", all_lanes) {
    using T = value_in<TestType>;
    constexpr auto width = TestType::width;
    std::array<T, width> a, b;
    for (std::size_t n = 0; n < width; ++n) a[n] = static_cast<T>(n + 1), b[n] = static_cast<T>(n % 3 == 0 ? n + 1 : 0);
    auto const x = TestType::load(a.data());
    auto const y = TestType::load(b.data());
    std::uint64_t mask = 0;
    T sum = 0;
    for (std::size_t n = 0; n < width; ++n) mask |= std::uint64_t{n % 3 == 0} << n, sum += a[n] + b[n];
    CHECK(x.mask(y) == mask);
    CHECK((x + y).total() == sum);
    CHECK(x.least() == T{1});
    CHECK(x.greatest() == static_cast<T>(width));
    CHECK(TestType::lesser(x, y).total() == y.total());
    CHECK(TestType::greater(x, y).total() == x.total());
    typename TestType::counts counted;
    for (int n = 0; n < 1'000; ++n) x.count(y, counted);
    CHECK(counted.total() == 1'000 * static_cast<std::size_t>(std::popcount(mask)));
}

TEMPLATE_TEST_CASE("a tally counts 255 matches in every lane, and begins anew when taken", "", plain_lanes,
                   byte_lanes) {
    std::array<char, TestType::width> bytes;
    bytes.fill('x');
    auto const all = TestType::load(bytes.data()) == TestType::fill('x');
    bytes[3] = 'y';
    auto const one = TestType::load(bytes.data()) == TestType::fill('y');
    typename TestType::tally seen;
    CHECK(seen.take() == 0);
    for (int n = 0; n < 255; ++n) seen.add(all);
    CHECK(seen.take() == 255 * TestType::width);
    CHECK(seen.take() == 0);
    seen.add(one);
    seen.add(all);
    CHECK(seen.take() == 1 + TestType::width);
}
