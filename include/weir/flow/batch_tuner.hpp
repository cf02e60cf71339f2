// weir/flow/batch_tuner.hpp: how large batches should be, found out from how long they take.
// The time of a batch is to be half of what an answer may take, at most: one that comes while a batch is under way waits
// for that and then for its own. Within this bound the size climbs to where most items are done in a second. Only batches
// that are as large as allowed tell: a smaller one was all that there was, and is sent as it is.
//   steady   a window of full batches at the size; their rate is remembered
//   trial    a window at a size beside it; the better rate stays. A better one doubles the next step, two worse ones
//            halve it, and at the smallest step the trials become rare, as each may cost a little
//   cut      a trial of a smaller size because batches take too long. It stays only if they become shorter by it: where a
//            call takes too long by itself, small batches would make it worse
// A rate that changes by a third at the same size is another backend than before: the next step is large again, and where
// it fell, the first trial is of the size at the beginning, so that no valley keeps the size where it was.
// Cost:     it follows a fall within 40 full batches, where one step is enough within 12. A rise that only larger batches
//           would show is met by the next trial: within 200.
// Source:   hill climbing on throughput after J. Hellerstein, V. Morrison, E. Eilebrecht, "Applying Control Theory in the
//           Real World: Experience With Building a Controller for the .NET Thread Pool", SIGMETRICS PER 37(3), 2009; the
//           bound on time, with a cut in proportion, after D. Crankshaw et al., "Clipper", NSDI 2017, whose additive
//           increase knows no rate, and so passes a size beyond which a backend becomes slow.
// Not:      gradient_limit.hpp, which compares a time with that at rest: a batch takes longer because it is larger.
// Not:      safe for two threads at once.
// For:      authors of primitives.
#pragma once

#include <weir/coro/context.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace weir::inline v0::detail {

class batch_tuner {
public:
    // `most` is at least 1.
    batch_tuner(duration target, std::size_t most) noexcept
        : half_target_{static_cast<double>(target.count()) / 2}, most_{most}, size_{std::min(most, first)} {}

    // How many items the next batch should have at most.
    std::size_t size() const noexcept { return trial_ != 0 ? trial_ : size_; }
    // How long a lane may hold back while others are under way, where a batch takes `usual`: no longer than that, and
    // no longer than the target leaves.
    duration linger(duration usual) const noexcept {
        duration const left{static_cast<duration::rep>(half_target_) - usual.count()};
        return std::clamp(left, duration::zero(), std::max(usual, duration::zero()));
    }
    // A batch of so many took `time`.
    void took(std::size_t items, duration time) noexcept;

private:
    enum class reason : unsigned char { growth, less, too_long, anew };
    static constexpr std::size_t first = 16;     // size
    static constexpr int window = 4;             // batches
    static constexpr double better = 1.01;       // a gain that is worth a larger or a smaller batch
    static constexpr double hopeless = 0.75;     // of the rate: a trial ends with its first batch
    static constexpr double changed = 1.0 / 3;   // of the rate, upwards or downwards
    static constexpr double smallest = 1.0 / 16; // step
    static constexpr int rarest = 32;            // windows between trials

    void end_steady(double rate, double time) noexcept;
    void end_trial(double rate, double time) noexcept;
    void try_next(double time) noexcept;
    void try_size(double wanted, reason why) noexcept;
    void restart() noexcept { batches_ = 0, items_ = 0, time_ = 0; }

    double const half_target_; // nanoseconds, as all times here
    std::size_t const most_;
    // U1: 1 <= size() <= most_. What is in the window was done at size(), or took too long though it was smaller.
    std::size_t size_;
    std::size_t trial_ = 0; // the size that is tried; zero while steady
    reason why_ = reason::growth;
    double rate_ = 0; // items a nanosecond at size_; zero where it is not known
    double steady_time_ = 0; // of a batch at size_
    double step_ = 1; // by how much larger the next trial is
    bool upwards_ = true;
    int refused_ = 0; // trials in a row that were no better
    int rest_ = 0;    // windows before the next
    int pause_ = 1;   // and between those that come after
    // The window.
    int batches_ = 0;
    double items_ = 0;
    double time_ = 0;
};

