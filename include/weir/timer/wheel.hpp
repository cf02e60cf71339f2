// weir/timer/wheel.hpp: many timers, of which few ever fire: insertion and cancellation in constant time.
// Eight levels of 64 slots; a slot of level k spans 64^k ticks of 65.536 microseconds. A timer lies at the level of the
// highest digit, to base 64, in which its tick differs from now, and moves down as that digit is reached.
// Order:    by tick; timers of one tick in the order of insertion at most. Never early; late by at most a tick.
// Threads:  insert and cancel from any thread, behind a spin lock; advance from the owner's thread.
// Not:      a clock: whoever owns the wheel says what time it is.
// For:      authors of primitives; others use sleep and timeout.
// Source:   G. Varghese, T. Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987; we find the next slot in bitmaps.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/coro/context.hpp>
#include <weir/cpu/spin_lock.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace weir::inline v0 {

// One deadline. When it comes the timer is told in two steps, as a stop_listener is: `claim` under the wheel's lock
// decides, and `fired`, without a lock, acts if it said true.
class timer : public list_node {
public:
    timer* next = nullptr; // belongs to the wheel while it fires

protected:
    using claim_function = bool (*)(timer&) noexcept;
    using fired_function = void (*)(timer&) noexcept;

    timer(claim_function claim, fired_function fired) noexcept : claim_{claim}, fired_{fired} {}
    ~timer() { WEIR_ASSERT(!linked(), "a timer died in its wheel"); }

private:
    friend class timer_wheel;
    claim_function claim_;
    fired_function fired_;
    std::uint64_t tick_ = 0;
    unsigned char level_ = 0;
};

class timer_wheel : immovable {
public:
    // Begins at `now`; times before it count as now.
    explicit timer_wheel(time_point now) noexcept : origin_{now} {}
    ~timer_wheel() { WEIR_ASSERT(size_ == 0, "a timer_wheel died before its timers"); }

    // Adds a timer that fires at the first advance to `at`, rounded up to a tick, or later.
    void insert(timer& one, time_point at) noexcept {
        spin_guard const locked{lock_};
        link(one, at);
    }
    // The same if `publish()`, called under the lock, says so.  Returns: what it said.
    template <class Publish>
    bool insert_if(timer& one, time_point at, Publish publish) noexcept {
        spin_guard const locked{lock_};
        if (!publish()) return false;
        link(one, at);
        return true;
    }
    // Takes it out. False when it was not in the wheel: never added, or already claimed, and `fired` may be under way.
    bool cancel(timer& one) noexcept;

    // Fires all that are due.  Threads: the owner.  Returns: how many were due.
    std::size_t advance(time_point now) noexcept;
    // When advance should be called next; no_deadline when the wheel is empty. May be early, never late.
    time_point next() noexcept;

    // A hint while others insert.
    std::size_t size() noexcept {
        spin_guard const locked{lock_};
        return size_;
    }

private:
    static constexpr unsigned levels = 8;
    static constexpr unsigned bits = 6;
    static constexpr std::uint64_t slots = 1u << bits;
    static constexpr unsigned tick_shift = 16; // nanoseconds to ticks
    static constexpr std::uint64_t last_tick = (std::uint64_t{1} << (bits * levels)) - 1;

    struct position {
        std::uint64_t tick; // when the slot begins
        unsigned level;
        unsigned slot;
    };

    // Rounded up, so that nothing fires early.
    std::uint64_t tick_at_or_after(time_point at) const noexcept {
        if (at <= origin_) return 0;
        auto const ns = static_cast<std::uint64_t>(std::chrono::nanoseconds{at - origin_}.count());
        std::uint64_t const tick = (ns >> tick_shift) + ((ns & ((1u << tick_shift) - 1)) != 0);
        return tick < last_tick ? tick : last_tick;
    }
    // Rounded down: the last tick that is over.
    std::uint64_t tick_reached(time_point now) const noexcept {
        if (now <= origin_) return 0;
        auto const ns = static_cast<std::uint64_t>(std::chrono::nanoseconds{now - origin_}.count());
        return ns >> tick_shift;
    }
    time_point time_of(std::uint64_t tick) const noexcept {
        std::uint64_t const ns = tick << tick_shift; // below 2^64, by last_tick
        auto const room = static_cast<std::uint64_t>(std::chrono::nanoseconds{no_deadline - origin_}.count());
        return ns < room ? origin_ + std::chrono::nanoseconds{static_cast<std::int64_t>(ns)} : no_deadline;
    }

