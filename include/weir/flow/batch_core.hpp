// weir/flow/batch_core.hpp: the line of a batcher and its lanes, on nodes: who waits, who collects, who is under way.
// For:      authors of primitives.
#pragma once

#include <weir/coro/waiter.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/flow/batch_lane.hpp>
#include <weir/flow/batch_line.hpp>
#include <weir/sync/wait_queue.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

namespace weir {

// What becomes of a request that comes while `max_pending` others are in line.
enum class overflow : unsigned char {
    wait,        // it queues behind them, in its caller's own frame: a line of callers needs no bound on memory
    refuse,      // errc::overloaded
    shed_oldest, // errc::overloaded for the first in line, which has waited longest and may be of no use any more
};

} // namespace weir

namespace weir::detail {

class batch_core : immovable {
public:
    struct limits {
        std::size_t max_items;
        std::size_t max_weight;
        std::size_t max_lanes;
        std::size_t max_pending; // has no end where those who come may wait
        std::size_t bisect_calls;
        std::size_t buckets;     // for requests that may be shared; none where they may not
        weir::overflow overflow;
        duration linger;
        executor_ref executor;
    };
    struct tally {
        std::uint64_t batches = 0;
        std::uint64_t items = 0;
        std::uint64_t left_before = 0;
        std::uint64_t left_after = 0;
        std::uint64_t refused = 0;
        std::uint64_t shed = 0;
        std::uint64_t extra_calls = 0;
        std::uint64_t shared = 0;
        std::size_t pending = 0;
        std::size_t lanes_busy = 0;
    };

    explicit batch_core(limits bounds) : bounds_{bounds}, room_{bounds.max_pending}, line_{bounds.buckets} {}
    limits const& bounds() const noexcept { return bounds_; }
    // Whether it looks at the clock.
    bool timed() const noexcept { return bounds_.linger > duration::zero(); }
    tally figures() noexcept;
    // Puts a new lane among the idle ones.
    void adopt(batch_lane& lane) noexcept {
        spin_guard const held{lock_};
        idle_.push(lane);
        ++lanes_;
    }
    // Whether one more borrowed lane would have to be made.
    bool short_of_lanes() noexcept {
        spin_guard const held{lock_};
        return lanes_ <= bounds_.max_lanes + lent_;
    }
    // Refuses from now on.
    void shut() noexcept;
    bool deserted() noexcept {
        spin_guard const held{lock_};
        return quiet();
    }

    // Second half of the caller's await_suspend. With `from_handler` it borrows a lane until it has its answer.
    template <bool Ruled>
    WEIR_INLINE bool enqueue(batch_caller& one, bool from_handler) noexcept;

    class linger_wait; // for a lane before it takes
    class rest_wait;   // for a lane after it has delivered
    class quiet_wait;  // for who drains

    // For a lane that runs.
    std::size_t wanted() noexcept; // how many it might take
    // Takes from the line what the lane has room for: their owners stay where they are until end_gathering.
    template <bool Ruled>
    std::size_t take(batch_lane& lane) noexcept;
    // The last call of its handler has ended; so many were made beyond the first.
    void note_end(batch_lane& lane, std::size_t extra_calls) noexcept;
    // Claims those who still wait for places [from, to); their owners are the lane's to wake, the others become null.
    void claim(batch_lane& lane, std::size_t from, std::size_t to) noexcept;
    // Those who share place `index`, one after the other, claimed; null when there are no more. One place at a time, and
    // before it is itself claimed.
    batch_caller* next_sharer(batch_lane& lane, std::size_t index) noexcept;

private:
    friend batch_caller;

    bool quiet() const noexcept { return line_.empty() && active_ == 0; }
    bool wants_lane() const noexcept {
        return !line_.empty() &&
               (collecting_ == 0 || line_.fills_more_than(collecting_, bounds_.max_items, bounds_.max_weight));
    }
    std::size_t lanes_allowed() const noexcept { return bounds_.max_lanes + lent_; }
    executor_ref next_executor() noexcept {
        return bounds_.executor ? bounds_.executor : line_.front()->where().executor;
    }
    // A lane that is now collecting, for the caller to post; null where none is wanted or none may.
    batch_lane* start_lane() noexcept;
    // Whether a lane has nothing to linger for.
    bool enough() const noexcept {
        return line_.fills(bounds_.max_items, bounds_.max_weight) || line_.empty() || shut_ || drainers_count_ != 0;
    }
    // The waiter of the lane that lingers, claimed, for the caller to wake; null where there is none.
    waiter* ring() noexcept;
    waiter* ring_if_enough() noexcept { return lingering_ && enough() ? ring() : nullptr; }
    // The same, where the line has become due sooner by `one`.
    WEIR_COLD waiter* ring_for(batch_caller const& one) noexcept {
        return enough() || batch_line::due_for(one, usual_) < lingers_until_ ? ring() : nullptr; // keeps J4
    }
    // Whether a line that is shut or full has no place for `one`; then it has been told.
    WEIR_COLD inline bool refuses(batch_caller& one) noexcept;
    // Takes the first request out of the line and refuses it; those who must be woken are added to `shed`.
    WEIR_COLD inline void shed_first(wake_list& shed) noexcept;

