// weir/metrics/distribution.hpp: how often each size of number occurred, each within 0.8 %; merges and subtracts.
// Threads:  one at a time; histogram.hpp is what many threads record in.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/metrics/log_linear.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::inline v0 {

class distribution {
public:
    // Cost: an allocation when `value` is the greatest so far; 30 KiB at most in all.
    void record(std::uint64_t value, std::uint64_t times = 1) { add(log_linear::bucket_of(value), times); }

    // Counts all of `other` as well.
    void merge(distribution const& other);
    // What was recorded after `earlier`, which must be an earlier state of the same histogram.
    distribution since(distribution const& earlier) const;

    std::uint64_t count() const noexcept { return count_; }
    bool empty() const noexcept { return count_ == 0; }

    // Each of these is within 1/128 of the truth, and exact for numbers below 128; 0 when empty.
    double sum() const noexcept;
    double mean() const noexcept { return empty() ? 0 : sum() / static_cast<double>(count_); }
    std::uint64_t min() const noexcept;
    std::uint64_t max() const noexcept;
    // The smallest number that at least the share `q` of all does not exceed.  Needs: 0 <= q <= 1.
    std::uint64_t quantile(double q) const noexcept;
    // How many did not exceed `bound`; the bucket that holds the bound counts in whole from its middle on.
    std::uint64_t count_at_most(std::uint64_t bound) const noexcept;

    // Counts `times` numbers in a bucket of log_linear.hpp.
    void add(std::size_t bucket, std::uint64_t times);

    friend bool operator==(distribution const&, distribution const&) = default;

private:
    // D1: counts_ ends with a bucket that is not empty, so equal contents compare equal.
    // D2: count_ is the sum of counts_.
    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
};

inline void distribution::add(std::size_t bucket, std::uint64_t times) {
    WEIR_ASSERT(bucket < log_linear::buckets, "a distribution has no such bucket");
    if (times == 0) return; // keeps D1
    if (bucket >= counts_.size()) counts_.resize(bucket + 1);
    counts_[bucket] += times;
    count_ += times;
}

inline void distribution::merge(distribution const& other) {
    if (other.counts_.size() > counts_.size()) counts_.resize(other.counts_.size());
    for (std::size_t bucket = 0; bucket < other.counts_.size(); ++bucket) counts_[bucket] += other.counts_[bucket];
    count_ += other.count_;
}

inline distribution distribution::since(distribution const& earlier) const {
    distribution later;
    for (std::size_t bucket = counts_.size(); bucket-- > 0;) { // downwards: the first to be added sizes the rest
        auto const before = bucket < earlier.counts_.size() ? earlier.counts_[bucket] : 0;
        WEIR_ASSERT(before <= counts_[bucket], "a distribution is asked what came after its own future");
        later.add(bucket, counts_[bucket] - std::min(before, counts_[bucket]));
    }
    return later;
}

inline double distribution::sum() const noexcept {
    double sum = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
        if (counts_[bucket] == 0) continue;
        auto const middle = static_cast<double>(log_linear::lowest_of(bucket)) +
                            static_cast<double>(log_linear::width_of(bucket) - 1) / 2;
        sum += middle * static_cast<double>(counts_[bucket]);
    }
    return sum;
}

inline std::uint64_t distribution::min() const noexcept {
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket)
        if (counts_[bucket] != 0) return log_linear::middle_of(bucket);
    return 0;
}

inline std::uint64_t distribution::max() const noexcept {
    return counts_.empty() ? 0 : log_linear::middle_of(counts_.size() - 1); // by D1
}

inline std::uint64_t distribution::quantile(double q) const noexcept {
    WEIR_ASSERT(q >= 0 && q <= 1, "a quantile lies outside 0 to 1");
    // One step down before rounding up: 0.9999 is no binary fraction, and its product with 10,000 may exceed 9999.
    auto const rank = std::ceil(std::nextafter(q, 0.0) * static_cast<double>(count_));
    auto const wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rank));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
        seen += counts_[bucket];
        if (seen >= wanted) return log_linear::middle_of(bucket);
    }
    return max();
}

inline std::uint64_t distribution::count_at_most(std::uint64_t bound) const noexcept {
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size() && log_linear::middle_of(bucket) <= bound; ++bucket)
        seen += counts_[bucket];
    return seen;
}

} // namespace weir
