// bench/harness/bench.hpp: contenders of one workload, measured in turns within one process.
// A body runs its operation the number of times that it is given. That number is found once for each contender, so
// that a sample lasts about `sample_time`; then each round runs every contender once, in a shuffled order of fixed
// seed. The result is one JSON line a contender: nanoseconds an operation, median, spread (median absolute deviation)
// and the samples in the order of the rounds, so that two contenders can be compared round by round.
// Not: a judge of cold starts; bodies are warm when they are measured.
#pragma once

#include "round_trip.hpp"
#include "settings.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
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

class suite {
public:
    explicit suite(std::string workload, settings chosen = {})
        : workload_{std::move(workload)}, settings_{std::move(chosen)} {}

    // A body that returns a double has taken the time itself, in nanoseconds, of all its operations.
    // Names are printed as they are and must need no escape in JSON.
    template <std::invocable<std::uint64_t> Body>
    void add(std::string name, Body run);
    // A line for who would be measured if it were there.
    void leave_out(std::string name, std::string why) {
        contenders_.push_back({std::move(name), {}, std::move(why), 1, {}, {}, 0});
    }
    // Measures everyone and prints a line for each, in the order of their coming.
    void run(std::FILE* out = stdout);

private:
    struct contender {
        std::string name;
        std::function<double(std::uint64_t)> run;
        std::string absent; // why, where there is nothing to run
        std::uint64_t times;
        std::vector<double> samples; // nanoseconds an operation
        std::vector<double> trips;   // the longer of the round trips before and after each
        unsigned refused;            // samples taken again
    };
    using clock = std::chrono::steady_clock;

    void find_times(contender& who) const;
    void take_sample(contender& who);
    double trip();
    void print(contender const& who, std::FILE* out) const;
    static void print_list(char const* name, std::vector<double> const& values, std::FILE* out);

    std::string const workload_;
    settings settings_;
    std::vector<contender> contenders_;
    clock::time_point looked_{}; // when last_trip_ was measured
    double last_trip_ = 0;
    static inline double best_trip_ = std::numeric_limits<double>::infinity(); // of all suites of the process
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

template <std::invocable<std::uint64_t> Body>
void suite::add(std::string name, Body run) {
    contender who{std::move(name), {}, {}, 1, {}, {}, 0};
    if constexpr (std::same_as<std::invoke_result_t<Body&, std::uint64_t>, double>) {
        who.run = std::move(run);
    } else {
        who.run = [body = std::move(run)](std::uint64_t times) mutable {
            auto const start = clock::now();
            body(times);
            return std::chrono::duration<double, std::nano>{clock::now() - start}.count();
        };
    }
    contenders_.push_back(std::move(who));
}

inline void suite::run(std::FILE* out) {
    if (workload_.find(settings_.only) == std::string::npos) return;
    std::vector<contender*> order;
    for (contender& who : contenders_) {
        if (!who.run) continue;
        find_times(who);
        order.push_back(&who);
    }
    std::mt19937_64 random{settings_.seed};
    for (unsigned round = 0; round < settings_.rounds; ++round) {
        std::shuffle(order.begin(), order.end(), random);
        for (contender* who : order) take_sample(*who);
    }
    for (contender const& who : contenders_) print(who, out);
    std::fflush(out);
}

// Steps of at most ten-fold, each judged by the quickest of three runs: one that was preempted would end the search at
// a handful of operations, whose time is that of the clock and of starting.
inline void suite::find_times(contender& who) const {
    double const wanted = std::chrono::duration<double, std::nano>{settings_.sample_time}.count();
    constexpr std::uint64_t most = 1'000'000'000'000; // a body that the compiler has emptied never gets there
    auto const quickest = [&] { return std::min({who.run(who.times), who.run(who.times), who.run(who.times)}); };
    for (double took = quickest(); took < wanted / 2 && who.times < most; took = quickest()) {
        double const factor = std::clamp(wanted / std::max(took, 1.0), 2.0, 10.0);
        who.times = static_cast<std::uint64_t>(std::ceil(static_cast<double>(who.times) * factor));
    }
}

// The last try counts whatever the cores do: a contender without a figure would be worse, and `refused` tells.
inline void suite::take_sample(contender& who) {
    for (unsigned attempt = 1;; ++attempt) {
        double const before = trip();
        double const took = who.run(who.times);
        double const longer = std::max(before, trip());
        bool const near = longer <= settings_.limit * best_trip_;
        if (near || attempt >= settings_.tries || settings_.spare == 0) {
            who.samples.push_back(took / static_cast<double>(who.times) / static_cast<double>(settings_.parts));
            who.trips.push_back(longer);
            if (!near) ++who.refused;
            return;
        }
        ++who.refused;
        --settings_.spare;
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
}

// How far apart the cores are; 0 without a gate. The look after one sample serves as that before the next.
inline double suite::trip() {
    if (!settings_.gate) return 0;
    if (clock::now() - looked_ < std::chrono::milliseconds{1}) return last_trip_;
    last_trip_ = round_trip_ns(settings_.gate->one, settings_.gate->other);
    looked_ = clock::now();
    best_trip_ = std::min(best_trip_, last_trip_);
    return last_trip_;
}

inline void suite::print(contender const& who, std::FILE* out) const {
    std::fprintf(out, R"({"workload":"%s","contender":"%s",)", workload_.c_str(), who.name.c_str());
    if (who.samples.empty()) {
        std::fprintf(out, "\"absent\":\"%s\"}\n", who.absent.c_str());
        return;
    }
    std::fprintf(out, R"("unit":"ns","median":%.3f,"spread":%.3f,"rounds":%zu,"times":%llu,"refused":%u)",
                 median(who.samples), spread(who.samples), who.samples.size(),
                 static_cast<unsigned long long>(who.times), who.refused);
    print_list("samples", who.samples, out);
    if (settings_.gate) print_list("trips", who.trips, out);
    std::fputs("}\n", out);
}

inline void suite::print_list(char const* name, std::vector<double> const& values, std::FILE* out) {
    std::fprintf(out, ",\"%s\":", name);
    char const* before = "[";
    for (double const value : values) {
        std::fprintf(out, "%s%.3f", before, value);
        before = ",";
    }
    std::fputc(']', out);
}

} // namespace bench
