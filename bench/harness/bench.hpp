// bench/harness/bench.hpp: contenders of one workload, measured in turns within one process.
// A body runs its operation the number of times that it is given. That number is found once for each contender, so
// that a sample lasts about `sample_time`; then each round runs every contender once, in a shuffled order of fixed
// seed. The result is one JSON line a contender: median and spread (median absolute deviation), nanoseconds an operation.
// Not: a judge of cold starts; bodies are warm when they are measured.
#pragma once

#include "round_trip.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

// Makes the compiler believe that `value` is used, and that memory has changed.
template <class T>
void keep(T const& value) noexcept {
    asm volatile("" : : "g"(&value) : "memory");
}

// The median of `samples`. Needs: at least one.
double median(std::vector<double> samples);
// The median distance from the median. Needs: at least one.
double spread(std::vector<double> samples);

struct core_pair {
    unsigned one;
    unsigned other;
};

struct settings {
    unsigned rounds = 11;
    std::chrono::milliseconds sample_time{20};
    std::uint64_t seed = 20;
    // For bodies of two threads: a sample is taken again, up to `tries` times, when the cache line's round trip between
    // these cores was over `limit` times the best before or after it.
    std::optional<core_pair> gate;
    double limit = 2.5;
    unsigned tries = 5;
};

class suite {
public:
    using body = std::function<void(std::uint64_t times)>;

    explicit suite(std::string workload, settings chosen = {})
        : workload_{std::move(workload)}, settings_{chosen} {}

    // Names are printed as they are and must need no escape in JSON.
    void add(std::string name, body run) { contenders_.push_back({std::move(name), std::move(run), 1, {}, 0}); }
    // Measures everyone and prints a line for each, in the order of their coming.
    void run(std::FILE* out = stdout);

private:
    struct contender {
        std::string name;
        body run;
        std::uint64_t times;
        std::vector<double> samples; // nanoseconds an operation
        unsigned refused;            // samples taken again
    };

    static double time(contender const& who);
    void find_times(contender& who) const;
    void take_sample(contender& who);
    bool cores_are_near();
    void print(contender const& who, std::FILE* out) const;

    std::string const workload_;
    settings const settings_;
    std::vector<contender> contenders_;
    double best_trip_ = std::numeric_limits<double>::infinity();
};

inline double median(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    auto const half = samples.size() / 2;
    return samples.size() % 2 == 1 ? samples[half] : (samples[half - 1] + samples[half]) / 2;
}

inline double spread(std::vector<double> samples) {
    double const middle = median(samples);
    for (double& sample : samples) sample = std::abs(sample - middle);
    return median(std::move(samples));
}

inline void suite::run(std::FILE* out) {
    for (contender& who : contenders_) find_times(who);
    std::vector<contender*> order;
    for (contender& who : contenders_) order.push_back(&who);
    std::mt19937_64 random{settings_.seed};
    for (unsigned round = 0; round < settings_.rounds; ++round) {
        std::shuffle(order.begin(), order.end(), random);
        for (contender* who : order) take_sample(*who);
    }
    for (contender const& who : contenders_) print(who, out);
}

// Nanoseconds of one run of the body.
inline double suite::time(contender const& who) {
    auto const start = std::chrono::steady_clock::now();
    who.run(who.times);
    return std::chrono::duration<double, std::nano>{std::chrono::steady_clock::now() - start}.count();
}

// Ten-fold steps up to a tenth of the sample's time, where clock and start no longer matter; then in proportion.
inline void suite::find_times(contender& who) const {
    double const wanted = std::chrono::duration<double, std::nano>{settings_.sample_time}.count();
    constexpr std::uint64_t most = 1'000'000'000'000; // a body that the compiler has emptied never gets there
    double took = time(who);
    while (took < wanted / 10 && who.times < most) {
        who.times *= 10;
        took = time(who);
    }
    double const fitting = static_cast<double>(who.times) * wanted / std::max(took, 1.0);
    who.times = static_cast<std::uint64_t>(std::clamp(fitting, 1.0, static_cast<double>(most)));
}

// The last try counts whatever the cores do: a contender without a figure would be worse, and `refused` tells.
inline void suite::take_sample(contender& who) {
    for (unsigned attempt = 1;; ++attempt) {
        bool const before = cores_are_near();
        double const took = time(who);
        bool const after = cores_are_near();
        if ((before && after) || attempt >= settings_.tries) {
            who.samples.push_back(took / static_cast<double>(who.times));
            return;
        }
        ++who.refused;
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
}

inline bool suite::cores_are_near() {
    if (!settings_.gate) return true;
    double const trip = round_trip_ns(settings_.gate->one, settings_.gate->other);
    best_trip_ = std::min(best_trip_, trip);
    return trip <= settings_.limit * best_trip_;
}

inline void suite::print(contender const& who, std::FILE* out) const {
    if (who.samples.empty()) return;
    std::fprintf(out,
                 R"({"workload":"%s","contender":"%s","unit":"ns","median":%.3f,"spread":%.3f,"rounds":%zu,)"
                 R"("times":%llu,"refused":%u})"
                 "\n",
                 workload_.c_str(), who.name.c_str(), median(who.samples), spread(who.samples), who.samples.size(),
                 static_cast<unsigned long long>(who.times), who.refused);
}

} // namespace bench
