// weir/flow/flight_urgency.hpp: by when a flight's work is to be done, and before what else, as its callers have it now.
//     context const& here = co_await this_task();
//     if (deadline_of(here) - clock::now() < 20ms) co_return errc::timed_out; // too late for a second attempt
// A flight takes the highest priority and the latest deadline of its callers. Who joins may raise the one and put off the
// other while the loader runs, on several threads perhaps; so the context that it was given has no deadline, and the
// flight's own words are looked up by the context's origin, which whatever the loader awaits and narrows has inherited.
// A deadline informs; a flight has no timer for it. Each caller brings its own, which sends that caller away, and the
// flight is stopped by the last who leaves: so the end of an early deadline cannot end what a later one has extended.
// Who leaves takes nothing back: the loader has acted upon what it saw, and to find the next most urgent would be a walk
// over all callers under a lock for each of a crowd that leaves.
// Not:      told to what the loader waits for already: another flight, for instance, keeps what it was told. Nor is a
//           flight moved: it stays on the executor on which it began, in that queue of a runtime.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>

#include <algorithm>
#include <cstdint>

namespace weir {

namespace detail {

class flight_urgency : immovable {
public:
    // What context::origin says of work that is done for this one. Bit 0 tells a flight from a batch.
    void const* origin() const noexcept { return reinterpret_cast<char const*>(this) + 1; }
    // The one that this is done for; null where that is no flight.  Needs: to be called by work that is done for it.
    static flight_urgency* of_origin(void const* origin) noexcept {
        auto const bits = reinterpret_cast<std::uintptr_t>(origin);
        return bits & 1 ? reinterpret_cast<flight_urgency*>(bits - 1) : nullptr;
    }

    // Threads: any. A look may be late by a join that nothing orders before it.
    time_point until() const noexcept { return until_.load(relaxed); } // a number: nothing is published by it
    priority level() const noexcept { return level_.load(relaxed); }   // the same
    // What its context says, and a narrower one that does not say otherwise.
    priority given_level() const noexcept { return given_; }

    // Before it begins: its context has this priority.
    void is_given(priority level) noexcept {
        given_ = level;
        level_.store(level, relaxed); // not yet known to others
    }
    // The rest under the shard's lock.
    void serves(context const& caller) noexcept;
    // It goes on although nobody waits for it.
    void has_time() noexcept { until_.store(no_deadline, relaxed); } // keeps U1, U2

private:
    // U1: until_ is no earlier, and level_ no lower, than what any caller had when it was linked; neither goes back.
    // U2: both are written under the shard's lock alone, so that of two who join at once neither undoes the other's.
    atomic<time_point> until_{time_point::min()};
    atomic<priority> level_{priority::low};
    priority given_ = priority::low;
};

static_assert(alignof(flight_urgency) > 1);

} // namespace detail

// The deadline that holds now for what is done in the context `here`: for a flight the latest of its callers', unless a
// scope of its own has set an earlier one.  Cost: a load or two.
inline time_point deadline_of(context const& here) noexcept {
    auto const* const flight = detail::flight_urgency::of_origin(here.origin);
    return flight ? std::min(here.deadline, flight->until()) : here.deadline;
}

// The priority that holds now: for a flight the highest of its callers', unless what is done was given another.
inline priority priority_of(context const& here) noexcept {
    auto const* const flight = detail::flight_urgency::of_origin(here.origin);
    return flight && here.priority == flight->given_level() ? flight->level() : here.priority;
}

inline void detail::flight_urgency::serves(context const& caller) noexcept {
    time_point const until = deadline_of(caller);
    if (until > until_.load(relaxed)) until_.store(until, relaxed); // own words, by the lock: keeps U1, U2
    priority const wanted = priority_of(caller);
    if (wanted < level_.load(relaxed)) level_.store(wanted, relaxed); // the same; high is the least
}

} // namespace weir
