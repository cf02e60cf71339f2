// weir/queue/spsc.hpp: a bounded FIFO between exactly one producer and one consumer.
// Progress: wait-free; at most one acquire load per call, none while the cached peer index suffices.
// Order:    FIFO. A pop that returns x happens after the push of x.
// Not:      safe for a second producer or consumer; use mpsc.hpp, mpmc.hpp or unbounded.hpp.
// Source:   L. Lamport, "Specifying Concurrent Program Modules", TOPLAS 5(2), 1983; cached indices after P. Lee,
//           T. Bu, G. Chandranmenon, "A Lock-Free, Cache-Efficient Multi-Core Synchronization Mechanism for Line-Rate
//           Network Traffic Monitoring" (MCRingBuffer), IPDPS 2010; we publish at once instead of by batch, and add
//           moves in bulk and work in place.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
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
class spsc : immovable {
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                  "a value whose move throws would be lost between two threads");

public:
    using value_type = T;

    // Room for `capacity` values, rounded up to a power of two.  Needs: capacity >= 1.  Cost: one allocation.
    explicit spsc(std::size_t capacity);
    ~spsc();

    // Threads: the producer only ----------------------------------------------------------------------------------
    // False when full, and then `value` is untouched.
    bool try_push(T&& value) noexcept { return try_emplace(std::move(value)); }
    bool try_push(T const& value) noexcept(std::is_nothrow_copy_constructible_v<T>)
        requires std::is_copy_constructible_v<T>
    {
        return try_emplace(value);
    }
    template <class... Args>
        requires std::is_constructible_v<T, Args...>
    bool try_emplace(Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>);
    // Moves as many of the first values as there is room for, and publishes them together. Returns how many.
    std::size_t try_push_n(std::span<T> values) noexcept;
    // A contiguous run of free places to be written in place, as long as there is room and the ring does not end;
    // `commit(n)` publishes the first n of them. A claim reserves nothing: only the latest counts, a push voids it.
    std::span<T> claim(std::size_t at_most = SIZE_MAX) noexcept
        requires std::is_trivially_default_constructible_v<T> && std::is_trivially_destructible_v<T>;
    // Needs: n <= the length of the latest claim, and nothing pushed since.
    void commit(std::size_t n) noexcept
        requires std::is_trivially_default_constructible_v<T> && std::is_trivially_destructible_v<T>;

    // Threads: the consumer only ----------------------------------------------------------------------------------
    // Empty when there is nothing to take.
    std::optional<T> try_pop() noexcept;
    // Moves values to the front of `out`, as many as there are. Returns how many.
    std::size_t try_pop_n(std::span<T> out) noexcept
        requires std::is_nothrow_move_assignable_v<T>;
    // The oldest values where they lie, up to the end of the ring; they stay until `consume(n)` destroys the first n.
    std::span<T> peek() noexcept;
    // Needs: n <= the length of the latest peek, less what was popped since.
    void consume(std::size_t n) noexcept;

    // Threads: any --------------------------------------------------------------------------------------------------
    std::size_t capacity() const noexcept { return mask_ + 1; }
    // Exact to the producer as an upper bound, to the consumer as a lower bound; to others a guess.
    std::size_t size_hint() const noexcept;
    bool empty() const noexcept { return size_hint() == 0; }

private:
    std::size_t free_places(std::size_t tail, std::size_t wanted) noexcept;
    std::size_t ready_values(std::size_t head, std::size_t wanted) noexcept;
    T& at(std::size_t index) noexcept { return slots_[index & mask_].value(); }
    std::size_t to_end_of_ring(std::size_t index) const noexcept { return mask_ + 1 - (index & mask_); }

    // Indices run freely and are compared by difference, so they may wrap.
    // I1: tail_ - head_ <= mask_ + 1.
    // I2: exactly the slots [head_, tail_) hold live objects.
    // I3: seen_head_ and seen_tail_ lag the truth, so they err towards full and empty.
    std::size_t const mask_;
    std::unique_ptr<slot<T>[]> const slots_;

    // Written by the producer. Two lines apart: processors fetch lines in pairs, and would bring the other side's along.
    alignas(2 * cache_line) atomic<std::size_t> tail_{0};
    std::size_t seen_head_{0};
    // Written by the consumer.
    alignas(2 * cache_line) atomic<std::size_t> head_{0};
    std::size_t seen_tail_{0};
};

template <class T>
spsc<T>::spsc(std::size_t capacity) : mask_{std::bit_ceil(capacity) - 1}, slots_{new slot<T>[mask_ + 1]} {
    WEIR_ASSERT(capacity >= 1, "a queue without room was asked for");
}

template <class T>
spsc<T>::~spsc() {
    consume(ready_values(head_.load(relaxed), capacity())); // relaxed: who destroys has seen all calls end
}

template <class T>
template <class... Args>
    requires std::is_constructible_v<T, Args...>
