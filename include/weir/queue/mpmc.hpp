// weir/queue/mpmc.hpp: a bounded FIFO for any number of producers and consumers.
// Progress: lock-free: a call goes round again only when another call took a ticket meanwhile, and none ever waits. But
//           a thread that is stopped inside a push hides the values behind its own, and one stopped inside a pop keeps
//           its place from the push of the next lap: the others find the queue empty, or full, until it goes on.
// Order:    FIFO by ticket, linearizable for all that is pushed and popped. A pop that returns x happens after the push
//           of x. "Empty" says that the value next in line is not there: none was pushed, or its push is under way,
//           although pushes behind it may have returned. "Full" says that the place next in line is not free: all are
//           taken, or the pop that empties it is under way. A call that nothing orders before one's own counts as under
//           way. size_hint() tells which it was; nothing else is ever refused.
// Not:      unbounded; use unbounded.hpp. Between one producer and one consumer spsc.hpp is quicker.
// Source:   D. Vyukov, "Bounded MPMC queue" (1024cores.net); turns that tell full from free also in a ring of one place
//           after E. Rigtorp, "MPMCQueue" (github.com/rigtorp/MPMCQueue); we take whole runs of tickets at once.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/platform.hpp>
#include <weir/base/slot.hpp>
#include <weir/queue/concepts.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

template <class T>
class mpmc : immovable {
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                  "a value whose move throws would be lost between two threads");

public:
    using value_type = T;

    // Room for `capacity` values, rounded up to a power of two.  Needs: capacity >= 1.  Cost: one allocation.
    explicit mpmc(std::size_t capacity);
    // Values that are left are destroyed.  Needs: no call under way.
    ~mpmc();

    // False when full, and then `value` is untouched.
    bool try_push(T&& value) noexcept { return try_emplace(std::move(value)); }
    bool try_push(T const& value) noexcept(std::is_nothrow_copy_constructible_v<T>)
        requires std::is_copy_constructible_v<T>
    {
        return try_emplace(value);
    }
    // A value whose construction may throw is built first and then moved in, so that a throw costs no place; when the
    // queue is full it was built for nothing. Any other is built in its place, and then full leaves `args` untouched.
    template <class... Args>
        requires std::is_constructible_v<T, Args...>
    bool try_emplace(Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>);
    // Moves as many of the first values as there are free places in a row. They come out one behind the other, with
    // nothing of other producers between. Returns how many.  Cost: one compare-exchange, however many.
    std::size_t try_push_n(std::span<T> values) noexcept;

    // Empty when the value next in line is not there.
    std::optional<T> try_pop() noexcept;
    // Moves values in a row to the front of `out`, as many as are there. Returns how many.  Cost: the same.
    std::size_t try_pop_n(std::span<T> out) noexcept
        requires std::is_nothrow_move_assignable_v<T>;

    std::size_t capacity() const noexcept { return mask_ + 1; }
    // How many values there are, each from the moment its push begins until its pop begins; a guess while others push
    // and pop. So when it is not 0 after a try_pop that found nothing, or not capacity() after a refused try_push, then
    // another call is under way, or was a moment ago: it is worth to look again, and not yet to go to sleep.
    std::size_t size_hint() const noexcept;
    bool empty() const noexcept { return size_hint() == 0; }

private:
    // Whose turn it is at a place, which serves the tickets t, t + capacity, t + 2 * capacity ... of both counters:
    //   2 * t                 free: that of the push with ticket t
    //   2 * t + 1             full: that of the pop with ticket t
    //   2 * (t + capacity)    free: that of the push one lap later
    struct place {
        atomic<std::uint64_t> turn{0};
        slot<T> value;
    };
    static constexpr std::uint64_t free = 0;
    static constexpr std::uint64_t full = 1;

    // Tickets that are the caller's, from `ticket` on, and the place of the first.
    struct run {
        place* first;
        std::uint64_t ticket;
        std::size_t count;
    };

    run take(atomic<std::uint64_t>& counter, std::uint64_t state, std::size_t at_most) noexcept;
    place& at(std::uint64_t ticket) noexcept { return places_[ticket & mask_]; }
    template <class... Args>
    void fill(place& where, std::uint64_t ticket, Args&&... args) noexcept;
    void set_free(place& where, std::uint64_t ticket) noexcept;

    // Tickets and turns have 64 bits and do not wrap in the life of a machine.
    // I1: a turn only grows, step by step; so who finds it lower than awaited knows that it was so all the time before.
    // I2: a ticket is taken, by a compare-exchange of its counter, only after its turn has come. Its owner alone uses the
    //     place, until the store that ends the turn. So head_ <= tail_ <= head_ + capacity.
    // I3: a place holds a live object from some moment of its push to some moment of its pop; no call ends in between.
    std::uint64_t const mask_;
    std::unique_ptr<place[]> const places_;

    // Written by producers: the next ticket to push with.
    alignas(cache_line) atomic<std::uint64_t> tail_{0};
    // Written by consumers: the next ticket to pop with.
    alignas(cache_line) atomic<std::uint64_t> head_{0};
};

