// weir/flow/flight.hpp: one run of a loader, those who wait for it, and the shard of a coalescer that lists it.
// A flight is a coroutine whose promise holds everything: key, waiters, stop source, outcome. So it is one allocation, and
// the handles to its value keep the frame, whose locals are gone by then.
// For:      authors of primitives.
//
//   phase     in the table             who may come        ends
//   running   until it is invalidated  joins by the table  by landing, or when its last caller leaves
//   stopping  no                       nobody              by landing; the loader has been asked to stop
//   done      no                       nobody              when the last handle is let go
#pragma once

#include <weir/base/cache_line.hpp>
#include <weir/coro/waiter.hpp>
#include <weir/flow/flight_table.hpp>
#include <weir/flow/shared_value.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/wait_queue.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>

namespace weir::detail {

class flight_core;

// Figures of a shard, changed under its lock.
struct flight_tally {
    std::uint64_t leads = 0;
    std::uint64_t joins = 0;
    std::uint64_t abandoned = 0;
    std::uint64_t failures = 0;
};

// A part of the keys.  Threads: everything under `lock`.
struct alignas(cache_line) flight_shard : immovable {
    class guard;
    spin_lock lock;
    bool closed = false; // F3: once closed, nothing enters `running` or `table`
    flight_table table;  // the flights that may be joined
    intrusive_list<flight_core> running; // F4: exactly those in phase running; each of `table` is one of them
    flight_tally tally;
};

// Holds a shard, and frees what the table gives up once it has let go.
class flight_shard::guard : immovable {
public:
    explicit guard(flight_shard& of) noexcept : of_{of} { of_.lock.lock(); }
    ~guard() { of_.lock.unlock(); } // unused_ is freed behind it
    void erase(table_node& one) noexcept { unused_ = of_.table.erase(one); }

private:
    flight_shard& of_;
    flight_table::segment unused_;
};

// How many flights there are, for the bound on them and for who waits until there are none.
class flight_gate : immovable {
public:
    // Counts one more, or says why not.
    result<void> depart(std::size_t at_most) noexcept {
        std::uint64_t now = word_.load(relaxed); // the exchange decides
        do {
            if (now & shut_bit) return errc::closed;
            if (now / one_flight >= at_most) return errc::overloaded;
        } while (!word_.compare_exchange_weak(now, now + one_flight, relaxed, relaxed)); // a count: the shard publishes
        return {};
    }
    // The last touch of the coalescer by a flight.
    void land() noexcept {
        if (word_.fetch_sub(one_flight, acq_rel) == (one_flight | shut_bit)) empty_.set(); // [landed]
        // ---- the coalescer may be gone
    }
    // Lets nobody depart any more.
    void shut() noexcept {
        if (word_.fetch_or(shut_bit, acq_rel) == 0) empty_.set(); // [landed] G1: who makes it shut and empty raises it
    }
    auto wait_empty() noexcept { return empty_.wait(); }

    std::size_t count() const noexcept { return static_cast<std::size_t>(word_.load(relaxed) / one_flight); } // a hint
    // Whether nobody is left who would touch the coalescer.
    bool deserted() const noexcept {
        std::uint64_t const now = word_.load(acquire); // [landed]
        return now & shut_bit ? empty_.is_set() : now == 0;
    }

private:
    // Bit 0: shut; the rest: flights that departed and have not landed.
    static constexpr std::uint64_t shut_bit = 1;
    static constexpr std::uint64_t one_flight = 2;
    atomic<std::uint64_t> word_{0};
    event empty_;
};

// A place among the flights, given back unless a flight takes it over.
class flight_place : immovable {
public:
    explicit flight_place(flight_gate& gate) noexcept : gate_{&gate} {}
    ~flight_place() {
        if (gate_) gate_->land();
    }
    void keep() noexcept { gate_ = nullptr; }

private:
    flight_gate* gate_;
};

// One who waits for a flight.
class flight_waiter : public waiter {
protected:
    flight_waiter() noexcept : waiter{&leave} {}

    flight_shard* shard_ = nullptr;
    // While linked, and after a flight has landed with it; then this is a hand on the flight.
    flight_core* flight_ = nullptr;
    bool turned_away_ = false; // the coalescer was closed

private:
    friend flight_core;
    static void leave(waiter& self) noexcept;
};

class flight_core : public counted, public list_node, public table_node {
public:
    context const& where() const noexcept { return context_; }
    // What the context of all that is done for this flight says.
    void const* origin() const noexcept { return this; }
    stop_source& stops() noexcept { return stop_; }

