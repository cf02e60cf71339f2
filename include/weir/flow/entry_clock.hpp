// weir/flow/entry_clock.hpp: whether a moment is still ahead, most often for a fifth of what the clock costs.
// Linux keeps a time that is as old as its last tick, and tells it for a few nanoseconds. Where that is clearly before
// the moment asked about, it is the answer; close to it the real clock is asked.
// For:      authors of primitives.
#pragma once

#include <weir/base/platform.hpp>
#include <weir/coro/context.hpp>

#include <chrono>

#if WEIR_LINUX
#include <time.h>
#endif

namespace weir::inline v0::detail {

class entry_clock {
public:
    using now_function = time_point (*)() noexcept;

    explicit entry_clock(now_function told) noexcept : told_{told} {}

    time_point now() const noexcept { return told_ ? told_() : clock::now(); }
    // Now, or a little before.
    time_point recent() const noexcept {
#if WEIR_LINUX
        if (!told_) {
            timespec at;
            ::clock_gettime(CLOCK_MONOTONIC_COARSE, &at); // steady_clock is CLOCK_MONOTONIC, of which this is a sample
            return time_point{std::chrono::seconds{at.tv_sec} + std::chrono::nanoseconds{at.tv_nsec}};
        }
#endif
        return now();
    }
    // Whether `at` is still to come.  Needs: `seen` was recent() just now.
    bool ahead(time_point at, time_point seen) const noexcept { return at - seen > longest_tick || now() < at; }

private:
    // A tick is 1 to 10 ms; it comes late where a virtual machine was not running.
    static constexpr duration longest_tick = std::chrono::milliseconds{40};
    now_function told_;
};

} // namespace weir::detail
