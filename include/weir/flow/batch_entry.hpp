// weir/flow/batch_entry.hpp: how a request comes to a batcher, and how its caller leaves before the answer.
// For:      authors of primitives.
#pragma once

#include <weir/cpu/pause.hpp>
#include <weir/flow/batch_core.hpp>
#include <weir/flow/batch_turn.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace weir::inline v0::detail {

inline void batch_caller::weighs(std::size_t weight) noexcept {
    weight_ = std::clamp<std::size_t>(weight, 1, core_.bounds().max_weight);
}

inline void batch_caller::settle() noexcept {
    if (!lends_) return; // the batcher may be gone
    spin_guard const held{core_.lock_};
    --core_.lent_;
    --partition_->lent;
    core_.forget_if_over(*partition_);
}

bool batch_core::refuses(batch_caller& one, batch_partition& of) noexcept {
    if (!shut_ && bounds_.overflow == overflow::shed_oldest && !of.line.empty()) return false;
    static_cast<void>(refuse(one, shut_ ? errc::closed : errc::overloaded));
    return true;
}

batch_core::entry batch_core::refuse(batch_caller& one, errc why) noexcept {
    one.refused_ = make_error_code(why);
    ++tally_.refused;
    one.complete_unpublished();
    return entry::over;
}

void batch_core::shed_first(batch_partition& of, wake_list& shed) noexcept {
    ++tally_.shed;
    batch_caller* one = of.line.front();
    of.line.remove(*one);
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
batch_core::entry batch_core::enqueue(batch_caller& one, bool from_handler, std::uint64_t number) noexcept {
    if (timed()) one.arrived_ = clock::now();
    batch_lane* started = nullptr;
    waiter* rung = nullptr;
    wake_list shed;
    {
        spin_guard const held{lock_};
        if (from_handler && lanes_ <= lanes_allowed()) return entry::lacks_a_lane;
        batch_partition* of = &whole_;
        batch_caller* first = nullptr;
        if constexpr (Ruled) {
            if (bounds_.max_partitions != 0) {
                if (shut_) return refuse(one, errc::closed);
                if (idle_.empty() && lanes_ < lanes_allowed()) return entry::lacks_a_lane;
                of = table_.find(number);
                if (!of) {
                    if (table_.full()) return refuse(one, errc::overloaded);
                    of = table_.open(number);
                    if (!of) return entry::lacks_a_partition;
                }
            }
            one.partition_ = of;
            first = of->line.find_equal(one);
        } else {
            one.partition_ = of;
        }
        bool const full = !first && of->line.count() >= room_;
        if (((full || (Ruled && shut_)) && refuses(one, *of)) || !one.publish()) { // else a stop has come
            if constexpr (Ruled) forget_if_over(*of);
            return entry::over;
        }
        if (full) shed_first(*of, shed);
        if (first) {
            of->line.join(one, *first, of->usual);
            ++tally_.shared;
        } else {
            of->line.push_back<Ruled>(one); // keeps J1
        }
        if (from_handler) {
            ++lent_;
            ++of->lent;
        }
        one.lends_ = from_handler;
        started = start_lane(*of);
        if (of->lingering) rung = ring_for(*of, one);
    }
    // ---- the caller may run elsewhere; the batcher stays for the lanes in hand, and for those who are shed
    shed.wake_all();
    if (started) started->launch();
    if (rung) rung->wake();
    return entry::waits;
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
                batch_partition& of = *one.partition_;
                if (of.line.bequeath(one)) break;
                of.line.remove(one); // keeps J1
                ++core.tally_.left_before;
                rung = core.ring_if_enough(of); // B8: nobody may be left to linger for
                core.forget_if_over(of);
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

} // namespace weir::detail
