// weir/flow/batch_core.hpp: the partitions of a batcher and its lanes, on nodes: who waits, collects, is under way.
// A batcher without partitions is one of a single partition. Lanes belong to none: each works for one batch at a time,
// so there are as many as work at once, however many partitions come and go. How requests come and leave stands in
// batch_entry.hpp, what lanes do in batch_turn.hpp, how they wait in batch_waits.hpp.
// For:      authors of primitives.
#pragma once

#include <weir/coro/waiter.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/flow/batch_lane.hpp>
#include <weir/flow/batch_partition.hpp>
#include <weir/flow/batch_recorder.hpp>
#include <weir/flow/batch_tuner.hpp>
#include <weir/flow/batcher_options.hpp>
#include <weir/sync/wait_queue.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

namespace weir::inline v0::detail {

class batch_core : immovable {
public:
    struct limits {
        std::size_t max_items;
        std::size_t max_weight;
        std::size_t max_in_flight;  // of a partition
        std::size_t max_lanes;      // of all
        std::size_t max_pending;    // of a partition; has no end where those who come may wait
        std::size_t max_partitions; // live at a time; zero where there are none
        std::size_t bisect_calls;
        std::size_t buckets;        // for requests that may be shared; none where they may not
        weir::overflow overflow;
        duration linger;
        duration target; // of the tuner; zero where there is none
        executor_ref executor;
        batch_recorder recorder;
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
        std::size_t partitions = 0;
        std::size_t max_items = 0;
    };
    // What became of a request.
    enum class entry : unsigned char {
        waits,
        over,              // it has been told, or a stop has come
        lacks_a_lane,      // nothing has happened: one must be adopted first
        lacks_a_partition, // the same
    };

    explicit batch_core(limits bounds)
        : bounds_{bounds}, timed_{lingers() || bounds.recorder.timed()}, room_{bounds.max_pending},
          tuner_{bounds.target, bounds.max_items}, max_items_{tuned() ? tuner_.size() : bounds.max_items},
          firsts_{bounds.buckets}, whole_{firsts_}, table_{bounds.max_partitions} {}
    limits const& bounds() const noexcept { return bounds_; }
    // Whether it looks at the clock.
    bool timed() const noexcept { return timed_; }
    bool lingers() const noexcept { return bounds_.linger > duration::zero() || tuned(); }
    tally figures() noexcept;
    // Puts a new lane among the idle ones.
    void adopt(batch_lane& lane) noexcept {
        spin_guard const held{lock_};
        idle_.push(lane);
        ++lanes_;
    }
    void adopt(std::unique_ptr<batch_partition> one) noexcept {
        spin_guard const held{lock_};
        table_.adopt(std::move(one));
    }
    std::unique_ptr<batch_partition> make_partition() { return std::make_unique<batch_partition>(firsts_); }

    // Refuses from now on.
    void shut() noexcept;
    bool deserted() noexcept {
        spin_guard const held{lock_};
        return quiet();
    }

    // Second half of the caller's await_suspend. `number` is that of its partition, where there are any. With
    // `from_handler` it borrows a lane until it has its answer.
    template <bool Ruled>
    WEIR_INLINE entry enqueue(batch_caller& one, bool from_handler, std::uint64_t number) noexcept;

    class linger_wait; // for a lane before it takes
    class rest_wait;   // for a lane after it has delivered
    class quiet_wait;  // for who drains

    // For a lane that runs.
    std::size_t wanted(batch_lane const& lane) noexcept; // how many it might take
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

