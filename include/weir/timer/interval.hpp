// weir/timer/interval.hpp: ticks at equal distances, without drift: late or not, the next tick is where it always was.
//     interval ticks{1s};
//     for (;;) {
//         auto const passed = co_await ticks.next();
//         if (!passed) co_return; // cancelled
//         report(*passed);
//     }
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/immovable.hpp>
#include <weir/timer/sleep.hpp>

#include <algorithm>
#include <cstdint>

namespace weir::inline v0 {

// Threads: one task at a time.
class interval : immovable {
    class awaiter;

public:
    // The first tick comes one period after `start`, which may be past.  Needs: a period above zero.
    explicit interval(duration period, time_point start = clock::now()) noexcept : period_{period}, last_{start} {
        WEIR_ASSERT(period > duration::zero(), "an interval without a length");
    }

    // Waits for the next tick; when that has passed, for the executor's next turn, so that who is always late still gives
    // way to others and hears of a stop.
    // Returns: result<std::uint64_t>, how many ticks have come since the last time: more than one tells a late caller how
    //          many it missed, and those are not made up for.
    // Cancel:  no tick is lost: the next call tells of it.  Cost: as sleep_until.
    operation<awaiter, interval&> next() noexcept { return operation<awaiter, interval&>{*this}; }

    duration period() const noexcept { return period_; }
    time_point next_tick() const noexcept { return last_ < no_deadline - period_ ? last_ + period_ : no_deadline; }

private:
    duration const period_;
    time_point last_; // the last tick that was told of
};

class interval::awaiter : public sleep_awaiter {
public:
    explicit awaiter(interval& of) noexcept : sleep_awaiter{of.next_tick()}, interval_{of} {}
    result<std::uint64_t> await_resume() noexcept {
        auto const slept = sleep_awaiter::await_resume();
        if (!slept) return slept.error();
        time_point const now = std::max(clock::now(), interval_.next_tick()); // the wheel's time may be ahead of ours
        auto const passed = (now - interval_.last_) / interval_.period_;
        interval_.last_ += passed * interval_.period_;
        return static_cast<std::uint64_t>(passed);
    }

private:
    interval& interval_;
};

} // namespace weir
