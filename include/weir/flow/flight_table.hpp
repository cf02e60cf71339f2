// weir/flow/flight_table.hpp: a hash table over links to its members, which grows and shrinks a bucket at a time.
// No insertion or removal does more than a few steps, so it may stand behind a spin lock; and an idle table gives all of
// its memory back. A bucket is a cache line that has a byte of each member's hash: so who looks reads that line and the
// member, and nobody else's. Buckets lie in segments of doubling size, which its owner makes and frees outside the lock.
// Threads:  one at a time; its owner locks.
// Not:      owning, nor for equal keys: its owner looks before it inserts.
// For:      authors of primitives.
// Source:   W. Litwin, "Linear Hashing: A New Tool for File and Table Addressing", VLDB 1980; we split at a load of three
//           a bucket, and merge at a quarter of that. Bytes of hashes that are compared all at once are from
//           M. Kulukundis, "Designing a Fast, Efficient, Cache-friendly Hash Table, Step by Step", CppCon 2017.
#pragma once

#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace weir::inline v0::detail {

class table_node {
public:
    std::uint64_t hash() const noexcept { return hash_; }

private:
    friend class flight_table;
    friend class table_bucket;
    table_node* next_ = nullptr;
    std::uint64_t hash_ = 0;
};

// Members whose hashes agree in the bits that choose a bucket.
class alignas(cache_line) table_bucket {
public:
    template <class Match>
    table_node* find(std::uint64_t hash, Match match) const {
        for (std::uint64_t found = where(tag_of(hash)); found; found &= found - 1) {
            table_node& one = *members_[static_cast<std::size_t>(std::countr_zero(found)) / 8];
            if (one.hash_ == hash && match(one)) return &one;
        }
        for (table_node* one = rest_; one; one = one->next_)
            if (one->hash_ == hash && match(*one)) return one;
        return nullptr;
    }
    template <class Each>
    void for_each(Each each) const {
        for (std::size_t n = 0; n < taken(); ++n) each(*members_[n]);
        for (table_node* one = rest_; one;) each(*std::exchange(one, one->next_)); // `each` may put it elsewhere
    }
    void put(table_node& one) noexcept;
    void remove(table_node& one) noexcept;

private:
    static constexpr std::size_t slots = 6;
    static constexpr std::uint64_t every_byte = 0x0101010101010101;

    static std::uint64_t tag_of(std::uint64_t hash) noexcept {
        std::uint64_t const top = hash >> 56; // the low bits choose the bucket
        return top == 0 ? 1 : top;            // 0 is a free slot
    }
    // The highest bit of each byte of tags_ that is `tag`, and no other bit.
    std::uint64_t where(std::uint64_t tag) const noexcept {
        constexpr std::uint64_t low = 0x7f * every_byte;
        std::uint64_t const differs = tags_ ^ tag * every_byte;
        return ~(((differs & low) + low) | differs | low);
    }
    std::size_t taken() const noexcept { return static_cast<std::size_t>(std::countr_zero(where(0))) / 8; } // by T1
    void set(std::size_t n, table_node* one) noexcept {
        std::uint64_t const tag = one ? tag_of(one->hash_) : 0;
        tags_ = (tags_ & ~(std::uint64_t{0xff} << 8 * n)) | tag << 8 * n;
        members_[n] = one;
    }

    // T1: the members stand in the first slots, byte n of tags_ is member n's, and the others, two at least, are 0.
    std::uint64_t tags_ = 0;
    std::array<table_node*, slots> members_{};
    table_node* rest_ = nullptr; // who found no slot, by next_; they stay there until the bucket is split or merged
};

static_assert(sizeof(table_bucket) == cache_line);

class flight_table : immovable {
public:
    using segment = std::unique_ptr<table_bucket[]>;
    static constexpr std::size_t load = 3; // members a bucket, from which on it splits

    // Null when no member of that hash satisfies `match(table_node&)`.
    template <class Match>
    table_node* find(std::uint64_t hash, Match match) {
        return bucket(index_of(hash)).find(hash, match);
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
        bucket(index_of(cursor)).for_each(each);
        std::size_t bit = size / 2;
        for (; cursor & bit; bit /= 2) cursor -= bit;
        return cursor + bit;
    }

