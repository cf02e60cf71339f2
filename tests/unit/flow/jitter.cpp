// tests/unit/flow/jitter.cpp: numbers stay where they were promised to, and fill it evenly.
#include <weir/flow/jitter.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("a pause is anywhere between nothing and its longest") {
    jitter chance{1};
    std::array<int, 10> tenths{};
    for (int n = 0; n < 10'000; ++n) {
        duration const drawn = chance.below(1s);
        REQUIRE(drawn >= 0s);
        REQUIRE(drawn <= 1s);
        ++tenths[std::min<std::size_t>(9, static_cast<std::size_t>(drawn / 100ms))];
    }
    CHECK(*std::min_element(tenths.begin(), tenths.end()) > 850); // 1000, less five standard deviations
    CHECK(*std::max_element(tenths.begin(), tenths.end()) < 1150);
    CHECK(chance.below(0s) == 0s);
}

TEST_CASE("a length is spread to both sides by its share") {
    jitter chance{2};
    duration shortest = 1h;
    duration longest = 0s;
    for (int n = 0; n < 10'000; ++n) {
        duration const drawn = chance.around(100s, 0.1);
        shortest = std::min(shortest, drawn);
        longest = std::max(longest, drawn);
    }
    CHECK((shortest >= 90s && shortest < 91s));
    CHECK((longest <= 110s && longest > 109s));
    CHECK(chance.around(100s, 0) == 100s);
}

TEST_CASE("the same seed draws the same, and two threads never draw one number together") {
    jitter one{3};
    jitter other{3};
    for (int n = 0; n < 100; ++n) CHECK(one.draw() == other.draw());
    std::array<std::vector<std::uint64_t>, 2> drawn;
    std::thread left{[&] { for (int n = 0; n < 20'000; ++n) drawn[0].push_back(one.draw()); }};
    for (int n = 0; n < 20'000; ++n) drawn[1].push_back(one.draw());
    left.join();
    std::set<std::uint64_t> all(drawn[0].begin(), drawn[0].end());
    all.insert(drawn[1].begin(), drawn[1].end());
    CHECK(all.size() == 40'000);
}
