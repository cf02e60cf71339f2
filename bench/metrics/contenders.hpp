// bench/metrics/contenders.hpp: who counts, and who sorts numbers into buckets.
// A counter has a `name`, `add()` and `total()`; a histogram a `name`, `record(number)` and `total()`.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/metrics/histogram.hpp>
#include <weir/metrics/log_linear.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <numeric>
#include <vector>

#if WEIR_BENCH_PROMETHEUS
#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#endif

namespace bench {

struct weir_counter {
    static constexpr auto name = "weir counter";
    weir::counter counter;
    void add() { counter.add(); }
    std::uint64_t total() const { return counter.value(); }
};

struct plain_atomic {
    static constexpr auto name = "plain atomic";
    weir::atomic<std::uint64_t> n{0};
    void add() { n.fetch_add(1, weir::relaxed); } // a tally
    std::uint64_t total() const { return n.load(weir::relaxed); }
};

struct mutex_integer {
    static constexpr auto name = "mutex + integer";
    mutable std::mutex mutex;
    std::uint64_t n = 0;
    void add() {
        std::lock_guard const lock{mutex};
        ++n;
    }
    std::uint64_t total() const {
        std::lock_guard const lock{mutex};
        return n;
    }
};

struct prometheus_counter {
    static constexpr auto name = "prometheus-cpp Counter";
#if WEIR_BENCH_PROMETHEUS
    prometheus::Counter counter;
    void add() { counter.Increment(); }
    std::uint64_t total() const { return static_cast<std::uint64_t>(counter.Value()); }
#else
    static constexpr auto absent = "no prometheus-cpp-dev";
#endif
};

struct weir_histogram {
    static constexpr auto name = "weir histogram";
    weir::histogram histogram;
    void record(std::uint64_t number) { histogram.record(number); }
    std::uint64_t total() const { return histogram.snapshot().count(); }
};

// The same buckets, one array of them for all threads.
struct atomic_buckets {
    static constexpr auto name = "plain atomics";
    std::array<weir::atomic<std::uint64_t>, weir::log_linear::buckets> counts{};
    void record(std::uint64_t number) {
        counts[weir::log_linear::bucket_of(number)].fetch_add(1, weir::relaxed); // a tally
    }
    std::uint64_t total() const {
        std::uint64_t sum = 0;
        for (auto const& count : counts) sum += count.load(weir::relaxed);
        return sum;
    }
};

struct mutex_buckets {
    static constexpr auto name = "mutex + buckets";
    mutable std::mutex mutex;
    std::array<std::uint64_t, weir::log_linear::buckets> counts{};
    void record(std::uint64_t number) {
        std::lock_guard const lock{mutex};
        ++counts[weir::log_linear::bucket_of(number)];
    }
    std::uint64_t total() const {
        std::lock_guard const lock{mutex};
        return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    }
};

// With twenty bounds, about as many as dashboards use; the others have thousands.
struct prometheus_histogram {
    static constexpr auto name = "prometheus-cpp Histogram";
#if WEIR_BENCH_PROMETHEUS
    prometheus::Histogram histogram{bounds()};
    void record(std::uint64_t number) { histogram.Observe(static_cast<double>(number)); }
    std::uint64_t total() const { return histogram.Collect().histogram.sample_count; }

    static std::vector<double> bounds() {
        std::vector<double> all(20);
        double bound = 1e3;
        for (double& one : all) {
            one = bound;
            bound *= 2;
        }
        return all;
    }
#else
    static constexpr auto absent = "no prometheus-cpp-dev";
#endif
};

} // namespace bench
