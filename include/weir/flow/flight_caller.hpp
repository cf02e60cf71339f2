// weir/flow/flight_caller.hpp: one who asks a coalescer for a key: takes what is kept, joins a flight, or leads one.
// For:      authors of primitives.
#pragma once

#include <weir/base/platform.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/transfer.hpp>
#include <weir/flow/flight_landing.hpp>
#include <weir/flow/loader_flight.hpp>

#include <coroutine>
#include <cstdint>
#include <source_location>
#include <system_error>
#include <utility>

namespace weir::inline v0::detail {

// Whether what is kept will do.
enum class asks : unsigned char { usual, anew };

// `Of` is the coalescer; `K` how the key waits; `Load` what a flight is made with.
template <class Of, class K, class Load>
class flight_caller : flight_waiter {
    using flight = typename Of::flight;
    using value = typename Of::value_type;

public:
    flight_caller(Of& of, asks what, K&& key, Load&& load)
        : of_{of}, what_{what}, key_{std::forward<K>(key)}, load_{std::forward<Load>(load)} {}
    // A hit: it suspends nobody, and looks at no stop.
    bool await_ready() {
        if (!may_hit()) return false;
        hash_ = of_.hash_of(key_);
        flight_shard& in = of_.shard_of(hash_);
        if (in.policy) in.policy->sees_soon(hash_);
        time_point const seen = of_.rules_.clock.recent();
        spin_guard const held{in.lock};
        flight* const found = of_.find(in, hash_, key_);
        if (in.policy && !(found && in.policy->settled(*found))) in.policy->saw(hash_);
        return found && hit(in, *found, seen);
    }
    template <class Promise>
    WEIR_HANDS_OVER std::coroutine_handle<> await_suspend(
        std::coroutine_handle<Promise> self, std::source_location at = std::source_location::current()) noexcept {
        if (!listen(self, at)) return transfer(self);
        boarding how = boarding::settled;
        flight* led = nullptr;
        executor_ref const from = where().executor;
        WEIR_TRY { how = board(led); }
        WEIR_CATCH_ALL { // nothing is begun where something throws
            if (!flight_) thrown_.set_current_exception(); // else what is stale will do
            complete_unpublished();
        }
        if (how == boarding::settled) return transfer(self);
        // ---- the caller may run elsewhere
        if (how == boarding::joined) return std::noop_coroutine();
        return led->depart(from);
    }
    result<shared_value<value>> await_resume() {
        auto const ended = finish();
        if (thrown_.failed()) thrown_.take();
        if (refused_) return refused_;
        if (!ended) return ended.error();
        if (turned_away_) return errc::closed;
        return static_cast<flight&>(*flight_).hand_out();
    }

private:
    enum class boarding : unsigned char { settled, joined, led };

    bool may_hit() const noexcept { return of_.rules_.keeps && what_ == asks::usual; }
    bool hit(flight_shard& in, flight& found, time_point seen) noexcept;
    boarding board(flight*& led);
    boarding join(flight& found) noexcept;
    boarding settle() noexcept {
        complete_unpublished();
        return boarding::settled;
    }
    boarding refuse(std::error_code why) noexcept {
        if (!flight_) refused_ = why; // else what is stale will do
        return settle();
    }

    Of& of_;
    asks const what_;
    K key_;
    Load load_;
    std::uint64_t hash_ = 0;
    std::error_code refused_;
    outcome<void> thrown_;
};

// Whether what is kept answers, which the caller then has a hand on.  Needs: the shard's lock.
template <class Of, class K, class Load>
bool flight_caller<Of, K, Load>::hit(flight_shard& in, flight& found, time_point seen) noexcept {
    flight_core* const kept = found.kept();
    if (!kept) return false;
    if (!kept->fresh(seen)) {
        auto const& options = of_.rules_.options;
        // Past its time it answers while somebody loads it anew, or has just failed to.
        bool const answers = found.running() ? kept->stale_within(options.stale_while_revalidate, seen)
                                             : kept->quiet(seen) && kept->stale_within(options.stale_if_error, seen);
        if (!answers) return false;
        ++in.tally.stale_hits;
    }
    ++in.tally.hits;
    if (in.policy && kept == &found) in.policy->touch(*kept);
    kept->add(1);
    flight_ = kept;
    return true;
}

template <class Of, class K, class Load>
auto flight_caller<Of, K, Load>::board(flight*& led) -> boarding {
    if (!may_hit()) hash_ = of_.hash_of(key_);
    std::uint64_t const hash = hash_;
    flight_shard& in = of_.shard_of(hash);
    shard_ = &in;
    bool const keeps = of_.rules_.keeps;
    bool errand = false;
    {
        time_point const seen = keeps ? of_.rules_.clock.recent() : time_point{};
        flight_shard::guard held{in};
        if (in.closed) return refuse(make_error_code(errc::closed));
        if (flight* const found = of_.find(in, hash, key_)) {
            if (may_hit() && hit(in, *found, seen)) return settle();
            if (found->running()) return join(*found);
            if (may_hit() && found->stale_within(of_.rules_.options.stale_while_revalidate, seen)) {
                errand = true; // this one is answered, and sends the flight for those who come later
                ++in.tally.hits;
                ++in.tally.stale_hits;
                found->add(1);
                flight_ = found;
            }
        }
    }
    Of& of = of_; // the frame, and this with it, may be gone once we are linked
    asks const what = what_;
    if (auto const departs = of.gate_.depart(of.rules_.options.max_flights); !departs) return refuse(departs.error());
    flight_place place{of.gate_};
    flight& mine = load_.make(std::forward<K>(key_));
    counted_hand hand{mine};
    executor_ref const runs_on = of.rules_.options.executor ? of.rules_.options.executor : where().executor;
    mine.prepare(of.gate_, in, runs_on, priority_of(where()));
    // On an errand nobody waits for it.
    if (auto* const parent = flight_descent::of_origin(where().origin); parent && !errand) mine.descends_from(*parent);
    {
        time_point const seen = keeps ? of.rules_.clock.recent() : time_point{};
        flight_shard::guard held{in};
        if (in.closed) return refuse(make_error_code(errc::closed));
        // Somebody may have led meanwhile.
        flight* const found = of.find(in, hash, mine.key());
        if (found && errand && (found->running() || found->fresh(seen))) return settle();
        if (found && !errand && what == asks::usual && keeps && hit(in, *found, seen)) return settle();
        if (found && found->running()) return join(*found);
        if (errand) complete_unpublished();
        else if (!publish()) return boarding::settled; // a stop has come
        mine.enter(held, hash, found, seen);
        if (errand) mine.runs_for_nobody();
        else mine.take_on(*this);
    }
    // ---- unless it is on an errand, the caller may run elsewhere; the coalescer stays for the flight
    place.keep();
    hand.keep();
    of.grow(in);
    if (errand) {
        mine.depart_alone();
        return boarding::settled;
    }
    led = &mine;
    return boarding::led;
}

template <class Of, class K, class Load>
auto flight_caller<Of, K, Load>::join(flight& found) noexcept -> boarding {
    if (auto const* const asks_for = flight_descent::of_origin(where().origin); // S9: its own loader asks
        asks_for && found.waits_for_itself(*asks_for))
        return refuse(make_error_code(errc::self_deadlock));
    if (found.waiting() >= of_.rules_.options.max_waiters) return refuse(make_error_code(errc::overloaded));
    if (!publish()) return boarding::settled; // a stop has come
    ++shard_->tally.joins;
    found.take_on(*this);
    return boarding::joined;
}

} // namespace weir::detail
