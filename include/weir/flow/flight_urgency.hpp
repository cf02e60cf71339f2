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
// A flight whose priority has risen is woken at the new one from its next wait on (coro/shared_priority.hpp).
// Not:      told to what the loader waits for already: another flight, for instance, keeps what it was told.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/shared_priority.hpp>

#include <algorithm>

namespace weir::inline v0 {

namespace detail {

class flight_urgency : public shared_priority {
public:
    // The one that this is done for; null where that is no flight.  Needs: to be called by work that is done for it.
    static flight_urgency* of_origin(void const* origin) noexcept {
        return static_cast<flight_urgency*>(shared_priority::of_origin(origin)); // nothing else shares one
    }

    // Threads: any. A look may be late by a join that nothing orders before it.
    time_point until() const noexcept { return until_.load(relaxed); } // a number: nothing is published by it

    // The rest under the shard's lock.
    void serves(context const& caller) noexcept;
    // It goes on although nobody waits for it.
    void has_time() noexcept { until_.store(no_deadline, relaxed); } // keeps U1, U2

private:
    // U1: until() is no earlier, and level() no lower, than what any caller had when it was linked; neither goes back.
    // U2: both are written under the shard's lock alone, so that of two who join at once neither undoes the other's.
    atomic<time_point> until_{time_point::min()};
};

} // namespace detail

// The deadline that holds now for what is done in the context `here`: for a flight the latest of its callers', unless a
// scope of its own has set an earlier one.  Cost: a load or two.
inline time_point deadline_of(context const& here) noexcept {
    auto const* const flight = detail::flight_urgency::of_origin(here.origin);
    return flight ? std::min(here.deadline, flight->until()) : here.deadline;
}

inline void detail::flight_urgency::serves(context const& caller) noexcept {
    time_point const until = deadline_of(caller);
    if (until > until_.load(relaxed)) until_.store(until, relaxed); // own words, by the lock: keeps U1, U2
    rises_to(priority_of(caller)); // the same
}

} // namespace weir