    void link(timer& one, time_point at) noexcept;
    void place(timer& one) noexcept;
    void unlink(timer& one) noexcept;
    bool first_slot(position& found) const noexcept;

    // G1: a linked timer's tick is not before elapsed_, and agrees with it in all digits above its level.
    // G2: bit s of occupied_[k] is set exactly when slots_[k][s] holds a timer.
    spin_lock lock_;
    time_point const origin_;
    std::uint64_t elapsed_ = 0; // ticks gone
    std::size_t size_ = 0;
    std::uint64_t occupied_[levels] = {};
    intrusive_list<timer> slots_[levels][slots];
};

inline void timer_wheel::link(timer& one, time_point at) noexcept {
    one.tick_ = tick_at_or_after(at);
    place(one);
    ++size_;
}

inline void timer_wheel::place(timer& one) noexcept {
    // What is due already goes to the slot of now, which the next advance looks at first.
    if (one.tick_ < elapsed_) one.tick_ = elapsed_; // keeps G1
    std::uint64_t const differs = (one.tick_ ^ elapsed_) | (slots - 1);
    unsigned const level = static_cast<unsigned>(std::bit_width(differs) - 1) / bits;
    unsigned const slot = static_cast<unsigned>(one.tick_ >> (bits * level)) & (slots - 1);
    one.level_ = static_cast<unsigned char>(level);
    slots_[level][slot].push_back(one);
    occupied_[level] |= std::uint64_t{1} << slot; // keeps G2
}

inline void timer_wheel::unlink(timer& one) noexcept {
    unsigned const level = one.level_;
    unsigned const slot = static_cast<unsigned>(one.tick_ >> (bits * level)) & (slots - 1);
    one.list_node::unlink();
    if (slots_[level][slot].empty()) occupied_[level] &= ~(std::uint64_t{1} << slot); // keeps G2
}

inline bool timer_wheel::cancel(timer& one) noexcept {
    spin_guard const locked{lock_};
    if (!one.linked()) return false;
    unlink(one);
    --size_;
    return true;
}

inline bool timer_wheel::first_slot(position& found) const noexcept {
    // By G1 lower levels come before higher ones, and within a level no occupied slot lies before that of now.
    for (unsigned level = 0; level < levels; ++level) {
        if (!occupied_[level]) continue;
        unsigned const slot = static_cast<unsigned>(std::countr_zero(occupied_[level]));
        std::uint64_t const span = std::uint64_t{1} << (bits * level);
        std::uint64_t const above = elapsed_ & ~((span << bits) - 1);
        std::uint64_t const begins = above + slot * span;
        found = {begins < elapsed_ ? elapsed_ : begins, level, slot};
        return true;
    }
    return false;
}

inline time_point timer_wheel::next() noexcept {
    spin_guard const locked{lock_};
    position first{};
    return first_slot(first) ? time_of(first.tick) : no_deadline;
}

inline std::size_t timer_wheel::advance(time_point now) noexcept {
    std::size_t due = 0;
    for (;;) {
        intrusive_fifo<timer> claimed; // no longer linked: cancel finds nothing to do
        {
            spin_guard const locked{lock_};
            std::uint64_t const reached = tick_reached(now);
            position first{};
            if (!first_slot(first) || first.tick > reached) {
                if (elapsed_ < reached) elapsed_ = reached; // no timer lies before, keeps G1
                return due;
            }
            elapsed_ = first.tick;
            intrusive_list<timer> taken;
            taken.splice(slots_[first.level][first.slot]);
            occupied_[first.level] &= ~(std::uint64_t{1} << first.slot); // keeps G2
            while (timer* const one = taken.pop_front()) {
                if (one->tick_ > elapsed_) {
                    place(*one); // a level down
                    continue;
                }
                --size_;
                ++due;
                if (one->claim_(*one)) claimed.push_back(*one);
            }
        }
        while (timer* const one = claimed.pop_front()) one->fired_(*one); // each may be gone after its call
    }
}

} // namespace weir
