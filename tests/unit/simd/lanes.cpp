// tests/unit/simd/lanes.cpp: the vectors and their plain stand-in agree with a loop over the bytes.
#include <weir/simd/lanes.hpp>

#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstdint>
#include <random>

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
