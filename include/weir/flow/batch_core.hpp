// weir/flow/batch_core.hpp: the line of a batcher and its lanes, on nodes: who waits, who collects, who is under way.
// For:      authors of primitives.
//
// A request is            and lies in            a cancel
//   pending                its caller's frame     takes it out of the line; nobody has seen it
//   dispatched             the lane               leaves its place without an owner; the answer is dropped there
//   answered               (its caller's frame)   comes too late
// So a caller may go at any moment, and a handler never reads a frame that is not the lane's.
//
// A lane is
//   idle        suspended, in the list of idle lanes
//   collecting  on its way to take a batch: queued on an executor, or lingering
//   under way   it has a batch; the handler runs
#pragma once

#include <weir/coro/waiter.hpp>
#include <weir/cpu/spin_lock.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

namespace weir::detail {

class batch_core;
class batch_lane;

// One who waits for its answer.
class batch_caller : public waiter {
protected:
    explicit batch_caller(batch_core& of) noexcept : waiter{&leave}, core_{of} {}
    // Gives back the lane that it has borrowed, if it is a handler that asks its own batcher.
    void settle() noexcept;

    batch_core& core_;
    std::error_code refused_;

private:
    friend batch_core;
    friend batch_lane;
    static void leave(waiter& self) noexcept;

    time_point arrived_{};             // where there is a linger
    batch_lane* lane_ = nullptr;       // while dispatched
    batch_caller** place_ = nullptr;   // the lane's pointer to this, while dispatched
    bool lends_ = false;
};

// The parts of a lane that do not know what a request is.
class batch_lane : immovable {
public:
    context const& where() const noexcept { return where_; }
    // What the context of all that is done for this lane's batches says.
    void const* origin() const noexcept { return this; }
    std::size_t count() const noexcept { return count_; }
    // Who asked.  Needs: gathering; or its place to be claimed, then it is null where the caller has left.
    batch_caller* owner(std::size_t index) const noexcept { return owners_[index]; }
    void exchange_owners(std::size_t a, std::size_t b) noexcept;
    // Queues it where its context says.  Needs: it to be collecting, and not to run.
    void launch() noexcept { where_.executor.post(turn_); }
    // Lets those go who left while their requests were moved.
    void end_gathering() noexcept { gathering_.store(false, release); } // [gathered]

    batch_lane* next = nullptr; // among the idle ones

protected:
    batch_lane() noexcept { where_.origin = origin(); }
    ~batch_lane() = default;
    void resumes(std::coroutine_handle<> run) noexcept { turn_.resumes(run); }
    // Room for so many; `owners` is the new array.
    void widen(std::unique_ptr<batch_caller*[]> owners, std::size_t capacity) noexcept {
        owners_ = std::move(owners);
        capacity_ = capacity;
    }
    std::size_t capacity() const noexcept { return capacity_; }

    context where_;

private:
    friend batch_core;
    friend batch_caller;
    resume_job turn_;
    std::unique_ptr<batch_caller*[]> owners_; // J5
    std::size_t capacity_ = 0;
    std::size_t count_ = 0;
    atomic<bool> gathering_{false}; // raised under the lock
};

class batch_core : immovable {
public:
    struct limits {
        std::size_t max_items;
        std::size_t max_lanes;
        std::size_t max_pending;
        duration linger;
        executor_ref executor;
    };
    struct tally {
        std::uint64_t batches = 0;
        std::uint64_t items = 0;
        std::uint64_t left_before = 0;
        std::uint64_t left_after = 0;
        std::uint64_t refused = 0;
        std::size_t pending = 0;
        std::size_t lanes_busy = 0;
    };

    explicit batch_core(limits bounds) noexcept : bounds_{bounds} {}
    limits const& bounds() const noexcept { return bounds_; }
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
    bool enqueue(batch_caller& one, bool from_handler) noexcept;

    class linger_wait; // for a lane before it takes
    class rest_wait;   // for a lane after it has delivered
    class quiet_wait;  // for who drains

    // For a lane that runs.
    std::size_t wanted() noexcept; // how many it might take
    // Takes from the line what the lane has room for: their owners stay where they are until end_gathering.
    std::size_t take(batch_lane& lane) noexcept;
    // Claims those who still wait for places [from, to); their owners are the lane's to wake, the others become null.
    void claim(batch_lane& lane, std::size_t from, std::size_t to) noexcept;

private:
    friend batch_caller;

    bool quiet() const noexcept { return pending_count_ == 0 && active_ == 0; }
    bool wants_lane() const noexcept {
        return pending_count_ != 0 && (collecting_ == 0 || (pending_count_ - 1) / bounds_.max_items >= collecting_);
    }
    std::size_t lanes_allowed() const noexcept { return bounds_.max_lanes + lent_; }
    executor_ref next_executor() noexcept {
        return bounds_.executor ? bounds_.executor : pending_.front()->where().executor;
    }
    // A lane that is now collecting, for the caller to post; null where none is wanted or none may.
    batch_lane* start_lane() noexcept;
    // Whether a lane has nothing to linger for.
    bool enough() const noexcept {
        return pending_count_ >= bounds_.max_items || pending_count_ == 0 || shut_ || drainers_count_ != 0;
    }
    // The waiter of the lane that lingers, claimed, for the caller to wake; null where it may go on lingering.
    waiter* ring_if_enough() noexcept;

