// tests/unit/flow/mix_hash.cpp: every bit of a hash reaches every bit of what is made of it.
#include <weir/flow/mix_hash.hpp>

#include <catch2/catch_test_macros.hpp>

#include <bit>
#include <cstdint>
#include <set>

using weir::mix_hash;

TEST_CASE("one changed bit changes about half of all bits") {
    int least = 64;
    int most = 0;
    for (unsigned bit = 0; bit < 64; ++bit) {
        int changed = 0;
        for (std::uint64_t n = 1; n <= 256; ++n)
            changed += std::popcount(mix_hash(n) ^ mix_hash(n ^ (std::uint64_t{1} << bit)));
        least = changed / 256 < least ? changed / 256 : least;
        most = changed / 256 > most ? changed / 256 : most;
    }
    CHECK(least >= 28);
    CHECK(most <= 36);
}

TEST_CASE("no two numbers are mixed into one") {
    std::set<std::uint64_t> mixed;
    for (std::uint64_t n = 0; n < 10'000; ++n) mixed.insert(mix_hash(n << 40 | n));
    CHECK(mixed.size() == 10'000);
}
