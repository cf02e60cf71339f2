// weir/queue/deque.hpp: a work-stealing deque: its owner pushes and pops at the bottom, anybody steals at the top.
// Progress: every call is wait-free, but for the allocation of a larger ring. A steal may end as `lost`, and then
//           only because another took that value.
// Order:    linearizable; LIFO for the owner, FIFO for thieves.
// Not:      a queue between two threads of equal rights; use unbounded.hpp.
// Source:   D. Chase, Y. Lev, "Dynamic Circular Work-Stealing Deque", SPAA 2005; orders after N. M. Lê, A. Pop,
//           A. Cohen, F. Zappella Nardelli, "Correct and Efficient Work-Stealing for Weak Memory Models", PPoPP 2013.
//           We put the orders on the operations instead of fences, which thread sanitizers do not see; then no
//           compare-exchange needs seq_cst. The owner remembers the top it saw last, so pushing does not read the
//           thieves' line; rings grow and never shrink.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/queue/concepts.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// As wide as a pointer: GCC returns `stolen` by way of the stack, and a narrower store there stalls the load after it.
enum class steal_status : std::uintptr_t {
    taken, // there is a value
    empty, // there was nothing to take
    lost, // another took it: there may be more
};

// What a thief got. `value` is null unless `status` is taken.
template <class T>
struct stolen {
    steal_status status;
    T value;

    explicit operator bool() const noexcept { return status == steal_status::taken; }
};

// Of pointers, coroutine handles, or what else is trivially copyable, fits a lock-free atomic and has a null, T{}.
// The first ring has room for `FirstCapacity` values, a power of two.
template <class T, std::size_t FirstCapacity = 64>
class deque : immovable {
    static_assert(std::is_trivially_copyable_v<T> && atomic<T>::is_always_lock_free,
                  "a thief may read a value that it then does not get");
    static_assert(std::has_single_bit(FirstCapacity), "rings are of powers of two");

public:
    using value_type = T;

    // Allocates nothing until the first push.
    deque() = default;
    // Needs: no call under way.
    ~deque() { delete ring_.load(relaxed); }

    // Needs: a value that is not null.  Errors: std::bad_alloc when the ring must grow, and then nothing was pushed.
    // Threads: the owner only.
    void push_bottom(T value);
    // The value pushed last, or null when nothing is left.  Threads: the owner only.
    T pop_bottom() noexcept;

    // The oldest value, if there is one.  Threads: any.
    stolen<T> steal() noexcept;

    // A guess, exact while nobody else is in a call.  Threads: any.
    std::size_t size_hint() const noexcept;
    bool empty() const noexcept { return size_hint() == 0; }

private:
    struct ring {
        ring(std::size_t capacity, std::unique_ptr<ring> smaller)
            : mask{capacity - 1}, values{new atomic<T>[capacity]}, before{std::move(smaller)} {}
        atomic<T>& operator[](std::int64_t index) noexcept { return values[static_cast<std::size_t>(index) & mask]; }

        std::size_t const mask;
        std::unique_ptr<atomic<T>[]> const values;
        std::unique_ptr<ring> before; // thieves may still be reading it; all of them are no larger than this one
    };

    ring& grow(ring* full, std::int64_t top, std::int64_t bottom);

    // I1: the values in the deque are those of [top_, bottom_), but for one moment in pop_bottom, which lowers bottom_
    //     first and asks afterwards.
    // I2: top_ only grows, and each step of it is one compare-exchange by who takes that value. The last value is
    //     taken like this by the owner, too.
    // I3: a ring's value at an index in [top_, bottom_) is never overwritten; rings that thieves may read stay.
    // I4: seen_top_ <= top_, so it errs towards full.
    //
    // Written by thieves, and by the owner for the last value.
    alignas(cache_line) atomic<std::int64_t> top_{0};
    // Written by the owner.
    alignas(cache_line) atomic<std::int64_t> bottom_{0};
    std::int64_t seen_top_{0};
    atomic<ring*> ring_{nullptr};
};