    // J1: `pending_count_` callers are linked in pending_, oldest first, each in phase waiting or claimed by a stop that is
    //     on its way; a caller is linked, dispatched (place_ is set), or known to nobody here.
    // J2: `active_` lanes are not idle, `collecting_` of them are collecting; active_ <= max_lanes + lent_ as lanes start.
    // J3: while there is a pending request, a lane is collecting, or as many as may be are under way; each looks again
    //     when it ends. So no request is forgotten.
    // J4: at most one lane lingers: a second one finds that the first suffices.
    // J5: owners_[i] of a lane under way is who asked what lies in place i, or null when it has left. It changes under
    //     the lock, or by the lane while gathering_ is raised, during which no caller gets away.
    spin_lock lock_;
    bool shut_ = false;
    limits const bounds_;
    intrusive_list<batch_caller> pending_;
    std::size_t pending_count_ = 0;
    std::size_t lanes_ = 0;
    std::size_t active_ = 0;
    std::size_t collecting_ = 0;
    std::size_t lent_ = 0; // handlers that wait for a request of their own
    intrusive_stack<batch_lane> idle_;
    waiter* lingering_ = nullptr;
    intrusive_list<waiter> drainers_;
    std::size_t drainers_count_ = 0;
    tally tally_;
};

inline void batch_lane::exchange_owners(std::size_t a, std::size_t b) noexcept {
    std::swap(owners_[a], owners_[b]);
    owners_[a]->place_ = &owners_[a];
    owners_[b]->place_ = &owners_[b];
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
            if (one.linked()) {
                one.unlink(); // keeps J1
                --core.pending_count_;
                ++core.tally_.left_before;
                rung = core.ring_if_enough(); // B8: nobody may be left to linger for
            } else if (one.place_) {
                if (one.lane_->gathering_.load(acquire)) { // [gathered] its request is being moved out of this frame
                    left = false;
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

inline waiter* batch_core::ring_if_enough() noexcept {
    if (!lingering_ || !enough()) return nullptr;
    waiter* const one = std::exchange(lingering_, nullptr);
    return one->claim() ? one : nullptr; // else its time has just come
}

inline bool batch_core::enqueue(batch_caller& one, bool from_handler) noexcept {
    if (bounds_.linger > duration::zero()) one.arrived_ = clock::now();
    batch_lane* started = nullptr;
    waiter* rung = nullptr;
    {
        spin_guard const held{lock_};
        if (shut_ || pending_count_ >= bounds_.max_pending) {
            one.refused_ = make_error_code(shut_ ? errc::closed : errc::overloaded);
            ++tally_.refused;
            one.complete_unpublished();
            return false;
        }
        if (!one.publish()) return false; // a stop has come
        pending_.push_back(one); // keeps J1
        ++pending_count_;
        if (from_handler) ++lent_;
        one.lends_ = from_handler;
        started = start_lane();
        rung = ring_if_enough();
    }
    // ---- the caller may run elsewhere; the batcher stays for the lanes in hand
    if (started) started->launch();
    if (rung) rung->wake();
    return true;
}

inline std::size_t batch_core::wanted() noexcept {
    spin_guard const held{lock_};
    return std::min(pending_count_, bounds_.max_items);
}

inline std::size_t batch_core::take(batch_lane& lane) noexcept {
    batch_lane* started = nullptr;
    {
        spin_guard const held{lock_};
        --collecting_;
        if (!wants_lane()) return 0; // all have left, or those who collect suffice
        std::size_t const count = std::min({pending_count_, bounds_.max_items, lane.capacity_});
        for (std::size_t n = 0; n < count; ++n) {
            batch_caller* const one = pending_.pop_front();
            lane.owners_[n] = one;
            one->place_ = &lane.owners_[n];
            one->lane_ = &lane;
        }
        lane.count_ = count;
        lane.gathering_.store(true, relaxed); // read under the lock
        pending_count_ -= count;
        ++tally_.batches;
        tally_.items += count;
        started = start_lane(); // keeps J3
    }
    if (started) started->launch();
    return lane.count_;
}

inline void batch_core::claim(batch_lane& lane, std::size_t from, std::size_t to) noexcept {
    spin_guard const held{lock_};
    for (std::size_t n = from; n < to; ++n) {
        batch_caller*& owner = lane.owners_[n];
        if (!owner) continue;
        owner->place_ = nullptr;
        if (!owner->claim()) owner = nullptr; // a stop has it
    }
}

inline void batch_core::shut() noexcept {
    waiter* rung = nullptr;
    {
        spin_guard const held{lock_};
        shut_ = true;
        rung = ring_if_enough();
    }
    if (rung) rung->wake();
}

inline batch_core::tally batch_core::figures() noexcept {
    spin_guard const held{lock_};
    tally now = tally_;
    now.pending = pending_count_;
    now.lanes_busy = active_ - collecting_;
    return now;
}

} // namespace weir::detail
