// weir/memory/free_list.hpp: the free entries of a table, last in first out, and the word of who is the last to leave it.
// Progress: lock-free. Two threads that push or pop at once disturb each other on one line.
// Order:    linearizable. What was done with an entry before its push happens before what follows the pop that gets it.
// Not:      an owner of the entries; their table has one, who asks `push` and `leave` whether it may end.
// Source:   R. K. Treiber, "Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986; we keep indices instead of
//           pointers, which leaves room in the word for a tag against ABA, and for a count.
// For:      authors of primitives.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>

#include <cstddef>
#include <cstdint>

namespace weir::inline v0 {

// `Entry` has a member `atomic<std::uint16_t> next_free`, which is the list's and outlives every call on any entry.
template <class Entry>
class free_list : immovable {
public:
    static constexpr std::size_t most = UINT16_MAX - 1;

    // All entries of `table` are free, the first on top.  Needs: 1 <= entries <= most.
    free_list(Entry* table, std::size_t entries) noexcept;

    // Null when none is free.  Threads: any, until `leave`.
    Entry* try_pop() noexcept;
    // Returns: true to the one call after which nothing is out and nobody will pop. It, and only it, may end the table;
    //          with false the list may be gone already.  Needs: popped, and not pushed since.  Threads: any.
    bool push(Entry& freed) noexcept;
    // Nobody pops any more.  Returns: as push.
    bool leave() noexcept;

    // How many are free; to who does not exclude the others a moment of the past.  Needs: before `leave`.
    std::size_t size() const noexcept { return head_.load(relaxed).count; } // only a number

private:
    // One word, so that the three change together.
    //   tag     pops so far
    //   count   before `leave`: the free entries; after it: one more. entries_ + 1 says that all are home for good.
    //   top     the first of the free ones; means nothing when count is 0
    struct word {
        std::uint32_t tag;
        std::uint16_t count;
        std::uint16_t top;
        friend bool operator==(word const&, word const&) = default;
    };
    static_assert(sizeof(word) == sizeof(std::uint64_t)); // no padding to compare

    // I1: before `leave`, the first `count` entries of the chain that starts at top and goes on by next_free are the
    //     free ones, each once.
    // I2: the word never takes a value twice: between two pops only pushes happen, which raise the count, and a pop
    //     raises the tag. (It would after 2^32 pops during one, with the same top and count at that instant.) So who
    //     exchanges a word that was read saw the next_free of its top as it still is.
    // I3: count reaches entries_ + 1 once, as its last value.
    Entry* const table_;
    std::size_t const entries_;
    alignas(cache_line) atomic<word> head_;
};

template <class Entry>
free_list<Entry>::free_list(Entry* table, std::size_t entries) noexcept
    : table_{table}, entries_{entries}, head_{word{0, static_cast<std::uint16_t>(entries), 0}} {
    WEIR_ASSERT(entries >= 1 && entries <= most, "a free list has between 1 and 65534 entries");
    for (std::size_t n = 0; n < entries; ++n)
        table[n].next_free.store(static_cast<std::uint16_t>(n + 1), relaxed); // nobody else knows the table yet
}

template <class Entry>
Entry* free_list<Entry>::try_pop() noexcept {
    for (;;) {
        word const now = head_.load(acquire); // [home] the top's next_free, and what its last user did with it
        if (now.count == 0) return nullptr;
        Entry& top = table_[now.top];
        auto const next = top.next_free.load(relaxed); // perhaps of another time; then the exchange fails, by I2
        word expected = now;
        word const then{now.tag + 1, static_cast<std::uint16_t>(now.count - 1), next};
        // relaxed: it publishes nothing, and what a success found is the very word that was acquired. As a
        // read-modify-write it passes on what the pushes before it released.
        if (head_.compare_exchange_weak(expected, then, relaxed, relaxed)) return &top; // keeps I1, I2
    }
}

template <class Entry>
bool free_list<Entry>::push(Entry& freed) noexcept {
    auto const all = entries_ + 1;
    word now = head_.load(relaxed); // only a guess for the exchange
    word then{};
    do {
        freed.next_free.store(now.top, relaxed); // the exchange publishes it
        then = {now.tag, static_cast<std::uint16_t>(now.count + 1), static_cast<std::uint16_t>(&freed - table_)};
        // acq_rel: the entry is home; and the last one is after all that the others did with theirs.
    } while (!head_.compare_exchange_weak(now, then, acq_rel, relaxed)); // [home] keeps I1
    // -----------------------------------------------------------------------------------------------------------------
    return then.count == all; // keeps I3
}

template <class Entry>
bool free_list<Entry>::leave() noexcept {
    auto const all = entries_ + 1;
    word now = head_.load(relaxed); // only a guess for the exchange
    word then{};
    do {
        then = {now.tag, static_cast<std::uint16_t>(now.count + 1), now.top};
    } while (!head_.compare_exchange_weak(now, then, acq_rel, relaxed)); // [home] acq_rel: as in push
    // -----------------------------------------------------------------------------------------------------------------
    return then.count == all; // keeps I3
}

} // namespace weir