inline void batch_tuner::took(std::size_t items, duration time) noexcept {
    double const spent = std::max(1.0, static_cast<double>(time.count()));
    bool const full = items >= size();
    if (!full && (spent <= half_target_ || trial_ != 0)) {
        if (trial_ == 0) restart(); // a full window is one after the other
        return;
    }
    ++batches_;
    items_ += static_cast<double>(items);
    time_ += spent;
    double const rate = items_ / time_;
    if (batches_ < window && !(trial_ != 0 && why_ != reason::too_long && rate < rate_ * hopeless)) return;
    double const each = time_ / batches_;
    restart();
    if (trial_ != 0) end_trial(rate, each);
    else end_steady(rate, each);
}

inline void batch_tuner::end_steady(double rate, double time) noexcept {
    bool const fell = rate_ != 0 && rate < rate_ * (1 - changed);
    if (fell || (rate_ != 0 && rate > rate_ * (1 + changed))) {
        step_ = 1;
        upwards_ = !fell;
        pause_ = 1;
        rest_ = refused_ = 0;
        rate_ = rate;
    }
    rate_ = rate_ == 0 ? rate : (rate_ + rate) / 2;
    steady_time_ = time;
    if (fell && size_ > first) try_size(first, reason::anew);
    else if (rest_ > 0) --rest_;
    else if (time > half_target_)
        try_size(static_cast<double>(size_) * std::max(0.5, half_target_ / time), reason::too_long);
    else try_next(time);
}

inline void batch_tuner::try_next(double time) noexcept {
    double const size = static_cast<double>(size_);
    if (upwards_) {
        double const room = 1.05 * half_target_ / time - 1; // as if time rose with the size, which it may do less than
        try_size(size * (1 + std::min(step_, room)), reason::growth);
    } else {
        try_size(size / (1 + step_), reason::less);
    }
}

inline void batch_tuner::try_size(double wanted, reason why) noexcept {
    std::size_t next = std::clamp<std::size_t>(static_cast<std::size_t>(wanted), 1, most_); // keeps U1
    if (next == size_) { // where a step is less than an item
        if (why != reason::growth) next = std::max<std::size_t>(size_ - 1, 1);
        else if (wanted > static_cast<double>(size_)) next = std::min(size_ + 1, most_);
    }
    why_ = why;
    if (next != size_) trial_ = next;
    else end_trial(0, half_target_ * 2); // there is nothing to try on that side
}

inline void batch_tuner::end_trial(double rate, double time) noexcept {
    std::size_t const tried = std::exchange(trial_, 0);
    bool good = rate > rate_ * better && time <= half_target_;
    if (why_ == reason::too_long && tried != 0) {
        double const shorter = 1 - static_cast<double>(tried) / static_cast<double>(size_);
        good = time <= half_target_ || time < steady_time_ * (1 - shorter / 4);
    }
    if (good) {
        size_ = tried;
        rate_ = rate;
        steady_time_ = time;
        step_ = why_ == reason::too_long ? smallest : std::min(1.0, step_ * 2);
        upwards_ = why_ != reason::less;
        refused_ = 0;
        pause_ = 1;
        if (step_ >= 1) try_next(time); // far from where it should be
        return;
    }
    upwards_ = why_ == reason::less;
    if (why_ == reason::anew) return;
    if (++refused_ < 2 && why_ != reason::too_long) return;
    refused_ = 0;
    if (why_ != reason::too_long && step_ > smallest) {
        step_ /= 2;
        return;
    }
    step_ = 2 * smallest; // both are tried when trials come again
    rest_ = pause_;
    pause_ = std::min(2 * pause_, rarest);
}

} // namespace weir::detail