template <class T>
mpmc<T>::mpmc(std::size_t capacity) : mask_{std::bit_ceil(capacity) - 1}, places_{new place[mask_ + 1]} {
    WEIR_ASSERT(capacity >= 1, "a queue without room was asked for");
    for (std::uint64_t n = 0; n <= mask_; ++n) at(n).turn.store(2 * n + free, relaxed); // nobody else is here yet
}

template <class T>
mpmc<T>::~mpmc() {
    if constexpr (!std::is_trivially_destructible_v<T>) {
        while (try_pop()) {} // finds all: no push is under way
    }
}

template <class T>
template <class... Args>
    requires std::is_constructible_v<T, Args...>
WEIR_INLINE bool mpmc<T>::try_emplace(Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>) {
    if constexpr (std::is_nothrow_constructible_v<T, Args...>) {
        run const mine = take(tail_, free, 1);
        if (mine.count == 0) return false;
        fill(*mine.first, mine.ticket, std::forward<Args>(args)...);
        return true;
    } else {
        return try_emplace(T(std::forward<Args>(args)...)); // keeps I3: nothing throws once a ticket is taken
    }
}

template <class T>
std::size_t mpmc<T>::try_push_n(std::span<T> values) noexcept {
    run const mine = take(tail_, free, values.size());
    for (std::size_t n = 0; n < mine.count; ++n) fill(at(mine.ticket + n), mine.ticket + n, std::move(values[n]));
    return mine.count;
}

template <class T>
WEIR_INLINE std::optional<T> mpmc<T>::try_pop() noexcept { // out of line, GCC's way to return an optional costs 5 ns
    run const mine = take(head_, full, 1);
    if (mine.count == 0) return std::nullopt;
    std::optional<T> value{mine.first->value.take()};
    set_free(*mine.first, mine.ticket);
    return value;
}

template <class T>
std::size_t mpmc<T>::try_pop_n(std::span<T> out) noexcept
    requires std::is_nothrow_move_assignable_v<T>
{
    run const mine = take(head_, full, out.size());
    for (std::size_t n = 0; n < mine.count; ++n) {
        place& where = at(mine.ticket + n);
        out[n] = std::move(where.value.value());
        where.value.destroy();
        set_free(where, mine.ticket + n);
    }
    return mine.count;
}

template <class T>
std::size_t mpmc<T>::size_hint() const noexcept {
    // relaxed: a hint. Yet 0 is never said of a value whose push happens before, unless its pop has begun: whatever
    // head_ is read, that value's ticket is not below it, and tail_ is read above the ticket.
    auto const head = head_.load(relaxed);
    auto const tail = tail_.load(relaxed);
    return tail <= head ? 0 : std::min(static_cast<std::size_t>(tail - head), capacity()); // head_ may be an old one
}

// Takes the next tickets of a counter, as many as have their turn in `state`, in a row and up to `at_most`.
// A turn that is still to come means that the ticket is the counter's next, or was when it was read: by I1 the turn had
// not come then either. A turn that has passed means that the ticket is an old one.
template <class T>
WEIR_INLINE auto mpmc<T>::take(atomic<std::uint64_t>& counter, std::uint64_t state, std::size_t at_most) noexcept
    -> run {
    if (at_most == 0) return {nullptr, 0, 0};
    // relaxed, here and below: the turns order what passes between threads; of the counter only its value matters
    auto ticket = counter.load(relaxed);
    for (;;) {
        place& first = at(ticket);
        auto const turn = first.turn.load(acquire); // [ready] for a pop, [free] for a push
        if (turn == 2 * ticket + state) {
            std::size_t count = 1;
            for (; count < at_most; ++count) {
                auto const later = at(ticket + count).turn.load(acquire); // [ready] or [free], as above
                if (later != 2 * (ticket + count) + state) break;
            }
            if (counter.compare_exchange_weak(ticket, ticket + count, relaxed, relaxed)) // keeps I2
                return {&first, ticket, count};
        } else if (turn < 2 * ticket + state) {
            return {nullptr, 0, 0};
        } else {
            ticket = counter.load(relaxed); // a newer one: the counter moved before the turn did
        }
    }
}

template <class T>
template <class... Args>
WEIR_INLINE void mpmc<T>::fill(place& where, std::uint64_t ticket, Args&&... args) noexcept {
    where.value.construct(std::forward<Args>(args)...);
    where.turn.store(2 * ticket + full, release); // [ready] keeps I3: constructed before it is the pop's turn
}

template <class T>
WEIR_INLINE void mpmc<T>::set_free(place& where, std::uint64_t ticket) noexcept {
    where.turn.store(2 * (ticket + mask_ + 1) + free, release); // [free] keeps I3: destroyed before the push's turn
}

static_assert(bounded_queue<mpmc<int>, int> && bulk_queue<mpmc<int>, int>);
static_assert(sizeof(mpmc<int>) == 3 * cache_line);

} // namespace weir