template <class T, std::size_t FirstCapacity>
void deque<T, FirstCapacity>::push_bottom(T value) {
    WEIR_ASSERT(static_cast<bool>(value), "a null cannot be told from an empty deque");
    auto const bottom = bottom_.load(relaxed); // own word: only the owner writes it
    ring* values = ring_.load(relaxed); // own word
    auto const capacity = values ? static_cast<std::int64_t>(values->mask + 1) : 0;
    if (bottom - seen_top_ >= capacity) {
        seen_top_ = top_.load(acquire); // [taken] the thieves have read what this push overwrites: keeps I3
        if (bottom - seen_top_ >= capacity) values = &grow(values, seen_top_, bottom);
    }
    (*values)[bottom].store(value, relaxed); // [pushed] orders it
    bottom_.store(bottom + 1, release); // [pushed] hands over the value and what it points to
}

template <class T, std::size_t FirstCapacity>
T deque<T, FirstCapacity>::pop_bottom() noexcept {
    auto const bottom = bottom_.load(relaxed) - 1; // own word
    // Only the owner fills it, so what is empty stays empty and no thief need be told.
    // relaxed: an old top errs towards "not empty", which the rest sorts out.
    if (bottom < top_.load(relaxed)) return T{};
    // [lowered] seq_cst, as without it owner and thief could each miss what the other saw and both take the same value:
    //   owner:  bottom_ = bottom; read top_         thief:  read top_, as another thief's step left it; read bottom_
    // If the owner misses that step, its look at top_ stands before the thief's, so its store before the thief's look at
    // bottom_, who then finds nothing. The step itself need not be seq_cst for that: both looks at it are.
    bottom_.store(bottom, seq_cst); // [lowered], and [pushed] for a thief who reads this
    auto top = top_.load(seq_cst); // [lowered]
    ring& values = *ring_.load(relaxed); // own word; not null, as something was pushed
    // own value: a thief who did not see bottom_ lowered has moved top_ before we read it, and that is below still
    if (top < bottom) return values[bottom].load(relaxed);
    bool taken = false;
    // relaxed: own value; being a read-modify-write, it passes [taken] on
    if (top == bottom) taken = top_.compare_exchange_strong(top, top + 1, relaxed, relaxed); // keeps I2
    bottom_.store(bottom + 1, release); // [pushed] again: a thief may read this store instead of the push's
    if (!taken) return T{};
    return values[bottom].load(relaxed); // own value
}

template <class T, std::size_t FirstCapacity>
stolen<T> deque<T, FirstCapacity>::steal() noexcept {
    auto top = top_.load(seq_cst); // [lowered] first top, then bottom: see pop_bottom
    auto const bottom = bottom_.load(seq_cst); // [lowered], [pushed]
    if (top >= bottom) return {steal_status::empty, T{}};
    ring& values = *ring_.load(acquire); // [grown] after bottom_, so it holds what that promises
    T const value = values[top].load(relaxed); // [pushed] ordered it; overwritten only once the step below must fail
    if (!top_.compare_exchange_strong(top, top + 1, release, relaxed)) // [taken] keeps I2, and the load above before it
        return {steal_status::lost, T{}};
    return {steal_status::taken, value};
}

template <class T, std::size_t FirstCapacity>
std::size_t deque<T, FirstCapacity>::size_hint() const noexcept {
    // relaxed: a hint
    auto const top = top_.load(relaxed);
    return static_cast<std::size_t>(std::max<std::int64_t>(bottom_.load(relaxed) - top, 0));
}

template <class T, std::size_t FirstCapacity>
auto deque<T, FirstCapacity>::grow(ring* full, std::int64_t top, std::int64_t bottom) -> ring& {
    auto larger = std::make_unique<ring>(full ? 2 * (full->mask + 1) : FirstCapacity, nullptr);
    for (auto index = top; index != bottom; ++index)
        (*larger)[index].store((*full)[index].load(relaxed), relaxed); // own values; [grown] orders the copies
    larger->before.reset(full);
    ring_.store(larger.get(), release); // [grown]
    return *larger.release();
}

static_assert(work_stealing<deque<void*>, void*>);
static_assert(sizeof(deque<void*>) == 2 * cache_line);

} // namespace weir
