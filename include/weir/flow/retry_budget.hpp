// weir/flow/retry_budget.hpp: how much may be tried again: a share of the calls, and a few a second besides.
// When a backend fails all of a sudden, everybody tries again; without a budget its load doubles and triples in the
// moment in which it can bear the least.
// Progress: lock-free.
// Source:   the retry budget of Twitter's Finagle; B. Beyer et al., "Site Reliability Engineering", 2016, chapter 21.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/flow/token_bucket.hpp>

#include <algorithm>
#include <cstdint>

namespace weir::inline v0 {

class retry_budget_options {
public:
    retry_budget_options() noexcept {}

    double share = 0.1;      // of the calls that may be made a second time
    double per_second = 10;  // more, for services that are called rarely
    double most_saved = 100; // extra calls that a quiet time saves up
};

// Threads: any, for every function. Shared by all calls of one backend.
class retry_budget : immovable {
public:
    explicit retry_budget(retry_budget_options options = {}) noexcept
        : reserve_{rate{options.per_second, std::max(1.0, options.per_second)}}, share_{to_saved(options.share)},
          most_{to_saved(options.most_saved)} {}

    // A call was made for the first time.
    void deposit() noexcept {
        std::int64_t now = saved_.load(relaxed); // a number that publishes nothing; the exchange decides
        while (now < most_ &&
               !saved_.compare_exchange_weak(now, std::min(now + share_, most_), relaxed, relaxed)) {} // the same
    }
    // True: one may be made again.
    bool withdraw(time_point at = clock::now()) noexcept {
        std::int64_t now = saved_.load(relaxed); // as above
        while (now >= one)
            if (saved_.compare_exchange_weak(now, now - one, relaxed, relaxed)) return true; // as above
        return reserve_.try_take(1, at) == duration::zero();
    }

private:
    static constexpr std::int64_t one = 1'000'000; // a call, in parts
    static std::int64_t to_saved(double calls) noexcept { return static_cast<std::int64_t>(calls * one); }

    token_bucket reserve_;
    std::int64_t const share_;
    std::int64_t const most_;
    atomic<std::int64_t> saved_{0};
};

} // namespace weir
