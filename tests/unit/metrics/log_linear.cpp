// tests/unit/metrics/log_linear.cpp: the buckets tile the numbers (L1) and are narrow (L2).
#include <weir/metrics/log_linear.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <random>

using namespace weir;
using namespace weir::log_linear;

TEST_CASE("the buckets follow each other without gap or overlap up to the greatest number (L1)") {
    REQUIRE(lowest_of(0) == 0);
    std::size_t faults = 0;
    for (std::size_t bucket = 0; bucket + 1 < buckets; ++bucket)
        faults += highest_of(bucket) + 1 != lowest_of(bucket + 1);
    CHECK(faults == 0);
    CHECK(highest_of(buckets - 1) == ~std::uint64_t{0});
}

TEST_CASE("each bucket is found from its lowest, middle and highest number (L1)") {
    std::size_t faults = 0;
    for (std::size_t bucket = 0; bucket < buckets; ++bucket)
        for (auto const value : {lowest_of(bucket), middle_of(bucket), highest_of(bucket)})
            faults += bucket_of(value) != bucket;
    CHECK(faults == 0);
}

TEST_CASE("the middle of a bucket is within 1/128 of every number in it (L2)") {
    std::size_t faults = 0;
    auto const check = [&](std::uint64_t value) {
        auto const middle = middle_of(bucket_of(value));
        auto const error = middle > value ? middle - value : value - middle;
        faults += error > value / 128 + (value % 128 != 0 ? 1 : 0) || (value < 128 && error != 0);
        faults += static_cast<double>(error) > static_cast<double>(value) / 128;
    };
    for (std::uint64_t value = 0; value < 100'000; ++value) check(value);
    std::mt19937_64 random{7};
    for (int n = 0; n < 200'000; ++n) check(random() >> (random() % 64));
    check(~std::uint64_t{0});
    CHECK(faults == 0);
}

TEST_CASE("an octave and a place put together are the bucket") {
    std::mt19937_64 random{11};
    std::size_t faults = 0;
    for (int n = 0; n < 100'000; ++n) {
        auto const value = random() >> (random() % 64);
        auto const octave = octave_of(value);
        faults += octave >= octaves || place_of(value, octave) >= octave_size;
        faults += octave * octave_size + place_of(value, octave) != bucket_of(value);
    }
    CHECK(faults == 0);
}
