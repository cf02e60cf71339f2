// tests/unit/metrics/distribution.cpp: quantiles, sums and differences agree with a sorted list of the same numbers.
#include <weir/metrics/distribution.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

using namespace weir;

namespace {

// By definition: the smallest number that at least `per_10000` ten-thousandths of all do not exceed.
std::uint64_t exact_quantile(std::vector<std::uint64_t> const& sorted, std::uint64_t per_10000) {
    auto const rank = (per_10000 * sorted.size() + 9'999) / 10'000;
    return sorted[std::max<std::uint64_t>(rank, 1) - 1];
}

bool close(std::uint64_t found, std::uint64_t truth) {
    auto const error = std::abs(static_cast<double>(found) - static_cast<double>(truth));
    return error <= static_cast<double>(truth) / 128;
}

} // namespace

TEST_CASE("an empty distribution answers zero to everything") {
    distribution const none;
    CHECK(none.empty());
    CHECK(none.count() == 0);
    CHECK(none.sum() == 0);
    CHECK(none.mean() == 0);
    CHECK(none.min() == 0);
    CHECK(none.max() == 0);
    CHECK(none.quantile(0.99) == 0);
    CHECK(none.count_at_most(1'000) == 0);
}

TEST_CASE("quantiles are within one percent of the sorted truth, for every size of number") {
    for (unsigned const shift : {0u, 20u, 44u, 60u}) {
        std::mt19937_64 random{shift + 1};
        std::vector<std::uint64_t> values;
        distribution found;
        for (int n = 0; n < 50'000; ++n) {
            auto const value = random() >> (shift + random() % 4);
            values.push_back(value);
            found.record(value);
        }
        std::sort(values.begin(), values.end());
        for (std::uint64_t const part : {0u, 1u, 5'000u, 9'000u, 9'500u, 9'900u, 9'990u, 9'999u, 10'000u}) {
            INFO("shift " << shift << ", quantile " << part << " of 10000");
            CHECK(close(found.quantile(static_cast<double>(part) / 10'000), exact_quantile(values, part)));
        }
        CHECK(close(found.min(), values.front()));
        CHECK(close(found.max(), values.back()));
    }
}

TEST_CASE("small numbers are exact, and ranks round neither up nor down by one") {
    distribution found;
    for (std::uint64_t value = 1; value <= 100; ++value) found.record(value);
    std::size_t faults = 0;
    for (int percent = 1; percent <= 100; ++percent)
        faults += found.quantile(percent / 100.0) != static_cast<std::uint64_t>(percent);
    CHECK(faults == 0);
    CHECK(found.quantile(0) == 1);
    CHECK(found.sum() == 5050);
    CHECK(found.mean() == 50.5);
}

TEST_CASE("the 99.99th percentile of ten thousand is the 9999th and not the last") {
    distribution found;
    found.record(10, 9'999);
    found.record(100, 1);
    CHECK(found.quantile(0.9999) == 10);
    CHECK(found.quantile(1) == 100);
}

TEST_CASE("the greatest and the smallest number have a place") {
    distribution found;
    found.record(0);
    found.record(std::numeric_limits<std::uint64_t>::max());
    CHECK(found.count() == 2);
    CHECK(found.min() == 0);
    CHECK(found.quantile(0.5) == 0);
    CHECK(close(found.max(), std::numeric_limits<std::uint64_t>::max()));
    CHECK(found.count_at_most(std::numeric_limits<std::uint64_t>::max()) == 2);
}

TEST_CASE("a sum is within one percent even where every number lies at the edge of its bucket") {
    for (std::uint64_t const value : {std::uint64_t{1} << 20, (std::uint64_t{1} << 20) + (1u << 14) - 1}) {
        distribution found;
        found.record(value, 1'000'000);
        auto const truth = static_cast<double>(value) * 1e6;
        CHECK(std::abs(found.sum() - truth) < truth / 128);
    }
}

TEST_CASE("merging in any order is recording together") {
    std::mt19937_64 random{3};
    distribution low;
    distribution high;
    distribution together;
    for (int n = 0; n < 1'000; ++n) {
        auto const small = random() >> 50;
        auto const large = random() >> 10;
        low.record(small);
        high.record(large);
        together.record(small);
        together.record(large);
    }
    distribution upward = low;
    upward.merge(high);
    distribution downward = high;
    downward.merge(low);
    CHECK(upward == together);
    CHECK(downward == together);
    downward.merge(distribution{});
    CHECK(downward == together);
}

TEST_CASE("merging a distribution with itself doubles it") {
    distribution found;
    found.record(5);
    found.record(700, 2);
    distribution doubled;
    doubled.record(5, 2);
    doubled.record(700, 4);
    found.merge(found);
    CHECK(found == doubled);
}

TEST_CASE("what came since an earlier state is what was recorded in between") {
    distribution all;
    all.record(10, 3);
    all.record(5'000);
    auto const before = all;
    CHECK(all.since(before) == distribution{});
    all.record(10);
    all.record(90);
    distribution between;
    between.record(10);
    between.record(90);
    CHECK(all.since(before) == between); // D1: the emptied upper buckets are gone
    CHECK(all.since(distribution{}) == all);
}

TEST_CASE("recording nothing leaves a distribution equal to an empty one") {
    distribution found;
    found.record(1'000'000, 0);
    CHECK(found == distribution{});
}

TEST_CASE("counts up to a bound grow with the bound and end with all") {
    std::mt19937_64 random{5};
    std::vector<std::uint64_t> values;
    distribution found;
    for (int n = 0; n < 20'000; ++n) {
        values.push_back(random() >> 40);
        found.record(values.back());
    }
    std::uint64_t before = 0;
    for (std::uint64_t bound = 1; bound < (1u << 24); bound += bound / 3 + 1) {
        auto const now = found.count_at_most(bound);
        CHECK(now >= before);
        before = now;
        // A bucket that is cut by the bound counts on one side of it: the truth for bounds 0.8 % lower and higher encloses it.
        auto const at_most = [&](double limit) {
            return static_cast<std::uint64_t>(std::count_if(values.begin(), values.end(), [&](std::uint64_t value) {
                return static_cast<double>(value) <= limit;
            }));
        };
        CHECK(now >= at_most(static_cast<double>(bound) * (1 - 1.0 / 64)));
        CHECK(now <= at_most(static_cast<double>(bound) * (1 + 1.0 / 64)));
    }
    CHECK(found.count_at_most(1u << 24) == values.size());
}
