// weir/channel/unbounded_tally.hpp: the state of an unbounded channel in one word, and what its two sides do to it.
// For:      authors of primitives.
#pragma once

#include <weir/base/atomic.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace weir::inline v0::detail {

// bits    what they say
// 0       closed: no send begins any more
// 1       awaited: receivers may be waiting, so who makes something ready looks after them
// 2..23   how many sends have begun and not ended
// 24..63  how many values are ready: pushed completely, and not promised to a receiver yet
class unbounded_tally {
public:
    class word {
    public:
        explicit word(std::uint64_t bits) noexcept : bits_{bits} {}
        bool closed() const noexcept { return (bits_ & closed_bit) != 0; }
        bool awaited() const noexcept { return (bits_ & awaited_bit) != 0; }
        std::size_t ready() const noexcept { return static_cast<std::size_t>(bits_ / one_ready); }
        // Nothing is there, and nothing can come.
        bool ended() const noexcept { return (bits_ & ~awaited_bit) == closed_bit; }
        // Whether those who wait have something to hear.
        bool calls() const noexcept { return awaited() && (ready() > 0 || ended()); }

    private:
        friend unbounded_tally;
        std::uint64_t bits_;
    };

    word now() const noexcept { return word{word_.load(relaxed)}; } // a hint; every decision is an exchange

    // False when closed. Otherwise `end_send` must follow.
    bool begin_send() noexcept {
        std::uint64_t now = word_.load(relaxed); // the exchange decides
        while (!(now & closed_bit))
            if (word_.compare_exchange_weak(now, now + one_send, relaxed, relaxed)) return true; // publishes nothing
        return false;
    }
    // With the value pushed, or not.
    word end_send(bool pushed) noexcept {
        std::uint64_t const change = (pushed ? one_ready : 0) - one_send;
        return word{word_.fetch_add(change, release) + change}; // [counted] who takes it finds it there and need not spin
    }
    word close() noexcept {
        return word{word_.fetch_or(closed_bit, release) | closed_bit}; // [counted] what came before the close
    }

    // Promises up to `most` values to the caller. None while others may be waiting: theirs is what is ready.
    std::size_t claim(std::size_t most) noexcept {
        std::uint64_t now = word_.load(relaxed); // the exchange decides
        while (!(now & awaited_bit) && now >= one_ready) {
            auto const count = std::min(most, word{now}.ready());
            if (word_.compare_exchange_weak(now, now - count * one_ready, acquire, relaxed)) return count; // [counted]
        }
        return 0;
    }

    // The rest is for who holds the lock of those who wait; nobody else takes what is ready while `awaited` is set.

    // Either something is ready or all has ended, or from now on the word says that somebody waits.
    word await() noexcept {
        std::uint64_t now = word_.load(acquire); // [counted]
        while (now < one_ready && !word{now}.ended() && !(now & awaited_bit))
            // [counted] for what a failure sees. Success hands on nothing: the lock does, to who sees the bit and comes.
            if (word_.compare_exchange_weak(now, now | awaited_bit, relaxed, acquire)) now |= awaited_bit;
        return word{now};
    }
    // Takes `count` of what is ready.  Needs: as many to be ready, and `awaited`.
    word promise(std::size_t count) noexcept {
        return word{word_.fetch_sub(count * one_ready, acquire) - count * one_ready}; // [counted] the end, too
    }
    void nobody_waits() noexcept { word_.fetch_and(~awaited_bit, relaxed); } // who waits next takes the same lock
    word look() const noexcept { return word{word_.load(acquire)}; } // [counted]

private:
    static constexpr std::uint64_t closed_bit = 1;
    static constexpr std::uint64_t awaited_bit = 2;
    static constexpr std::uint64_t one_send = 4;
    static constexpr std::uint64_t one_ready = std::uint64_t{1} << 24;

    atomic<std::uint64_t> word_{0};
};

} // namespace weir::detail
