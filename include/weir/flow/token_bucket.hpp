// weir/flow/token_bucket.hpp: so many tokens a second, and up to a burst of them at once.
// The whole bucket is one word: the moment at which it will be full again if nobody takes any more. A bucket that is full
// since long ago and one that was never used are the same.
// Progress: lock-free: one compare-and-swap to take.
// Not:      a queue: who is refused is told how long to wait, and by then others may have been quicker; see rate_limiter.
// Source:   the generic cell rate algorithm, ITU-T I.371, 1993, in its virtual scheduling form.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace weir::inline v0 {

// Tokens a second, and how many may be taken at once after a rest. Fractions are meant: 0.2 a second is one in five.
class rate {
public:
    // Needs: both above zero.
    rate(double per_second, double burst) noexcept : ns_per_token_{1e9 / per_second}, burst_{burst} {
        WEIR_ASSERT(per_second > 0 && burst > 0, "a rate of nothing lets nothing pass");
    }

    double burst() const noexcept { return burst_; }
    // How long the bucket takes to win `tokens` back, to the nanosecond; no longer than a century.
    duration time_for(double tokens) const noexcept {
        constexpr double century = 3.15576e18; // nanoseconds
        return std::chrono::nanoseconds{static_cast<std::int64_t>(std::min(tokens * ns_per_token_, century))};
    }

private:
    double ns_per_token_;
    double burst_;
};

namespace detail {

// The moment at which a bucket is full that was to be full at `full_at`, once `tokens` are taken from it now; and how
// much too early it is for that, zero or less when it is not.
struct bucket_step {
    bucket_step(rate const& with, time_point full_at, double tokens, time_point now) noexcept
        : full_then{std::max(full_at, now) + with.time_for(tokens)},
          too_early{full_then - now - with.time_for(with.burst())} {}
    time_point full_then;
    duration too_early;
};

} // namespace detail

// Threads: any, for every function.
class token_bucket : immovable {
public:
    // Full at first.
    explicit token_bucket(rate with) noexcept : rate_{with} {}

    // Takes `tokens` if they are there.
    // Returns: zero when they were taken; else how long to wait until they may be; duration::max() for more than a burst,
    //          which never fits.
    duration try_take(double tokens, time_point now = clock::now()) noexcept;

    // How many there are.
    double available(time_point now = clock::now()) const noexcept;
    rate const& limit() const noexcept { return rate_; }

private:
    rate const rate_;
    atomic<time_point> full_at_{time_point::min()};
};

inline duration token_bucket::try_take(double tokens, time_point now) noexcept {
    if (tokens > rate_.burst()) return duration::max();
    time_point full_at = full_at_.load(relaxed); // a number that publishes nothing; the exchange decides
    for (;;) {
        detail::bucket_step const step{rate_, full_at, tokens, now};
        if (step.too_early > duration::zero()) return step.too_early;
        if (full_at_.compare_exchange_weak(full_at, step.full_then, relaxed, relaxed)) // the same
            return duration::zero();
    }
}

inline double token_bucket::available(time_point now) const noexcept {
    time_point const full_at = full_at_.load(relaxed); // a hint
    if (full_at <= now) return rate_.burst();
    double const missing = static_cast<double>((full_at - now).count()) / static_cast<double>(rate_.time_for(1).count());
    return std::max(0.0, rate_.burst() - missing);
}

} // namespace weir