bool spsc<T>::try_emplace(Args&&... args) noexcept(std::is_nothrow_constructible_v<T, Args...>) {
    auto const tail = tail_.load(relaxed); // own word: only the producer writes it
    if (free_places(tail, 1) == 0) return false;
    slots_[tail & mask_].construct(std::forward<Args>(args)...);
    tail_.store(tail + 1, release); // [ready] keeps I2: constructed before it is visible
    return true;
}

template <class T>
std::size_t spsc<T>::try_push_n(std::span<T> values) noexcept {
    auto const tail = tail_.load(relaxed); // own word
    auto const count = std::min(values.size(), free_places(tail, values.size()));
    auto const run = std::min(count, to_end_of_ring(tail)); // two runs without a mask, which are two copies of memory
    std::uninitialized_move_n(values.data(), run, &at(tail));
    std::uninitialized_move_n(values.data() + run, count - run, &at(tail + run));
    tail_.store(tail + count, release); // [ready] keeps I2
    return count;
}

template <class T>
std::span<T> spsc<T>::claim(std::size_t at_most) noexcept
    requires std::is_trivially_default_constructible_v<T> && std::is_trivially_destructible_v<T>
{
    auto const tail = tail_.load(relaxed); // own word
    auto const wanted = std::min(at_most, to_end_of_ring(tail));
    auto const count = std::min(wanted, free_places(tail, wanted));
    for (std::size_t n = 0; n < count; ++n) ::new (static_cast<void*>(&at(tail + n))) T; // begins lives, stores nothing
    return {&at(tail), count};
}

template <class T>
void spsc<T>::commit(std::size_t n) noexcept
    requires std::is_trivially_default_constructible_v<T> && std::is_trivially_destructible_v<T>
{
    auto const tail = tail_.load(relaxed); // own word
    WEIR_ASSERT(n <= capacity() - (tail - seen_head_), "more was committed than claimed"); // keeps I1
    tail_.store(tail + n, release); // [ready]
}

template <class T>
WEIR_INLINE std::optional<T> spsc<T>::try_pop() noexcept { // out of line, GCC's way to return an optional costs 5 ns
    auto const head = head_.load(relaxed); // own word: only the consumer writes it
    if (ready_values(head, 1) == 0) return std::nullopt;
    std::optional<T> value{slots_[head & mask_].take()};
    head_.store(head + 1, release); // [free] keeps I2: destroyed before its place is reused
    return value;
}

template <class T>
std::size_t spsc<T>::try_pop_n(std::span<T> out) noexcept
    requires std::is_nothrow_move_assignable_v<T>
{
    auto const head = head_.load(relaxed); // own word
    auto const count = std::min(out.size(), ready_values(head, out.size()));
    auto const run = std::min(count, to_end_of_ring(head));
    auto const take = [](T* from, std::size_t n, T* to) {
        std::move(from, from + n, to);
        std::destroy_n(from, n);
    };
    take(&at(head), run, out.data());
    take(&at(head + run), count - run, out.data() + run);
    head_.store(head + count, release); // [free] keeps I2
    return count;
}

template <class T>
std::span<T> spsc<T>::peek() noexcept {
    auto const head = head_.load(relaxed); // own word
    auto const ready = ready_values(head, capacity());
    return {&at(head), std::min(ready, to_end_of_ring(head))};
}

template <class T>
void spsc<T>::consume(std::size_t n) noexcept {
    auto const head = head_.load(relaxed); // own word
    WEIR_ASSERT(n <= seen_tail_ - head, "more was consumed than was peeked at");
    if constexpr (!std::is_trivially_destructible_v<T>) {
        for (std::size_t k = 0; k < n; ++k) slots_[(head + k) & mask_].destroy();
    }
    head_.store(head + n, release); // [free] keeps I2
}

template <class T>
std::size_t spsc<T>::size_hint() const noexcept {
    auto const head = head_.load(relaxed); // head first: a tail read later is not behind it, short of a wrap
    auto const size = tail_.load(relaxed) - head;
    return size <= capacity() ? size : 0; // the consumer overtook what was read
}

// How many places are free, as far as is known; looks again when that is less than wanted.
template <class T>
std::size_t spsc<T>::free_places(std::size_t tail, std::size_t wanted) noexcept {
    auto places = mask_ + 1 - (tail - seen_head_);
    if (places < wanted) {
        seen_head_ = head_.load(acquire); // [free] the old values are destroyed
        places = mask_ + 1 - (tail - seen_head_);
    }
    return places;
}

// How many values are ready, likewise.
template <class T>
std::size_t spsc<T>::ready_values(std::size_t head, std::size_t wanted) noexcept {
    auto values = seen_tail_ - head;
    if (values < wanted) {
        seen_tail_ = tail_.load(acquire); // [ready]
        values = seen_tail_ - head;
    }
    return values;
}

static_assert(bounded_queue<spsc<int>, int> && bulk_queue<spsc<int>, int>);
static_assert(sizeof(spsc<int>) == 6 * cache_line);

} // namespace weir
