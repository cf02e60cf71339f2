// weir/flow/flight_landing.hpp: how flights enter the table of their shard, land, are kept, and go.
// For:      authors of primitives.
#pragma once

#include <weir/flow/flight.hpp>
#include <weir/sync/wait_queue.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace weir::inline v0::detail {

inline void flight_core::enter(flight_shard::guard& held, std::uint64_t hash, flight_core* elder,
                               time_point seen) noexcept {
    if (rules().ages) {
        int looks = 0;
        auto const past = [&](flight_core& one) {
            ++looks;
            return &one != elder && !one.running() && !one.useful(seen);
        };
        // Two looks for each that comes: so what is past its time leaves sooner than new ones come.
        for (int n = 0; n < 2 && looks < 2; ++n) held.forget_some(shard_->sweeps_at, past);
    }
    if (elder && !elder->useful(seen)) {
        elder->forget(held);
    } else if (elder) {
        elder->leave_policy(); // keeps F10
        held.erase(*elder);
        elder->in_table_ = false;
        before_ = elder; // keeps F8: the table's hand is ours now
    }
    shard_->table.insert(*this, hash);
    shard_->running.push_back(*this); // keeps F4
    in_table_ = true;
    ++shard_->tally.leads;
}

inline void flight_core::forget(flight_shard::guard& held) noexcept {
    if (before_) held.drop(*std::exchange(before_, nullptr));
    if (!in_table_) return;
    held.erase(*this);
    in_table_ = false;
    if (phase_ != phase::kept) return;
    leave_policy(); // keeps F10
    phase_ = phase::done;
    held.drop(*this);
}

// From running to a phase in which nobody finds it.
inline void flight_core::retire(flight_shard::guard& held, phase to) noexcept {
    list_node::unlink(); // keeps F4
    phase_ = to;
    if (in_table_) {
        held.erase(*this);
        in_table_ = false;
        if (before_ && !shard_->closed) return put_back(held);
    }
    if (before_) held.drop(*std::exchange(before_, nullptr));
}

// What it was to replace stands in the table again.
inline void flight_core::put_back(flight_shard::guard& held) noexcept {
    flight_core& elder = *std::exchange(before_, nullptr);
    shard_->table.insert(elder, elder.hash());
    elder.in_table_ = true; // keeps F8: the table takes over the hand
    ++shard_->tally.entries;
    if (!shard_->policy) return;
    shard_->policy->add(elder, shard_->policy->weight_of(elder)); // keeps F10
    make_room(held);
}

// From running to kept, if it may be.
inline bool flight_core::keep(flight_shard::guard& held, bool succeeded, std::size_t weight, time_point now) noexcept {
    duration const life = rules().lifetime(succeeded);
    if (!in_table_ || shard_->closed || life <= duration::zero()) return false; // keeps F9
    if (shard_->policy && !shard_->policy->fits(weight)) return false;
    list_node::unlink(); // keeps F4
    phase_ = phase::kept;
    succeeded_ = succeeded;
    fresh_until_ = later(now, life);
    add(1); // keeps F7
    ++shard_->tally.entries;
    flight_core* const elder = std::exchange(before_, nullptr);
    if (shard_->policy) {
        if (elder) shard_->policy->inherit(*this, *elder);
        shard_->policy->add(*this, weight); // keeps F10
        make_room(held);                    // which may well be this one
    }
    if (elder) held.drop(*elder);
    return true;
}

inline void flight_core::make_room(flight_shard::guard& held) noexcept {
    while (kept_node* const victim = shard_->policy->excess()) {
        ++shard_->tally.evictions;
        auto& one = static_cast<flight_core&>(*victim);
        one.phase_ = phase::done;
        one.in_table_ = false;
        --shard_->tally.entries;
        held.erase(one);
        held.drop(one);
    }
}

// What becomes of it at its end.  Returns: whose outcome its callers get, with a hand on that, which may be the run's.
inline flight_core* flight_core::conclude(flight_shard::guard& held, ending how, std::size_t weight,
                                          time_point now) noexcept {
    if (phase_ != phase::running) {
        phase_ = phase::done;
        return this;
    }
    shard_->tally.failures += how != ending::value;
    flight_core* answers = this;
    if (rules().keeps) {
        if (how != ending::value && before_ && before_->useful(now)) { // an error displaces no value
            before_->quiet_until_ = later(now, rules().options.negative_time_to_live);
            if (before_->stale_within(rules().options.stale_if_error, now)) {
                answers = before_;
                answers->add(1);
                shard_->tally.stale_hits += waiting_;
            }
        } else if (how != ending::passing_error && keep(held, how == ending::value, weight, now)) {
            return this; // listed still: who asks again is given the value, or the error that is remembered
        } else if (before_) {
            held.drop(*std::exchange(before_, nullptr));
        }
    }
    retire(held, phase::done); // S4: unlisted before anybody goes on
    return answers;
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

inline std::coroutine_handle<> flight_core::land(ending how, std::size_t weight) noexcept {
    flight_gate& gate = *gate_;
    if (rules().options.load_times()) rules().options.record(clock::now() - began_);
    time_point const now = rules().keeps ? rules().clock.now() : time_point{};
    flight_core* from = nullptr;
    waiter* next = nullptr;
    for (bool more = true; more;) {
        wake_list woken;
        std::size_t hands = 0;
        {
            flight_shard::guard held{*shard_};
            if (!from) from = conclude(held, how, weight, now);
            more = claim_some([&](flight_waiter& one) {
                ++hands;
                one.flight_ = from;
                // The first who lives on this executor goes on at once, as the parent of a task does.
                if (!next && one.where().executor == context_.executor) next = &one;
                else woken.add(one);
            });
        }
        bool const another_answers = from != this;
        // keeps F7: a hand for each, and with the last ones goes that of the run
        if (more) from->add(hands);
        else if (hands > 1) from->add(hands - 1);
        else if (hands == 0) from->release();
        if (!more && another_answers) release();
        // ---- unless there are more, the flight may be gone
        woken.wake_all();
    }
    std::coroutine_handle<> const to = next ? next->handle() : std::noop_coroutine();
    gate.land();
    // ---- the coalescer may be gone
    return to;
}

inline void flight_shard::guard::drop(flight_core& one) noexcept { dropped_.push_back(one); }

inline void flight_shard::guard::release_dropped() noexcept {
    while (kept_node* const one = dropped_.pop_front()) static_cast<flight_core*>(one)->release();
}

template <class Goes>
bool flight_shard::guard::forget_some(std::size_t& cursor, Goes goes) {
    constexpr std::size_t at_once = 16;
    flight_core* going[at_once];
    std::size_t count = 0;
    bool more = false;
    std::size_t const next = of_.table.scan(cursor, [&](table_node& one) {
        auto& flight = static_cast<flight_core&>(one);
        if (!goes(flight)) return;
        if (count < at_once) going[count++] = &flight;
        else more = true;
    });
    // Behind the look, because the table changes with each.
    for (std::size_t n = 0; n < count; ++n) going[n]->forget(*this);
    if (!more) cursor = next; // else the rest of this bucket is next
    return more || next != 0;
}

} // namespace weir::detail