    bool tuned() const noexcept { return bounds_.target > duration::zero(); }
    bool quiet() const noexcept { return active_ == 0 && table_.live() == 0 && whole_.line.empty(); }
    bool may_start(batch_partition const& of) const noexcept {
        return of.wants_lane(max_items_, bounds_.max_weight) && of.active < bounds_.max_in_flight + of.lent;
    }
    std::size_t lanes_allowed() const noexcept { return bounds_.max_lanes + lent_; }
    executor_ref next_executor(batch_partition& of) noexcept {
        return bounds_.executor ? bounds_.executor : of.line.front()->where().executor;
    }
    // A lane that now collects for it, for the caller to launch; null where none is wanted or none may.
    batch_lane* start_lane(batch_partition& of) noexcept;
    void assign(batch_lane& lane, batch_partition& of) noexcept {
        ++of.active;
        ++of.collecting; // keeps P1
        ++collecting_;
        lane.partition_ = &of;
    }
    // The next that a lane which has ended its work for `done` should work for; null where there is none.
    batch_partition* next_for_lane(batch_partition& done) noexcept;
    void forget_if_over(batch_partition& one) noexcept {
        if (one.over() && &one != &whole_) table_.forget(one); // keeps J6
    }
    template <class Visit>
    void each_partition(Visit visit) noexcept {
        visit(whole_);
        table_.each(visit);
    }
    duration linger_of(batch_partition const& one) const noexcept {
        return tuned() ? tuner_.linger(one.usual) : bounds_.linger;
    }
    // Whether a lane has nothing to linger for.
    bool enough(batch_partition const& of) const noexcept {
        return of.line.fills(max_items_, bounds_.max_weight) || of.line.empty() || shut_ || drainers_count_ != 0 ||
               (tuned() && of.under_way() == 0);
    }
    // The waiter of the lane that lingers, claimed, for the caller to wake; null where there is none.
    waiter* ring(batch_partition& of) noexcept;
    waiter* ring_if_enough(batch_partition& of) noexcept { return of.lingering && enough(of) ? ring(of) : nullptr; }
    // The same, where the line has become due sooner by `one`.
    WEIR_COLD waiter* ring_for(batch_partition& of, batch_caller const& one) noexcept {
        return enough(of) || batch_line::due_for(one, of.usual) < of.lingers_until ? ring(of) : nullptr; // keeps J4
    }
    void ring_all_if_enough(wake_list& rung) noexcept {
        each_partition([&](batch_partition& of) {
            if (waiter* const one = ring_if_enough(of)) rung.add(*one);
        });
    }
    // Whether a line that is shut or full has no place for `one`; then it has been told.
    WEIR_COLD inline bool refuses(batch_caller& one, batch_partition& of) noexcept;
    WEIR_COLD inline entry refuse(batch_caller& one, errc why) noexcept;
    // Takes the first request out of the line and refuses it; those who must be woken are added to `shed`.
    WEIR_COLD inline void shed_first(batch_partition& of, wake_list& shed) noexcept;

    // J1: the callers in a line are each in phase waiting or claimed by a stop that is on its way; a caller is in a line,
    //     dispatched (place_ is set), or known to nobody here.
    // J2: active_ lanes are not idle, collecting_ of these collect; active_ <= max_lanes + lent_ as one starts. Each
    //     partition has its part of these (P1), and each lane that is not idle has the partition that it works for.
    // J3: while a partition has a pending request, a lane collects for it, or as many as it may have are under way, or it
    //     is hungry and all lanes are; each looks again when it ends. So no request is forgotten, and as the hungry are
    //     served in turns, none of them starves.
    // J4: at most one lane of a partition lingers: a second one finds that the first suffices. It does so until
    //     lingers_until at most, which is not after the line is due.
    // J5: owners_[i] of a lane under way is who asked what lies in place i, or null when it has left. It changes under
    //     the lock, or by the lane while gathering_ is raised, during which no caller gets away.
    // J6: a partition of the table that is over is forgotten before the lock is released.
    spin_lock lock_;
    bool shut_ = false;
    limits const bounds_;
    bool const timed_;
    std::size_t room_; // how many may be in a line: none once it is shut
    batch_tuner tuner_;
    std::size_t max_items_; // as large as a batch may be now
    twin_table firsts_;
    batch_partition whole_; // where there are no others
    partition_table table_;
    intrusive_list<batch_partition> hungry_;
    std::size_t lanes_ = 0;
    std::size_t active_ = 0;
    std::size_t collecting_ = 0;
    std::size_t lent_ = 0; // handlers that wait for a request of their own
    intrusive_stack<batch_lane> idle_;
    intrusive_list<waiter> drainers_;
    std::size_t drainers_count_ = 0;
    tally tally_;
};

inline waiter* batch_core::ring(batch_partition& of) noexcept {
    waiter* const one = std::exchange(of.lingering, nullptr);
    return one->claim() ? one : nullptr; // else its time has just come
}

inline void batch_core::shut() noexcept {
    wake_list rung;
    {
        spin_guard const held{lock_};
        shut_ = true;
        room_ = 0;
        ring_all_if_enough(rung);
    }
    rung.wake_all();
}

inline batch_core::tally batch_core::figures() noexcept {
    spin_guard const held{lock_};
    tally now = tally_;
    each_partition([&](batch_partition const& one) { now.pending += one.line.count(); });
    now.lanes_busy = active_ - collecting_;
    now.partitions = table_.live();
    now.max_items = max_items_;
    return now;
}

} // namespace weir::detail