    // The rest under the shard's lock.
    void enter(std::uint64_t hash) noexcept { // Needs: a guard, and the shard open
        shard_->table.insert(*this, hash);
        shard_->running.push_back(*this); // keeps F4
        in_table_ = true;
        ++shard_->tally.leads;
    }
    // Links one for which publish has just succeeded.
    void take_on(flight_waiter& one) noexcept {
        one.flight_ = this;
        waiters_.push_back(one);
        ++waiting_;
    }
    std::size_t waiting() const noexcept { return waiting_; }
    // Nobody finds it any more; its waiters stay.
    void unlist(flight_shard::guard& held) noexcept {
        if (in_table_) held.erase(*this);
        in_table_ = false;
    }
    // From running to stopping. The caller asks `stops()`, without the lock and with a hand on the flight.
    void begin_stopping(flight_shard::guard& held) noexcept { retire(held, phase::stopping); }

    // Sends everybody away who still waits.  Needs: a hand on it, no lock.
    void turn_away() noexcept;

protected:
    explicit flight_core(destroy_function destroy) noexcept : counted{destroy} {}

    void prepare(flight_gate& gate, flight_shard& shard, executor_ref runs_on, priority urgency) noexcept {
        gate_ = &gate;
        shard_ = &shard;
        context_ = context{runs_on}.with_stop(stop_.token());
        context_.priority = urgency;
        context_.origin = origin();
    }
    // The end: unlists, publishes, wakes; gives back who may go on at once, or nobody. The flight may be gone after it.
    std::coroutine_handle<> land(bool failed) noexcept;

private:
    friend flight_waiter;
    enum class phase : unsigned char { running, stopping, done };

    void retire(flight_shard::guard& held, phase to) noexcept {
        unlist(held);
        list_node::unlink(); // keeps F4
        phase_ = to;
    }
    // Takes out up to a batch of waiters, claimed; true while there may be more. So many are woken in bounded turns, and
    // the other keys of the shard get at it in between.
    template <class Each>
    bool claim_some(Each each) noexcept {
        for (int n = 0; n < 64; ++n) {
            waiter* const one = waiters_.pop_front();
            if (!one) return false;
            --waiting_;
            if (one->claim()) each(static_cast<flight_waiter&>(*one)); // else a stop has it
        }
        return true;
    }

    // F5: a waiter in the list is in phase waiting, or a stop has claimed it and is on its way to take it out.
    // F6: a running flight has a waiter, save for the moment between an unlink and the change to stopping, under the lock.
    // F7: hands: one of the run until it has landed, one for each waiter that it woke, one for each handle.
    intrusive_list<waiter> waiters_;
    std::size_t waiting_ = 0;
    phase phase_ = phase::running;
    bool in_table_ = false;
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
        if (from.waiting_ == 0 && from.phase_ == flight_core::phase::running) {
            from.begin_stopping(held); // keeps F6: at once, so that who comes next starts anew
            from.add(1);               // the run's hand is there while the phase is running
            ++one.shard_->tally.abandoned;
            deserted = &from;
        }
    }
    // ---- the coalescer may be gone once the flight has landed
    if (!deserted) return;
    counted_hand const hand{*deserted};
    deserted->stops().request_stop();
}

inline void flight_core::turn_away() noexcept {
    for (bool more = true; more;) {
        wake_list woken;
        {
            flight_shard::guard held{*shard_};
            more = claim_some([&](flight_waiter& one) {
                one.turned_away_ = true;
                woken.add(one);
            });
        }
        woken.wake_all();
    }
}

inline std::coroutine_handle<> flight_core::land(bool failed) noexcept {
    flight_gate& gate = *gate_;
    waiter* next = nullptr;
    for (bool more = true; more;) {
        wake_list woken;
        std::size_t hands = 0;
        {
            flight_shard::guard held{*shard_};
            if (phase_ == phase::running) {
                retire(held, phase::done); // S4: unlisted before anybody goes on
                shard_->tally.failures += failed;
            }
            phase_ = phase::done;
            more = claim_some([&](flight_waiter& one) {
                ++hands;
                // The first who lives on this executor goes on at once, as the parent of a task does.
                if (!next && one.where().executor == context_.executor) next = &one;
                else woken.add(one);
            });
        }
        // keeps F7: a hand for each, and with the last ones goes that of the run
        if (more) add(hands);
        else if (hands > 1) add(hands - 1);
        else if (hands == 0) release();
        // ---- unless there are more, the flight may be gone
        woken.wake_all();
    }
    std::coroutine_handle<> const to = next ? next->handle() : std::noop_coroutine();
    gate.land();
    // ---- the coalescer may be gone
    return to;
}

} // namespace weir::detail
