// weir/flow/flight_table.hpp: a hash table over links in its members, which grows and shrinks a bucket at a time.
// No insertion or removal does more than a few steps, so it may stand behind a spin lock; and an idle table gives all of
// its memory back. Buckets lie in segments of doubling size, which its owner allocates and frees outside the lock.
// Threads:  one at a time; its owner locks.
// Not:      owning, nor for equal keys: its owner looks before it inserts.
// For:      authors of primitives.
// Source:   W. Litwin, "Linear Hashing: A New Tool for File and Table Addressing", VLDB 1980; we split at a load of one,
//           and merge at a quarter.
#pragma once

#include <weir/base/immovable.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace weir::detail {

class table_node {
public:
    std::uint64_t hash() const noexcept { return hash_; }

private:
    friend class flight_table;
    table_node* next_ = nullptr;
    std::uint64_t hash_ = 0;
};

class flight_table : immovable {
public:
    using segment = std::unique_ptr<table_node*[]>;

    // Null when no member of that hash satisfies `match(table_node&)`.
    template <class Match>
    table_node* find(std::uint64_t hash, Match match) {
        for (table_node* one = bucket(index_of(hash)); one; one = one->next_)
            if (one->hash_ == hash && match(*one)) return one;
        return nullptr;
    }
    void insert(table_node& one, std::uint64_t hash) noexcept;
    // Needs: `one` to be a member.  Returns: a segment that is no longer used, for the caller to free.
    segment erase(table_node& one) noexcept;

    // Calls `each(table_node&)` for the members in the bucket at `cursor`, and gives the next cursor; 0 is the first, and
    // what comes after the last. Whatever comes and goes in between, and however the table grows or shrinks, each member
    // is met that was there all the time; some are met twice.  Needs: `each` leaves the table alone.
    // Source: P. Noordhuis's cursor of Redis' SCAN: it counts in the bits of the index from the highest down.
    template <class Each>
    std::size_t scan(std::size_t cursor, Each each) {
        std::size_t const size = std::bit_ceil(buckets_);
        cursor &= size - 1;
        for (table_node* one = bucket(index_of(cursor)); one; one = one->next_) each(*one);
        std::size_t bit = size / 2;
        for (; cursor & bit; bit /= 2) cursor -= bit;
        return cursor + bit;
    }

    // How many buckets the segment has that the table would grow into; 0 while it needs none.
    std::size_t wanted() const noexcept {
        return size_ > buckets_ && !segments_[segment_of(buckets_)] ? std::bit_floor(buckets_) : 0;
    }
    // Gives it a segment of `length` zeroed buckets, unless by now it wants another; then `fresh` is untouched.
    void adopt(segment& fresh, std::size_t length) noexcept {
        if (wanted() == length) segments_[segment_of(buckets_)] = std::move(fresh);
    }

    std::size_t size() const noexcept { return size_; }
    std::size_t buckets() const noexcept { return buckets_; }

private:
    static constexpr std::size_t first_buckets = 8;
    static constexpr std::size_t max_segments = 40;

    // Segment 0 holds the first eight buckets, segment k > 0 those from 4 * 2^k up to 8 * 2^k.
    static constexpr std::size_t segment_of(std::size_t index) noexcept {
        return index < first_buckets ? 0 : static_cast<std::size_t>(std::bit_width(index / first_buckets));
    }
    std::size_t index_of(std::uint64_t hash) const noexcept {
        std::size_t const mask = std::bit_ceil(buckets_) - 1;
        std::size_t const index = static_cast<std::size_t>(hash) & mask;
        return index < buckets_ ? index : index & (mask >> 1); // that one has not split yet
    }
    table_node*& bucket(std::size_t index) noexcept {
        std::size_t const k = segment_of(index);
        return k == 0 ? first_[index] : segments_[k][index - std::bit_floor(index)];
    }
    void split() noexcept;
    segment merge() noexcept;

    // F1: a member of hash h lies in bucket index_of(h); there are no others in it.
    // F2: every segment that a bucket below buckets_ lies in exists; at most one above does, and its buckets are empty.
    std::size_t size_ = 0;
    std::size_t buckets_ = first_buckets;
    std::array<table_node*, first_buckets> first_{};
    std::array<segment, max_segments> segments_; // the first is first_
};

inline void flight_table::insert(table_node& one, std::uint64_t hash) noexcept {
    one.hash_ = hash;
    table_node*& chain = bucket(index_of(hash));
    one.next_ = chain;
    chain = &one;
    ++size_;
    // Twice, so that it catches up after it had to wait for a segment.
    for (int steps = 0; steps < 2 && size_ > buckets_ && segments_[segment_of(buckets_)]; ++steps) split();
}

inline void flight_table::split() noexcept {
    std::size_t const top = std::bit_floor(buckets_);
    table_node* rest = std::exchange(bucket(buckets_ - top), nullptr);
    table_node*& low = bucket(buckets_ - top);
    table_node*& high = bucket(buckets_);
    while (rest) {
        table_node* const one = std::exchange(rest, rest->next_);
        table_node*& chain = one->hash_ & top ? high : low; // keeps F1
        one->next_ = chain;
        chain = one;
    }
    ++buckets_;
}

inline flight_table::segment flight_table::erase(table_node& one) noexcept {
    table_node** link = &bucket(index_of(one.hash_));
    while (*link != &one) link = &(*link)->next_;
    *link = one.next_;
    --size_;
    // Four buckets for each member that leaves: at a load of a quarter the table is gone when its last member is.
    segment unused;
    for (int steps = 0; steps < 4 && size_ < buckets_ / 4; ++steps) {
        if (buckets_ == first_buckets && !segments_[1]) break;
        if (segment left = merge()) unused = std::move(left); // sizes double: only one of four steps ends a segment
    }
    return unused;
}

inline flight_table::segment flight_table::merge() noexcept {
    if (std::has_single_bit(buckets_)) // one that was never split into
        if (segment& above = segments_[segment_of(buckets_)]) return std::move(above);
    std::size_t const last = buckets_ - 1;
    table_node* rest = std::exchange(bucket(last), nullptr);
    table_node*& low = bucket(last - std::bit_floor(last));
    while (rest) {
        table_node* const one = std::exchange(rest, rest->next_);
        one->next_ = low;
        low = one;
    }
    buckets_ = last; // keeps F1
    std::size_t const k = segment_of(last);
    if (last != std::bit_floor(last)) return nullptr;
    return std::move(segments_[k]); // keeps F2
}

} // namespace weir::detail
