// tests/unit/flow/frequency_sketch.cpp: estimates are never below the truth while it is young, and sink as it ages.
#include <weir/flow/flight_table.hpp>
#include <weir/flow/mix_hash.hpp>
#include <weir/flow/frequency_sketch.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>

using weir::detail::frequency_sketch;
using weir::mix_hash;

TEST_CASE("what was never met counts nothing, and nothing counts beyond fifteen", "[sketch]") {
    frequency_sketch sketch{64};
    CHECK(sketch.estimate(mix_hash(1)) == 0);
    for (int n = 0; n < 40; ++n) sketch.add(mix_hash(1));
    CHECK(sketch.estimate(mix_hash(1)) == frequency_sketch::most);
}

TEST_CASE("an estimate is not below the truth, and seldom above it", "[sketch]") {
    constexpr std::uint64_t keys = 1024;
    frequency_sketch sketch{keys};
    for (std::uint64_t key = 0; key < keys; ++key)
        for (std::uint64_t n = 0; n < key % 8; ++n) sketch.add(mix_hash(key)); // 3584 of the 10240 that age it once
    int above = 0;
    int below = 0;
    for (std::uint64_t key = 0; key < keys; ++key) {
        auto const told = sketch.estimate(mix_hash(key));
        above += told > key % 8;
        below += told < key % 8;
    }
    CHECK(above < 20);
    CHECK(below < 1024 * 4 / 10); // those in lines that have been halved
    CHECK(below > 0);
}

TEST_CASE("what is no longer met is forgotten within a few ages", "[sketch]") {
    constexpr std::uint64_t keys = 512;
    frequency_sketch sketch{keys};
    for (int n = 0; n < 15; ++n) sketch.add(mix_hash(1'000'000));
    auto const before = sketch.estimate(mix_hash(1'000'000));
    CHECK(before >= 14);
    for (std::uint64_t n = 0; n < 10 * keys; ++n) sketch.add(mix_hash(n % 64)); // once: halved, give or take the rest
    auto const after_one = sketch.estimate(mix_hash(1'000'000));
    CHECK(after_one >= 6);
    CHECK(after_one <= 8);
    for (std::uint64_t n = 0; n < 30 * keys; ++n) sketch.add(mix_hash(n % 64));
    CHECK(sketch.estimate(mix_hash(1'000'000)) == 0);
}