    // How many buckets the segment has that the table would grow into; 0 while it needs none.
    std::size_t wanted() const noexcept {
        return size_ > load * buckets_ && !segments_[segment_of(buckets_)] ? std::bit_floor(buckets_) : 0;
    }
    // A segment of so many buckets; null without memory: then the table stays as it is, and lines lead on to chains.
    static segment make(std::size_t length) noexcept { return segment{new (std::nothrow) table_bucket[length]{}}; }
    // Gives it a segment that was made so long, unless by now it wants another; then `fresh` is untouched.
    void adopt(segment& fresh, std::size_t length) noexcept {
        if (wanted() == length) segments_[segment_of(buckets_)] = std::move(fresh);
    }

    std::size_t size() const noexcept { return size_; }
    std::size_t buckets() const noexcept { return buckets_; }

private:
    static constexpr std::size_t first_buckets = 2;
    static constexpr std::size_t max_segments = 40;

    // Segment 0 holds the first two buckets, segment k > 0 those from 2^k up to 2 * 2^k.
    static constexpr std::size_t segment_of(std::size_t index) noexcept {
        return index < first_buckets ? 0 : static_cast<std::size_t>(std::bit_width(index / first_buckets));
    }
    std::size_t index_of(std::uint64_t hash) const noexcept {
        std::size_t const mask = std::bit_ceil(buckets_) - 1;
        std::size_t const index = static_cast<std::size_t>(hash) & mask;
        return index < buckets_ ? index : index & (mask >> 1); // that one has not split yet
    }
    table_bucket& bucket(std::size_t index) noexcept {
        std::size_t const k = segment_of(index);
        return k == 0 ? first_[index] : segments_[k][index - std::bit_floor(index)];
    }
    void split() noexcept;
    segment merge() noexcept;

    // F1: a member of hash h lies in bucket index_of(h); there are no others in it.
    // F2: every segment that a bucket below buckets_ lies in exists; at most one above does, and its buckets are empty.
    std::size_t size_ = 0;
    std::size_t buckets_ = first_buckets;
    std::array<segment, max_segments> segments_; // the first is first_
    std::array<table_bucket, first_buckets> first_{};
};

inline void table_bucket::put(table_node& one) noexcept {
    if (std::size_t const n = taken(); n < slots) return set(n, &one); // keeps T1
    one.next_ = rest_;
    rest_ = &one;
}

inline void table_bucket::remove(table_node& one) noexcept {
    std::uint64_t found = where(tag_of(one.hash_));
    while (found && members_[static_cast<std::size_t>(std::countr_zero(found)) / 8] != &one) found &= found - 1;
    auto const n = static_cast<std::size_t>(std::countr_zero(found)) / 8;
    if (!found) {
        table_node** link = &rest_;
        while (*link != &one) link = &(*link)->next_;
        *link = one.next_;
    } else {
        std::size_t const last = taken() - 1;
        set(n, members_[last]);
        set(last, nullptr); // keeps T1
    }
}

inline void flight_table::insert(table_node& one, std::uint64_t hash) noexcept {
    one.hash_ = hash;
    bucket(index_of(hash)).put(one);
    ++size_;
    // Twice, so that it catches up after it had to wait for a segment.
    for (int steps = 0; steps < 2 && size_ > load * buckets_ && segments_[segment_of(buckets_)]; ++steps) split();
}

inline void flight_table::split() noexcept {
    std::size_t const top = std::bit_floor(buckets_);
    table_bucket& low = bucket(buckets_ - top);
    table_bucket& high = bucket(buckets_);
    std::exchange(low, {}).for_each([&](table_node& one) { (one.hash_ & top ? high : low).put(one); }); // keeps F1
    ++buckets_;
}

inline flight_table::segment flight_table::erase(table_node& one) noexcept {
    bucket(index_of(one.hash_)).remove(one);
    --size_;
    // Two buckets for each member that leaves, of which there are three for four buckets: so the table is gone when its
    // last member is.
    segment unused;
    for (int steps = 0; steps < 2 && size_ < load * buckets_ / 4; ++steps) {
        if (buckets_ == first_buckets && !segments_[1]) break;
        if (segment left = merge()) unused = std::move(left); // sizes double: only one of two steps ends a segment
    }
    return unused;
}

inline flight_table::segment flight_table::merge() noexcept {
    if (std::has_single_bit(buckets_)) // one that was never split into
        if (segment& above = segments_[segment_of(buckets_)]) return std::move(above);
    std::size_t const last = buckets_ - 1;
    table_bucket& low = bucket(last - std::bit_floor(last));
    std::exchange(bucket(last), {}).for_each([&](table_node& one) { low.put(one); });
    buckets_ = last; // keeps F1
    std::size_t const k = segment_of(last);
    if (last != std::bit_floor(last)) return nullptr;
    return std::move(segments_[k]); // keeps F2
}

} // namespace weir::detail
