// weir/flow/flight.hpp: one run of a loader, those who wait for it, and what it brought for as long as that is kept.
// A flight is a coroutine whose promise holds everything: key, waiters, stop source, outcome. So it is one allocation,
// and the handles to its value keep the frame, whose locals are gone by then; so does the coalescer that keeps the value.
// What its functions do stands in flow/flight_landing.hpp.
// For:      authors of primitives.
//
//   phase     in the table             who may come               ends
//   running   until it is invalidated  joins by the table         by landing, or when its last caller leaves
//   stopping  no                       nobody                     by landing; the loader has been asked to stop
//   kept      until it must go, or is  takes the value while it   when it is invalidated, replaced, evicted, or past its
//             loaded anew (F8)         is fresh                   time
//   done      no                       nobody                     when the last handle is let go
#pragma once

#include <weir/coro/waiter.hpp>
#include <weir/flow/flight_descent.hpp>
#include <weir/flow/flight_shard.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace weir::inline v0::detail {

// One who waits for a flight.
class flight_waiter : public waiter {
protected:
    flight_waiter() noexcept : waiter{&leave} {}

    flight_shard* shard_ = nullptr;
    // While linked, and after a flight has landed with it, or was found kept; then this is a hand on the flight.
    flight_core* flight_ = nullptr;
    bool turned_away_ = false; // the coalescer was closed

private:
    friend flight_core;
    static void leave(waiter& self) noexcept;
};

// How a flight ended: an error that passes is the caller's, not the key's, and is not kept.
enum class ending : unsigned char { value, error, passing_error };

class flight_core : public counted, public kept_node, public flight_descent {
public:
    context const& where() const noexcept { return context_; }
    stop_source& stops() noexcept { return stop_; }

    // The rest under the shard's lock.

    // Needs: the shard open. `elder` is the kept flight of the same key, or null.
    void enter(flight_shard::guard& held, std::uint64_t hash, flight_core* elder, time_point seen) noexcept;
    // Goes on although nobody waits for it.
    void runs_for_nobody() noexcept {
        errand_ = true;
        has_time();
    }
    // Links one for which publish has just succeeded.
    void take_on(flight_waiter& one) noexcept {
        one.flight_ = this;
        waiters_.push_back(one);
        serves(one.where());
        ++waiting_;
        ++shard_->tally.waiters;
    }
    std::size_t waiting() const noexcept { return waiting_; }
    bool running() const noexcept { return phase_ == phase::running; }
    // Nobody finds it any more, nor what it replaces, and what it brings will not be kept; its waiters stay.
    void forget(flight_shard::guard& held) noexcept;
    // From running to stopping. The caller asks `stops()`, without the lock and with a hand on the flight.
    void begin_stopping(flight_shard::guard& held) noexcept { retire(held, phase::stopping); }

    // What is kept of this flight's key: itself, or what it replaces; null where there is nothing.
    flight_core* kept() noexcept { return phase_ == phase::kept ? this : before_; }
    // Of one that is kept.  Needs: `seen` to be the clock's recent().
    bool fresh(time_point seen) const noexcept { return rules().clock.ahead(fresh_until_, seen); }
    // Past its time, but by less than `by`.
    bool stale_within(duration by, time_point seen) const noexcept {
        return succeeded_ && by > duration::zero() && rules().clock.ahead(later(fresh_until_, by), seen);
    }
    // Whether a flight has failed so lately that none is begun.
    bool quiet(time_point seen) const noexcept { return rules().clock.ahead(quiet_until_, seen); }
    bool succeeded() const noexcept { return succeeded_; }
    // Whether it may still be handed out in some way.
    bool useful(time_point seen) const noexcept {
        return fresh(seen) || stale_within(rules().longest_stale(), seen);
    }

    // Sends everybody away who still waits.  Needs: a hand on it, no lock.
    void turn_away() noexcept;

protected:
    explicit flight_core(destroy_function destroy) noexcept : counted{destroy} {}

