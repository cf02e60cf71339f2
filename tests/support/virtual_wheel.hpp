// tests/support/virtual_wheel.hpp: a timer wheel whose time passes when the test says so, installed on this thread.
// Its time begins at the real one, because sleep_for and timeout read the clock; tests use lengths of hours, so that the
// real time a test takes does not count.
#pragma once

#include "support/manual_executor.hpp"

#include <weir/base/current.hpp>
#include <weir/coro/context.hpp>
#include <weir/timer/wheel.hpp>

namespace weir::test {

class virtual_wheel {
public:
    timer_wheel& wheel() noexcept { return wheel_; }
    time_point origin() const noexcept { return origin_; }
    time_point now() const noexcept { return now_; }

    // Fires what is due and runs what that wakes, until both are quiet.
    void advance_to(time_point at, manual_executor& runs) {
        now_ = at;
        while (wheel_.advance(now_) + runs.run_all() != 0) {}
    }
    void advance_by(duration length, manual_executor& runs) { advance_to(now_ + length, runs); }

private:
    time_point const origin_ = clock::now();
    time_point now_ = origin_;
    timer_wheel wheel_{origin_};
    current_guard<timer_wheel> const installed_{&wheel_};
};

} // namespace weir::test
