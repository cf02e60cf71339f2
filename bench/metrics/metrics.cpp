// bench/metrics/metrics.cpp: counting and recording, by one thread and by two at once.

#include "contenders.hpp"

#include <harness/measure.hpp>
#include <harness/race.hpp>

#include <cmath>
#include <cstdio>
#include <random>

namespace {

using namespace bench;

// Latencies in nanoseconds, most of them between 20 µs and 1 ms, every contender's the same.
std::vector<std::uint64_t> const& latencies() {
    static std::vector<std::uint64_t> const numbers = [] {
        std::mt19937_64 random{20};
        std::lognormal_distribution<double> latency{std::log(150e3), 1.0};
        std::vector<std::uint64_t> all(4096);
        for (std::uint64_t& one : all) one = static_cast<std::uint64_t>(latency(random));
        return all;
    }();
    return numbers;
}

struct counting {
    static void run(auto& counter, std::uint64_t times) {
        for (; times != 0; --times) counter.add();
    }
};

struct recording {
    static void run(auto& histogram, std::uint64_t times) {
        auto const& numbers = latencies();
        for (std::uint64_t n = 0; n < times; ++n) histogram.record(numbers[n % 4096]);
    }
};

template <class Metric, class Work>
auto alone() {
    return [metric = std::make_shared<Metric>(), expected = std::uint64_t{0}](std::uint64_t times) mutable {
        Work::run(*metric, times);
        must_equal(metric->total(), expected += times, Metric::name);
    };
}

// Half of the operations each; both metrics' figures are therefore wall-clock time over all operations.
template <class Metric, class Work>
auto together(core_pair cores) {
    return [=, metric = std::make_shared<Metric>(), expected = std::uint64_t{0}](std::uint64_t times) mutable {
        auto const half = times / 2;
        double const took = race({{[&] { Work::run(*metric, half); }, cores.one},
                                  {[&] { Work::run(*metric, times - half); }, cores.other}});
        must_equal(metric->total(), expected += times, Metric::name);
        return took;
    };
}

void measure_counters(char const* workload, settings const& chosen, auto make) {
    measure<weir_counter, plain_atomic, mutex_integer, prometheus_counter>(workload, chosen, make);
}

void measure_histograms(char const* workload, settings const& chosen, auto make) {
    measure<weir_histogram, atomic_buckets, mutex_buckets, prometheus_histogram>(workload, chosen, make);
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = settings_of(argc, argv);
    measure_counters("counter alone", chosen, []<class Metric> { return alone<Metric, counting>(); });
    measure_histograms("histogram alone", chosen, []<class Metric> { return alone<Metric, recording>(); });

    auto const cores = two_cores();
    if (!cores) {
        std::fprintf(stderr, "%s: what takes two threads is left out: there is one core only\n", argv[0]);
        return 0;
    }
    auto const gated = chosen.across(*cores);
    measure_counters("counter together", gated, [=]<class Metric> { return together<Metric, counting>(*cores); });
    measure_histograms("histogram together", gated, [=]<class Metric> { return together<Metric, recording>(*cores); });
}
