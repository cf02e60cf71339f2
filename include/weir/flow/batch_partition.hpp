// weir/flow/batch_partition.hpp: those who ask a batcher for one partition: their line, and the lanes that work for it.
// Threads:  one at a time; the batcher's core locks.
// For:      authors of primitives.
//
// A partition is
//   spare   known by no number; it has nobody in line and no lane
//   live    found by its number, from its first request to the moment at which nothing of it is pending or under way
//   hungry  live; it wants a lane and may have one, but all lanes are taken: it is in the line for the next
// A batcher whose rules have no partitions has one that is always live.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/coro/waiter.hpp>
#include <weir/flow/batch_line.hpp>
#include <weir/flow/mix_hash.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace weir::inline v0::detail {

class batch_partition : public list_node, immovable { // linked while it is hungry
public:
    explicit batch_partition(twin_table& firsts) : line{firsts} {}

    // Whether a lane more would have something to take.
    bool wants_lane(std::size_t max_items, std::size_t max_weight) const noexcept {
        return !line.empty() && (collecting == 0 || line.fills_more_than(collecting, max_items, max_weight));
    }
    std::size_t under_way() const noexcept { return active - collecting; }
    bool over() const noexcept { return line.empty() && active == 0 && lent == 0; }

    // P1: `active` lanes work for it, `collecting` of these collect; active <= max_in_flight + lent as one starts.
    batch_line line;
    std::size_t active = 0;
    std::size_t collecting = 0;
    std::size_t lent = 0;        // handlers that wait for a request of their own
    waiter* lingering = nullptr; // the lane that does
    time_point lingers_until{};
    duration usual{}; // a moving mean of the time that a batch takes, where time matters

    batch_partition* next = nullptr; // among the spare ones, or in its bucket

private:
    friend class partition_table;
    std::uint64_t number_ = 0;
};

// The live partitions by their numbers, and the spare ones. Its size is fixed, so that nobody allocates under the lock.
class partition_table : immovable {
public:
    // Room for `most` at a time; none where there are no partitions.
    explicit partition_table(std::size_t most)
        : most_{most}, mask_{most != 0 ? std::bit_ceil(std::min<std::size_t>(most, 4096)) - 1 : 0},
          buckets_{most != 0 ? new batch_partition* [mask_ + 1] {} : nullptr} {}
    ~partition_table() {
        each([](batch_partition& one) { delete &one; });
        while (batch_partition* const one = spare_.pop()) delete one;
    }

    bool full() const noexcept { return live_ == most_; }
    std::size_t live() const noexcept { return live_; }
    // Adds one to the spare.
    void adopt(std::unique_ptr<batch_partition> one) noexcept { spare_.push(*one.release()); }
    // Null where that number is not live.
    batch_partition* find(std::uint64_t number) const noexcept {
        batch_partition* one = bucket(number);
        while (one && one->number_ != number) one = one->next;
        return one;
    }
    // Makes a spare one live; null where there is none.  Needs: not to be full, and a number that is not live.
    batch_partition* open(std::uint64_t number) noexcept {
        batch_partition* const one = spare_.pop();
        if (!one) return nullptr;
        one->number_ = number;
        one->usual = {};
        one->next = std::exchange(bucket(number), one);
        ++live_;
        return one;
    }
    // Forgets a live one.  Needs: it to be over.
    void forget(batch_partition& one) noexcept {
        if (one.linked()) one.unlink();
        batch_partition** link = &bucket(one.number_);
        while (*link != &one) link = &(*link)->next;
        *link = one.next;
        spare_.push(one);
        --live_;
    }
    // For each live one.  Cost: a look at each bucket.
    template <class Visit>
    void each(Visit visit) noexcept {
        for (std::size_t n = 0; buckets_ && n <= mask_; ++n)
            for (batch_partition* one = buckets_[n]; one;) visit(*std::exchange(one, one->next));
    }

private:
    batch_partition*& bucket(std::uint64_t number) const noexcept {
        return buckets_[static_cast<std::size_t>(mix_hash(number)) & mask_];
    }

    // There are as many partitions as have ever been live at a time, at most `most_`.
    std::size_t const most_;
    std::size_t live_ = 0;
    std::size_t const mask_;
    std::unique_ptr<batch_partition*[]> const buckets_;
    intrusive_stack<batch_partition> spare_;
};

} // namespace weir::detail
