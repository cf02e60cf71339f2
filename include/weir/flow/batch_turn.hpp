// weir/flow/batch_turn.hpp: what a lane of a batcher does under the lock: for whom it works, what it takes and answers.
// For:      authors of primitives.
#pragma once

#include <weir/flow/batch_core.hpp>

#include <algorithm>
#include <cstddef>

namespace weir::inline v0::detail {

inline batch_lane* batch_core::start_lane(batch_partition& of) noexcept {
    if (!may_start(of)) return nullptr; // keeps J3: those under way will look
    batch_lane* const lane = active_ < lanes_allowed() ? idle_.pop() : nullptr;
    if (!lane) {
        if (!of.linked()) hungry_.push_back(of); // keeps J3
        return nullptr;
    }
    ++active_;
    assign(*lane, of);
    lane->where_.executor = next_executor(of);
    return lane;
}

inline batch_partition* batch_core::next_for_lane(batch_partition& done) noexcept {
    if (active_ > lanes_allowed()) return nullptr; // it was borrowed, and those who are left will look
    if (hungry_.empty()) return may_start(done) ? &done : nullptr;
    if (!done.linked() && may_start(done)) hungry_.push_back(done); // behind those who have waited longer
    while (batch_partition* const one = hungry_.pop_front())
        if (may_start(*one)) return one;
    return nullptr;
}

inline std::size_t batch_core::wanted(batch_lane const& lane) noexcept {
    spin_guard const held{lock_};
    return std::min(lane.partition_->line.count(), max_items_);
}

template <bool Ruled>
std::size_t batch_core::take(batch_lane& lane) noexcept {
    if (timed()) lane.began_ = clock::now();
    batch_lane* started = nullptr;
    {
        spin_guard const held{lock_};
        batch_partition& of = *lane.partition_;
        --of.collecting;
        --collecting_;
        if (!of.wants_lane(max_items_, bounds_.max_weight)) return 0; // all have left, or those who collect suffice
        std::size_t const most = std::min(max_items_, lane.capacity_);
        std::size_t room = bounds_.max_weight;
        std::size_t count = 0;
        while (count < most) {
            batch_caller* const one = of.line.pop_within<Ruled>(room); // the first fits: nobody is over max_weight
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
        started = start_lane(of); // keeps J3
    }
    if (started) started->launch();
    bounds_.recorder.size(lane.count_);
    if (bounds_.recorder.waits()) // nobody gets away before end_gathering
        for (std::size_t n = 0; n < lane.count_; ++n) bounds_.recorder.wait(lane.began_ - lane.owners_[n]->arrived_);
    return lane.count_;
}

inline void batch_core::note_end(batch_lane& lane, std::size_t extra_calls) noexcept {
    if (!timed() && extra_calls == 0) return;
    duration const took = timed() ? clock::now() - lane.began_ : duration::zero();
    bounds_.recorder.handler_time(took);
    spin_guard const held{lock_};
    tally_.extra_calls += extra_calls;
    duration& usual = lane.partition_->usual;
    usual += (took - usual) / (usual == duration::zero() ? 1 : 8);
    if (!tuned() || extra_calls != 0) return;
    tuner_.took(lane.count_, took);
    max_items_ = tuner_.size();
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

} // namespace weir::detail
