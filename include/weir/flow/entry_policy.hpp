// weir/flow/entry_policy.hpp: which entries of a shard stay when there is no room for all.
// New ones come into a window, a hundredth of the room, in which the least recently used goes out. Who falls out of it
// must have been met more often than the one that the main part would lose for it, and else it goes itself. The main part
// is in two: who is asked for on probation becomes protected, and the protected that were not asked for longest are on
// probation again. So a crowd of keys that are asked for once passes through the window and touches nobody else.
// Threads:  one at a time; its owner locks.
// For:      authors of primitives.
// Source:   W-TinyLFU of G. Einziger, R. Friedman, B. Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM
//           ToS 2017, with the segments of R. Karedla, J. Love, B. Wherry, "Caching Strategies to Improve Disk System
//           Performance", IEEE Computer 1994. Nineteen in twenty of ours are protected instead of four in five, which is
//           worth 0.6 to 1 % of hits where what is asked for follows Zipf's law. Our window does not adapt its length.
//           They count and move at every use; we spare those that were used a moment ago.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/flow/flight_table.hpp>
#include <weir/flow/frequency_sketch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace weir::inline v0::detail {

// Where an entry stands; guarded is protected, which is a word of the language.
enum class segment : unsigned char { window, probation, guarded };

class kept_node : public list_node, public table_node {
private:
    friend class entry_policy;
    std::size_t weight_ = 1;
    std::uint64_t moved_at_ = 0; // to the end of its part, by the part's count
    segment segment_ = segment::window;
};

class entry_policy : immovable {
public:
    // Room for so many entries, and so much weight.  Needs: both at least 1.
    entry_policy(std::size_t most_entries, std::size_t most_weight)
        : most_entries_{most_entries}, most_weight_{most_weight},
          by_weight_{most_entries == unbounded},
          window_room_{std::max<std::size_t>(1, room() / 100)},
          guarded_room_{room() - window_room_ - (room() - window_room_) / 20},
          sketch_{by_weight_ ? usual_entries : most_entries} {}

    // A key was asked for, whether it is kept or not; one whose entry is settled need not be counted.
    void saw(std::uint64_t hash) noexcept { sketch_.add(hash); }
    // It will be in a moment: what is noted then is asked for now.  Threads: any, without the lock.
    void sees_soon(std::uint64_t hash) const noexcept { sketch_.prefetch(hash); }
    // Whether it was asked for so lately that it neither moves nor is counted: it is protected, and fewer have come
    // behind it than an eighth of all. So what is asked for most costs no cache line beyond its own, where a move writes
    // its neighbours', too, and a count one. It is counted again once it has aged.
    bool settled(kept_node const& one) const noexcept {
        return one.segment_ == segment::guarded && part_of(segment::guarded).moves - one.moved_at_ < entries_ / 8;
    }
    // An entry was asked for.
    void touch(kept_node& one) noexcept;
    // Whether something of that weight can be kept at all.
    bool fits(std::size_t weight) const noexcept { return weight <= most_weight_; }
    // Takes in an entry; one that was removed, or whose elder was, stands again where that stood.
    // Needs: fits(weight). Afterwards excess() for as long as it gives one.
    void add(kept_node& one, std::size_t weight) noexcept {
        one.weight_ = weight;
        put(one, one.segment_);
    }
    // What takes the place of `elder` stands where it stood.
    void inherit(kept_node& one, kept_node const& elder) const noexcept { one.segment_ = elder.segment_; }
    std::size_t weight_of(kept_node const& one) const noexcept { return one.weight_; }
    void remove(kept_node& one) noexcept {
        part& from = part_of(one.segment_);
        from.size -= measure(one);
        weight_ -= one.weight_;
        --entries_;
        one.list_node::unlink();
    }
    // Takes out the next that must go, or gives null because there is room.
    kept_node* excess() noexcept;

