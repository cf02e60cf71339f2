// weir/flow/coalescer_options.hpp: what a coalescer is told at its beginning, and what it tells of itself.
#pragma once

#include <weir/coro/context.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace weir::inline v0 {

class histogram;

class coalescer_options {
public:
    coalescer_options() noexcept {}

    std::size_t max_flights = std::numeric_limits<std::size_t>::max(); // more are refused with errc::overloaded
    std::size_t max_waiters = std::numeric_limits<std::size_t>::max(); // for one flight, its leader included; likewise
    std::size_t shards = 16; // rounded up to a power of two
    // Where flights run; where it is empty, each on the executor of who leads it. That one must outlive the flight, even
    // if the leader has left: so set it where callers bring executors that come and go.
    // Of the queues that it has for priorities (executor::at) a flight goes through that of its most urgent caller.
    executor_ref executor;
    // Lets a flight that everybody has left go on, so that what it brings can be kept; otherwise it is asked to stop.
    bool finishes_abandoned = false;

    // How long a value is kept; zero: not at all, duration::max(): until it is invalidated or must make room.
    duration time_to_live{};
    // The same for an error or an exception, so that what fails is not asked at every call. What says only that nobody
    // waited or that there was no room (cancelled, closed, overloaded, self_deadlock, shut_down) is never kept.
    duration negative_time_to_live{};
    // Each lifetime is longer or shorter by up to this share, so that what was loaded together does not end together.
    double jitter = 0.05;
    // For so long after its time a value still answers at once, while one flight loads it anew.
    duration stale_while_revalidate{};
    // For so long after its time a value stands in for an error that a flight has brought.
    duration stale_if_error{};

    // How much is kept: so many entries, and so much weight, whatever unit the coalescer's Weight counts in. Each shard
    // has an equal part, and there are fewer shards where the parts would be small. Entries that are asked for often
    // stay (flow/entry_policy.hpp); one that is being loaded anew counts as a flight meanwhile.
    std::size_t max_entries = std::numeric_limits<std::size_t>::max();
    std::size_t max_weight = std::numeric_limits<std::size_t>::max();

    // Whose time lifetimes are measured in; steady_clock where it is null.
    time_point (*now)() noexcept = nullptr;

    // Has the time that each flight takes recorded in `into`, which must outlive the coalescer.
    template <std::same_as<histogram> Into> // a template, so that who does not ask for it pays for no histogram
    void record_load_times(Into& into) noexcept {
        load_times_ = &into;
        record_ = [](histogram& to, duration took) noexcept { static_cast<Into&>(to).record(took); };
    }
    histogram* load_times() const noexcept { return load_times_; } // null where nobody wants to know
    // Needs: load_times().
    void record(duration took) const noexcept { record_(*load_times_, took); }

    bool keeps() const noexcept { return time_to_live > duration::zero() || negative_time_to_live > duration::zero(); }
    // Whether something that is kept may be past its time one day.
    bool ages() const noexcept {
        auto const ends = [](duration life) { return life > duration::zero() && life < duration::max(); };
        return ends(time_to_live) || ends(negative_time_to_live);
    }
    bool bounded() const noexcept {
        constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();
        return max_entries != unbounded || max_weight != unbounded;
    }

private:
    histogram* load_times_ = nullptr;
    void (*record_)(histogram&, duration) noexcept = nullptr;
};

// What has happened so far; a sum over shards that may be in motion.
struct coalescer_figures {
    std::uint64_t leads = 0;      // flights begun
    std::uint64_t joins = 0;      // callers who found one
    std::uint64_t hits = 0;       // callers who found what was kept
    std::uint64_t stale_hits = 0; // and it was past its time: because it was being loaded anew, or could not be
    std::uint64_t abandoned = 0;  // flights whose callers all left
    std::uint64_t failures = 0;   // flights that ended with an error or an exception
    std::uint64_t evictions = 0;  // entries that made room for others
    std::size_t in_flight = 0;    // now, those that wind down included
    std::size_t waiters = 0;      // now
    std::size_t entries = 0;      // kept now, those past their time included until somebody comes by
    std::size_t weight = 0;       // of these, where there is a bound on entries or weight
};

} // namespace weir