    void prepare(flight_gate& gate, flight_shard& shard, executor_ref runs_on, priority urgency) noexcept {
        gate_ = &gate;
        shard_ = &shard;
        context_ = context{runs_on.at(urgency)}.with_stop(stop_.token());
        context_.priority = urgency;
        is_given(urgency);
        context_.origin = origin();
        if (rules().options.load_times()) began_ = clock::now();
    }
    keep_rules& rules() const noexcept { return *shard_->rules; }
    // The end: unlists or keeps, publishes, wakes; gives back who may go on at once, or nobody. The flight may be gone
    // after it.
    std::coroutine_handle<> land(ending how, std::size_t weight) noexcept;

private:
    friend flight_waiter;
    enum class phase : unsigned char { running, stopping, kept, done };

    void retire(flight_shard::guard& held, phase to) noexcept;
    bool keep(flight_shard::guard& held, bool succeeded, std::size_t weight, time_point now) noexcept;
    void put_back(flight_shard::guard& held) noexcept;
    void leave_policy() noexcept {
        if (shard_->policy) shard_->policy->remove(*this);
        --shard_->tally.entries;
    }
    void make_room(flight_shard::guard& held) noexcept;
    flight_core* conclude(flight_shard::guard& held, ending how, std::size_t weight, time_point now) noexcept;

    // Takes out up to a batch of waiters, claimed; true while there may be more. So many are woken in bounded turns, and
    // the other keys of the shard get at it in between.
    template <class Each>
    bool claim_some(Each each) noexcept {
        for (int n = 0; n < 64; ++n) {
            waiter* const one = waiters_.pop_front();
            if (!one) return false;
            --waiting_;
            --shard_->tally.waiters;
            if (one->claim()) each(static_cast<flight_waiter&>(*one)); // else a stop has it
        }
        return true;
    }

    // F5: a waiter in the list is in phase waiting, or a stop has claimed it and is on its way to take it out.
    // F6: a running flight has a waiter or is on an errand, save for the moment between an unlink and the change to
    //     stopping, under the lock.
    // F7: hands: one of the run until it has landed, one of the table or of the flight that replaces it while it is kept,
    //     one for each waiter that it woke or that found it kept, one for each handle.
    // F8: a kept flight is in the table, or it is before_ of the running flight of its key, which is.
    // F9: only a flight in the table becomes kept: what was invalidated while it ran fills nothing.
    // F10: a flight is in the lists of its shard's policy exactly while it is kept and in the table.
    intrusive_list<waiter> waiters_;
    std::size_t waiting_ = 0;
    phase phase_ = phase::running;
    bool in_table_ = false;
    bool errand_ = false;
    bool succeeded_ = false;        // once kept
    flight_core* before_ = nullptr; // what it replaces, with a hand on it
    time_point fresh_until_{};      // once kept
    time_point quiet_until_{};      // likewise
    time_point began_{};            // where somebody wants to know
    flight_gate* gate_ = nullptr;
    flight_shard* shard_ = nullptr;
    stop_source stop_;
    context context_;
};

inline void flight_waiter::leave(waiter& self) noexcept {
    auto& one = static_cast<flight_waiter&>(self);
    flight_core* deserted = nullptr;
    {
        flight_shard::guard held{*one.shard_};
        if (!one.linked()) return; // a landing has passed it by
        flight_core& from = *one.flight_;
        one.unlink();
        --from.waiting_;
        --one.shard_->tally.waiters;
        if (from.waiting_ == 0 && !from.errand_ && from.phase_ == flight_core::phase::running) {
            ++one.shard_->tally.abandoned;
            if (one.shard_->rules->options.finishes_abandoned && from.in_table_) {
                from.runs_for_nobody(); // keeps F6
                return;
            }
            from.begin_stopping(held); // keeps F6: at once, so that who comes next starts anew
            from.add(1);               // the run's hand is there while the phase is running
            deserted = &from;
        }
    }
    // ---- the coalescer may be gone once the flight has landed
    if (!deserted) return;
    counted_hand const hand{*deserted};
    deserted->stops().request_stop();
}

} // namespace weir::detail