    // J1: the callers in line_ are each in phase waiting or claimed by a stop that is on its way; a caller is in line_,
    //     dispatched (place_ is set), or known to nobody here.
    // J2: `active_` lanes are not idle, `collecting_` of these collect; active_ <= max_lanes + lent_ as one starts.
    // J3: while there is a pending request, a lane is collecting, or as many as may be are under way; each looks again
    //     when it ends. So no request is forgotten.
    // J4: at most one lane lingers: a second one finds that the first suffices. It does so until lingers_until_ at most,
    //     which is not after the line is due.
    // J5: owners_[i] of a lane under way is who asked what lies in place i, or null when it has left. It changes under
    //     the lock, or by the lane while gathering_ is raised, during which no caller gets away.
    spin_lock lock_;
    bool shut_ = false;
    limits const bounds_;
    std::size_t room_; // how many may be pending: none once it is shut
    batch_line line_;
    std::size_t lanes_ = 0;
    std::size_t active_ = 0;
    std::size_t collecting_ = 0;
    std::size_t lent_ = 0; // handlers that wait for a request of their own
    intrusive_stack<batch_lane> idle_;
    waiter* lingering_ = nullptr;
    time_point lingers_until_{};
    duration usual_{}; // a moving mean of the time that a batch takes, where time matters
    intrusive_list<waiter> drainers_;
    std::size_t drainers_count_ = 0;
    tally tally_;
};

inline void batch_caller::weighs(std::size_t weight) noexcept {
    weight_ = std::clamp<std::size_t>(weight, 1, core_.bounds().max_weight);
}

inline void batch_caller::settle() noexcept {
    if (!lends_) return; // the batcher may be gone
    spin_guard const held{core_.lock_};
    --core_.lent_;
}

inline void batch_caller::leave(waiter& self) noexcept {
    auto& one = static_cast<batch_caller&>(self);
    batch_core& core = one.core_;
    waiter* rung = nullptr;
    backoff wait;
    for (bool left = false; !left;) {
        {
            spin_guard const held{core.lock_};
            left = true;
            if (one.follows_) {
                if (one.linked()) one.unlink(); // the request is not its own
            } else if (one.linked()) {
                if (core.line_.bequeath(one)) break;
                core.line_.remove(one); // keeps J1
                ++core.tally_.left_before;
                rung = core.ring_if_enough(); // B8: nobody may be left to linger for
            } else if (one.place_) {
                if (one.lane_->gathering_.load(acquire)) { // [gathered] its request is being moved out of this frame
                    left = false;
                } else if (batch_caller* const heir = batch_line::next_of(one)) {
                    heir->lane_ = one.lane_;
                    heir->place_ = std::exchange(one.place_, nullptr);
                    *heir->place_ = heir; // keeps J5
                } else {
                    *std::exchange(one.place_, nullptr) = nullptr; // keeps J5
                    ++core.tally_.left_after;
                }
            }
        }
        if (!left) wait();
    }
    // ---- the batcher may be gone, unless somebody is rung
    if (rung) rung->wake();
}

inline batch_lane* batch_core::start_lane() noexcept {
    if (!wants_lane() || active_ >= lanes_allowed()) return nullptr; // keeps J3: those under way will look
    batch_lane* const lane = idle_.pop();
    if (!lane) return nullptr;
    ++active_;
    ++collecting_;
    lane->where_.executor = next_executor();
    return lane;
}

inline waiter* batch_core::ring() noexcept {
    waiter* const one = std::exchange(lingering_, nullptr);
    return one->claim() ? one : nullptr; // else its time has just come
}

bool batch_core::refuses(batch_caller& one) noexcept {
    if (!shut_ && bounds_.overflow == overflow::shed_oldest && !line_.empty()) return false;
    one.refused_ = make_error_code(shut_ ? errc::closed : errc::overloaded);
    ++tally_.refused;
    one.complete_unpublished();
    return true;
}

void batch_core::shed_first(wake_list& shed) noexcept {
    ++tally_.shed;
    batch_caller* one = line_.front();
    line_.remove(*one);
    while (one) { // with all who share it
        batch_caller* const next = batch_line::next_of(*one);
        if (one->claim()) { // else a stop has it
            one->refused_ = make_error_code(errc::overloaded);
            shed.add(*one);
        }
        one = next;
    }
}

template <bool Ruled>
bool batch_core::enqueue(batch_caller& one, bool from_handler) noexcept {
    if (timed()) one.arrived_ = clock::now();
    batch_lane* started = nullptr;
    waiter* rung = nullptr;
    wake_list shed;
    {
        spin_guard const held{lock_};
        batch_caller* first = nullptr;
        if constexpr (Ruled) first = line_.find_equal(one);
        bool const full = !first && line_.count() >= room_;
        if ((full || (Ruled && shut_)) && refuses(one)) return false;
        if (!one.publish()) return false; // a stop has come
        if (full) shed_first(shed);
        if (first) {
            line_.join(one, *first, usual_);
            ++tally_.shared;
        } else {
            line_.push_back<Ruled>(one); // keeps J1
        }
        if (from_handler) ++lent_;
        one.lends_ = from_handler;
        started = start_lane();
        if (lingering_) rung = ring_for(one);
    }
    // ---- the caller may run elsewhere; the batcher stays for the lanes in hand, and for those who are shed
    shed.wake_all();
    if (started) started->launch();
    if (rung) rung->wake();
    return true;
}

inline std::size_t batch_core::wanted() noexcept {
    spin_guard const held{lock_};
    return std::min(line_.count(), bounds_.max_items);
}

template <bool Ruled>
std::size_t batch_core::take(batch_lane& lane) noexcept {
    if (timed()) lane.began_ = clock::now();
    batch_lane* started = nullptr;
    {
        spin_guard const held{lock_};
        --collecting_;
        if (!wants_lane()) return 0; // all have left, or those who collect suffice
        std::size_t const most = std::min(bounds_.max_items, lane.capacity_);
        std::size_t room = bounds_.max_weight;
        std::size_t count = 0;
        while (count < most) {
            batch_caller* const one = line_.pop_within<Ruled>(room); // the first fits: nobody weighs more than max_weight
            if (!one) break;
            lane.owners_[count] = one;
            one->place_ = &lane.owners_[count];
            one->lane_ = &lane;
            ++count;
        }
        lane.count_ = count;
        lane.gathering_.store(true, relaxed); // read under the lock
        ++tally_.batches;
        tally_.items += count;
        started = start_lane(); // keeps J3
    }
    if (started) started->launch();
    return lane.count_;
}

inline void batch_core::note_end(batch_lane& lane, std::size_t extra_calls) noexcept {
    if (!timed() && extra_calls == 0) return;
    duration const took = timed() ? clock::now() - lane.began_ : duration::zero();
    spin_guard const held{lock_};
    tally_.extra_calls += extra_calls;
    usual_ += (took - usual_) / (usual_ == duration::zero() ? 1 : 8);
}

inline void batch_core::claim(batch_lane& lane, std::size_t from, std::size_t to) noexcept {
    spin_guard const held{lock_};
    for (std::size_t n = from; n < to; ++n) {
        batch_caller*& owner = lane.owners_[n];
        if (!owner) continue;
        owner->place_ = nullptr;
        if (owner->claim()) continue;
        owner = nullptr; // a stop has it
        ++tally_.left_after;
    }
}

inline batch_caller* batch_core::next_sharer(batch_lane& lane, std::size_t index) noexcept {
    spin_guard const held{lock_};
    batch_caller* const owner = lane.owners_[index];
    if (owner && owner->twins_) lane.sharers_.splice(owner->twins_->others); // from now on the owner has no heirs
    while (batch_caller* const one = lane.sharers_.pop_front())
        if (one->claim()) return one; // else a stop has it
    return nullptr;
}

inline void batch_core::shut() noexcept {
    waiter* rung = nullptr;
    {
        spin_guard const held{lock_};
        shut_ = true;
        room_ = 0;
        rung = ring_if_enough();
    }
    if (rung) rung->wake();
}

inline batch_core::tally batch_core::figures() noexcept {
    spin_guard const held{lock_};
    tally now = tally_;
    now.pending = line_.count();
    now.lanes_busy = active_ - collecting_;
    return now;
}

} // namespace weir::detail
