// weir/flow/gradient_limit.hpp: how much to do at once, found out from how long it takes.
// While a backend has room, more at once takes no longer each. Once it is full, time rises with the number. So the limit
// follows the ratio of the time that a call takes at rest to the time that it takes now, and grows by a little as long as
// they agree. The time at rest is learnt from calls that were made while less than half of the limit was in use; where
// that has not happened for long, the limit falls to three for a moment, to find out.
// Source:   the Gradient2 limit of Netflix's concurrency-limits, 2018, after L. Brakmo, L. Peterson, "TCP Vegas", 1995.
//           Its long-term time drifts upwards under lasting load; so we take the time at rest, and probe for it as
//           Envoy's adaptive concurrency filter does.
#pragma once

#include <weir/coro/context.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace weir::inline v0 {

class gradient_options {
public:
    gradient_options() noexcept {}

    double least = 1;
    double most = 1000;
    double tolerance = 1.5; // how much longer than at rest a call may take before the limit falls
    double smoothing = 0.4; // how far a window of calls moves the limit to where it should be
    unsigned window = 30;   // calls, at least; as many as the limit, where that is more
    unsigned memory = 20;   // windows that make up the time at rest
    unsigned trust = 200;   // windows after which the time at rest is probed for
};

// Not: safe for two threads at once.
class gradient_limit {
public:
    explicit gradient_limit(double first, gradient_options options = {}) noexcept
        : options_{options}, limit_{std::clamp(first, options.least, options.most)} {}

    double limit() const noexcept { return limit_; }
    duration at_rest() const noexcept { return duration{static_cast<duration::rep>(at_rest_)}; }

    // One call took `time` while `in_flight` were under way.
    void took(duration time, double in_flight) noexcept {
        ++calls_;
        sum_ += std::max(1.0, static_cast<double>(time.count()));
        in_flight_ = std::max(in_flight_, in_flight);
        if (calls_ >= std::max(limit_, static_cast<double>(options_.window))) close_window();
    }
    // One was lost to overload: timed out or refused behind us.
    void lost() noexcept {
        double& lowered = probing_ > 0 ? before_ : limit_;
        lowered = std::max(options_.least, lowered * 0.9);
    }

private:
    void close_window() noexcept;

    gradient_options options_;
    double limit_;
    double at_rest_ = 0; // nanoseconds, an exponential mean; zero before the first window
    // The window: how many calls, how long together, and the most that were under way.
    double calls_ = 0;
    double sum_ = 0;
    double in_flight_ = 0;
    // X1: while probing_ is above zero limit_ is lowered, and before_ what it will be again. The first window of a probe
    //     still holds calls from before and is left out.
    unsigned probing_ = 0;
    unsigned since_rest_ = 0; // windows
    double before_ = 0;
};

inline void gradient_limit::close_window() noexcept {
    double const taken = sum_ / calls_;
    bool const idle = in_flight_ < limit_ / 2;
    calls_ = sum_ = in_flight_ = 0;
    if (probing_ > 0) {
        if (--probing_ > 0) return;
        limit_ = before_; // keeps X1
        at_rest_ = taken;
        since_rest_ = 0;
        return;
    }
    if (at_rest_ == 0) at_rest_ = taken;
    if (idle || taken < at_rest_) at_rest_ += (taken - at_rest_) * 2 / (options_.memory + 1.0);
    since_rest_ = idle ? 0 : since_rest_ + 1;
    if (idle) return; // the limit was not what held anybody
    if (since_rest_ > options_.trust) {
        before_ = limit_;
        limit_ = std::min(limit_, std::max(options_.least, 3.0));
        probing_ = 2; // keeps X1
        return;
    }
    double const gradient = std::clamp(options_.tolerance * at_rest_ / taken, 0.5, 1.0);
    double const room = std::sqrt(limit_); // a queue of this length is welcome: it is how growth is tried
    double const next = limit_ * gradient + room;
    limit_ = std::clamp(limit_ + (next - limit_) * options_.smoothing, options_.least, options_.most);
}

} // namespace weir