    std::size_t entries() const noexcept { return entries_; }
    std::size_t weight() const noexcept { return weight_; }

private:
    static constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t usual_entries = 4096; // counted apart where only their weight is bounded

    struct part {
        intrusive_list<kept_node> list; // from the least recently used to the most
        std::size_t size = 0;           // in the unit of room()
        std::uint64_t moves = 0;        // to its end
    };

    std::size_t room() const noexcept { return by_weight_ ? most_weight_ : most_entries_; }
    std::size_t measure(kept_node const& one) const noexcept { return by_weight_ ? one.weight_ : 1; }
    bool full() const noexcept { return entries_ > most_entries_ || weight_ > most_weight_; }
    part& part_of(segment which) noexcept { return parts_[static_cast<std::size_t>(which)]; }
    part const& part_of(segment which) const noexcept { return parts_[static_cast<std::size_t>(which)]; }
    void put(kept_node& one, segment into) noexcept {
        one.segment_ = into;
        part& to = part_of(into);
        to.list.push_back(one);
        one.moved_at_ = ++to.moves;
        to.size += measure(one);
        weight_ += one.weight_;
        ++entries_;
    }
    void move(kept_node& one, segment into) noexcept {
        remove(one);
        put(one, into);
    }
    bool admits(kept_node const& candidate, kept_node const& victim) noexcept;

    // K1: the parts hold each entry that was added and not removed, once; entries_ and weight_ are their sums.
    // K2: after excess() has given null, neither sum is above its bound, and the window is not above its room.
    std::size_t const most_entries_;
    std::size_t const most_weight_;
    bool const by_weight_;
    std::size_t const window_room_;
    std::size_t const guarded_room_;
    std::size_t entries_ = 0;
    std::size_t weight_ = 0;
    part parts_[3];
    frequency_sketch sketch_;
    std::uint64_t chance_ = 1; // xorshift
};

inline void entry_policy::touch(kept_node& one) noexcept {
    if (settled(one)) return;
    if (one.segment_ != segment::probation) { // it only becomes the last to go
        part& in = part_of(one.segment_);
        if (in.moves == one.moved_at_) return; // it is that already
        one.list_node::unlink();
        one.moved_at_ = ++in.moves;
        return in.list.push_back(one);
    }
    move(one, segment::guarded);
    part& guarded = part_of(segment::guarded);
    while (guarded.size > guarded_room_)
        if (kept_node& last = *guarded.list.front(); &last != &one) move(last, segment::probation);
        else break;
}

inline bool entry_policy::admits(kept_node const& candidate, kept_node const& victim) noexcept {
    unsigned const wanted = sketch_.estimate(candidate.hash());
    unsigned const had = sketch_.estimate(victim.hash());
    if (wanted > had) return true;
    if (wanted < 6) return false;
    // Somebody who knows the hash could keep a victim that nobody wants in place for ever: chance ends that.
    chance_ ^= chance_ << 13;
    chance_ ^= chance_ >> 7;
    chance_ ^= chance_ << 17;
    return chance_ % 128 == 0;
}

inline kept_node* entry_policy::excess() noexcept {
    part& window = part_of(segment::window);
    part& probation = part_of(segment::probation);
    for (;;) {
        bool const falls_out = window.size > window_room_;
        if (!falls_out && !full()) return nullptr; // keeps K2
        kept_node* candidate = falls_out ? window.list.front() : nullptr;
        if (candidate && !full()) {
            move(*candidate, segment::probation); // there is room for all
            continue;
        }
        kept_node* victim = probation.list.front();
        if (!victim) victim = part_of(segment::guarded).list.front();
        if (!victim) victim = window.list.front();
        // It may take several victims for one that is heavy; each of them is compared with it.
        if (candidate && candidate != victim && !admits(*candidate, *victim)) victim = candidate;
        remove(*victim);
        victim->segment_ = segment::window; // should it come again, it is as new as any other
        return victim;
    }
}

} // namespace weir::detail
