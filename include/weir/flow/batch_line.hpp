// weir/flow/batch_line.hpp: the requests of a batcher that are not sent yet: how many, how heavy, and which go next.
// Order:    first come, first served.
// Threads:  one at a time; its owner locks.
// For:      authors of primitives.
#pragma once

#include <weir/base/intrusive.hpp>
#include <weir/coro/context.hpp>
#include <weir/flow/batch_lane.hpp>
#include <weir/flow/batch_twins.hpp>
#include <weir/flow/flight_urgency.hpp>

#include <algorithm>
#include <cstddef>

namespace weir::inline v0::detail {

class batch_line : immovable {
public:
    // `firsts` is for requests that may be shared; other lines may use it, too.
    explicit batch_line(twin_table& firsts) noexcept : firsts_{firsts} {}

    bool empty() const noexcept { return count_ == 0; }
    std::size_t count() const noexcept { return count_; }
    batch_caller* front() noexcept { return callers_.front(); }

    // Who is in line with the same request; null where there is none.
    batch_caller* find_equal(batch_caller const& one) const noexcept {
        batch_twins* const found = one.twins_ ? firsts_.find(*one.twins_) : nullptr;
        return found ? &found->asker() : nullptr;
    }
    // Lets `one` share the request of `first`.
    void join(batch_caller& one, batch_caller& first, duration usual) noexcept {
        one.follows_ = true;
        first.twins_->others.push_back(one);
        first.twins_->due = std::min(first.twins_->due, due_for(one, usual));
    }
    // Where there are no rules, `Ruled` is false: nobody has a weight or twins.
    template <bool Ruled>
    void push_back(batch_caller& one) noexcept {
        callers_.push_back(one);
        if constexpr (Ruled) count_in(one);
        else ++count_;
    }
    // Needs: one that is linked here, and shares its request with nobody.
    void remove(batch_caller& one) noexcept {
        one.unlink();
        count_out(one);
    }
    // Takes `one` out, and puts who shares its request in its place.  Returns: whether there was anybody.
    bool bequeath(batch_caller& one) noexcept {
        batch_caller* const heir = next_of(one);
        if (!heir) return false;
        callers_.replace(one, *heir);
        heir->arrived_ = one.arrived_; // keeps L1: its request is as old as its place
        count_out(one);
        count_in(*heir);
        return true;
    }
    // The first of those who share the request of `one`, with the others behind it; null where there are none.
    static batch_caller* next_of(batch_caller& one) noexcept {
        batch_caller* const heir = one.twins_ ? one.twins_->others.pop_front() : nullptr;
        if (!heir) return nullptr;
        heir->follows_ = false;
        heir->twins_->others.splice(one.twins_->others);
        heir->twins_->due = one.twins_->due;
        return heir;
    }
    // Takes out the first; null where there is none, or where it is heavier than `room`, which then stays as it was.
    template <bool Ruled>
    batch_caller* pop_within(std::size_t& room) noexcept {
        batch_caller* const one = callers_.front();
        if constexpr (!Ruled) {
            if (!one) return nullptr;
            one->unlink();
            --count_;
            return one;
        }
        if (!one || one->weight_ > room) return nullptr;
        room -= one->weight_;
        remove(*one);
        return one;
    }

    // Whether they fill more batches than `batches`.
    bool fills_more_than(std::size_t batches, std::size_t max_items, std::size_t max_weight) const noexcept {
        return count_ != 0 &&
               ((count_ - 1) / max_items >= batches || (weight_ != 0 && (weight_ - 1) / max_weight >= batches));
    }
    // Whether they fill one.
    bool fills(std::size_t max_items, std::size_t max_weight) const noexcept {
        return count_ >= max_items || weight_ >= max_weight;
    }

    // When the batch of all that wait must be sent: the first has waited for `linger`, or an answer that takes `usual`
    // would come too late for somebody.  Needs: not to be empty.  Cost: a look at each.
    time_point due(duration linger, duration usual) noexcept {
        time_point const oldest = callers_.front()->arrived_;
        time_point at = linger < no_deadline - oldest ? oldest + linger : no_deadline;
        for (batch_caller* one = callers_.front(); one; one = callers_.next(*one))
            at = std::min({at, due_for(*one, usual), one->twins_ ? one->twins_->due : no_deadline});
        return at;
    }
    // The latest moment at which `one` should be sent for the sake of its own deadline: twice the usual time before it,
    // and a quarter of all the time it has, as the usual time may not be known yet.
    static time_point due_for(batch_caller const& one, duration usual) noexcept {
        time_point const deadline = deadline_of(one.where());
        if (deadline == no_deadline) return no_deadline;
        if (deadline <= one.arrived_) return one.arrived_;
        duration const given = deadline - one.arrived_;
        return deadline - std::clamp(2 * usual, given / 4, given);
    }

private:
    void count_in(batch_caller& one) noexcept {
        ++count_;
        weight_ += one.weight_;
        if (one.twins_) firsts_.insert(*one.twins_); // keeps L2
    }
    void count_out(batch_caller& one) noexcept {
        --count_;
        weight_ -= one.weight_;
        if (one.twins_) firsts_.erase(*one.twins_); // keeps L2
    }

    // L1: exactly count_ callers are linked, oldest first, and weight_ is the sum of their weights.
    // L2: where requests may be shared, those of callers_ are all different, and firsts_ has them all; who asks for the
    //     same as one of them is among its `others`.
    intrusive_list<batch_caller> callers_;
    twin_table& firsts_;
    std::size_t count_ = 0;
    std::size_t weight_ = 0;
};

} // namespace weir::detail
