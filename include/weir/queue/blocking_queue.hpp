// weir/queue/blocking_queue.hpp: any queue for threads that wait: for a value, for room, until a deadline, until it is closed.
// Progress: try_x never waits. blocking_x stops the thread: it spins for some microseconds, then sleeps in the system.
// Order:    the queue's. What came before close() happens before a call that reports the end.
// Threads:  as many producers and consumers as the queue allows; spsc has one of each here, too. close() is anybody's.
// Cost:     to the queue's own, a push adds two read-modify-writes on a line of the producers, and push and pop a fence
//           and a load each, for the other side's sleepers. No system call while nobody sleeps.
// Not:      for coroutines: it stops the thread.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/errc.hpp>
#include <weir/base/futex.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/queue/concepts.hpp>
#include <weir/queue/event_count.hpp>
#include <weir/queue/spsc.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// Deadlines: one that has passed makes a call look once and not wait; max() never comes. Who is late looks a last time.
template <class Queue>
class blocking_queue : immovable {
public:
    using value_type = typename Queue::value_type;
    using time_point = std::chrono::steady_clock::time_point;

    static_assert(queue_of<Queue, value_type>);
    static_assert(std::is_nothrow_move_constructible_v<value_type> && std::is_nothrow_destructible_v<value_type>,
                  "a value whose move throws would be lost between two threads");

    // The queue's constructor gets the capacity, or whatever else it takes.
    explicit blocking_queue(std::size_t capacity)
        requires std::is_constructible_v<Queue, std::size_t>
        : queue_(capacity) {}
    template <class... Args>
        requires(std::is_constructible_v<Queue, Args...> &&
                 !(sizeof...(Args) == 1 && (std::is_arithmetic_v<std::remove_cvref_t<Args>> && ...)))
    explicit blocking_queue(Args&&... args) : queue_(std::forward<Args>(args)...) {}
    // Values that are left are destroyed.  Needs: every call has returned; close() and join the threads.
    ~blocking_queue() = default;

    // False when full or closed, and then `value` is untouched.
    bool try_push(value_type&& value) noexcept(noexcept(std::declval<Queue&>().try_push(std::move(value)))) {
        return push_once(std::move(value)) == sight::done;
    }
    bool try_push(value_type const& value) noexcept(noexcept(std::declval<Queue&>().try_push(value)))
        requires std::is_copy_constructible_v<value_type>
    {
        return push_once(value) == sight::done;
    }
    std::size_t try_push_n(std::span<value_type> values)
        requires bulk_queue<Queue, value_type>;
    // Waits for room. False when closed, and then `value` is untouched.
    bool blocking_push(value_type&& value) noexcept
        requires bounded_queue<Queue, value_type>
    {
        return blocking_push_until(std::move(value), time_point::max()).has_value();
    }
    // Errors: closed, timed_out; then `value` is untouched.
    result<void> blocking_push_until(value_type&& value, time_point deadline) noexcept
        requires bounded_queue<Queue, value_type>;
    template <class Rep, class Period>
    result<void> blocking_push_for(value_type&& value, std::chrono::duration<Rep, Period> span) noexcept
        requires bounded_queue<Queue, value_type>
    {
        return blocking_push_until(std::move(value), deadline_after(span));
    }

    // Empty when nothing was found.
    std::optional<value_type> try_pop() noexcept(noexcept(std::declval<Queue&>().try_pop()));
    std::size_t try_pop_n(std::span<value_type> out)
        requires bulk_queue<Queue, value_type>;
    // Waits for a value. Empty when closed and drained: then all that was ever pushed has been taken.
    std::optional<value_type> blocking_pop() noexcept;
    // Errors: closed (and drained), timed_out.
    result<value_type> blocking_pop_until(time_point deadline) noexcept;
    template <class Rep, class Period>
    result<value_type> blocking_pop_for(std::chrono::duration<Rep, Period> span) noexcept {
        return blocking_pop_until(deadline_after(span));
    }
    // Waits for one value and takes more that are there. Returns how many; 0 when closed and drained.
    // Needs: room in `out`, in these three.
    std::size_t blocking_pop_n(std::span<value_type> out) noexcept
        requires bulk_queue<Queue, value_type>
    {
        return blocking_pop_n_until(out, time_point::max()).value_or(0u);
    }
    // Errors: closed (and drained), timed_out.
    result<std::size_t> blocking_pop_n_until(std::span<value_type> out, time_point deadline) noexcept
        requires bulk_queue<Queue, value_type>;
    template <class Rep, class Period>
    result<std::size_t> blocking_pop_n_for(std::span<value_type> out, std::chrono::duration<Rep, Period> span) noexcept
        requires bulk_queue<Queue, value_type>
    {
        return blocking_pop_n_until(out, deadline_after(span));
    }

    // From here on pushes are refused and pops take what is left; all who wait come back. May be called again.
    void close() noexcept;
    bool closed() const noexcept { return (gate_.load(acquire) & shut) != 0; } // [shut]

    std::size_t capacity() const noexcept
        requires bounded_queue<Queue, value_type>
    {
        return queue_.capacity();
    }
    std::size_t size_hint() const noexcept { return queue_.size_hint(); }
    bool empty() const noexcept { return size_hint() == 0; }

private:
    // What a look at the queue came to.
    enum class sight {
        done,    // a value was moved
        over,    // closed; for a pop, drained, too
        moving,  // there is something, or room, and a call that is under way stands before it: look again soon
        nothing, // until another call changes that
    };

    // A push that is under way, counted in gate_ from its beginning to its end, an exception included.
    class passage : immovable {
    public:
        explicit passage(atomic<std::uint64_t>& gate) noexcept : gate_{gate} {
            if (gate_.load(acquire) & shut) return; // [shut] so that refused pushes do not keep a pop from the end
            counted_ = true;
            admitted_ = (gate_.fetch_add(one_push, acquire) & shut) == 0; // [shut]
        }
        ~passage() {
            if (counted_) gate_.fetch_sub(one_push, release); // [left]
        }
        bool admitted() const noexcept { return admitted_; }

    private:
        atomic<std::uint64_t>& gate_;
        bool counted_ = false;
        bool admitted_ = false;
    };

    template <class Value>
    sight push_once(Value&& value);
    template <class Take>
    sight pop_once(Take take) noexcept;
    template <class Look>
    static std::error_code wait(event_count& event, time_point deadline, Look look) noexcept;
    void pushed(std::size_t count) noexcept;
    void popped(std::size_t count) noexcept;

    // gate_: whether the queue is closed, and how many pushes are under way.
    //     even           open
    //     odd, above 1   closed; some push may have been admitted before, its value is still to come
    //     1              closed, and nothing comes any more, but what refused pushes count for a moment
    static constexpr std::uint64_t shut = 1;
    static constexpr std::uint64_t one_push = 2;

    // B1: a value is in the queue only by a push that was counted in gate_ and admitted. So who reads gate_ == shut and
    //     then finds the queue empty knows that all is taken.
    // B2: whoever changes what another may wait for notifies afterwards: a push not_empty_, a pop not_full_, close() both
    //     of them.
    // B3: nobody sleeps unless the queue says, after prepare_wait, both "refused" and, by its size_hint, that nothing is
    //     there (or no room). An mpmc reports empty although a push has returned, when an earlier one is under way before
    //     it; unbounded does so, too. The notification of the value behind is then over, and who slept would sleep next
    //     to it. So the thread yields and looks again, until the call before it is through.
    // B4: who gives up at its deadline in that state may have been woken for the value behind. It passes the wake-up on:
    //     otherwise the call before it wakes one sleeper, who takes one value, and nobody comes for the other.
    Queue queue_;
    // Written by producers and by close().
    alignas(cache_line) atomic<std::uint64_t> gate_{0};
    // Written by who sleeps and who wakes sleepers; read after each push, and after each pop of a bounded queue.
    alignas(cache_line) event_count not_empty_;
    alignas(cache_line) event_count not_full_;
};

// Looks until it is done or over, or late; sleeps on `event` in between. A body for pushes and pops.
template <class Queue>
template <class Look>
std::error_code blocking_queue<Queue>::wait(event_count& event, time_point deadline, Look look) noexcept {
    sight seen = look();
    if (seen == sight::done) return {};
    bool late = has_passed(deadline);
    backoff spin;
    for (unsigned n = 0; n < looks_before_sleep && !late && (seen == sight::nothing || seen == sight::moving); ++n) {
        spin();
        seen = look();
    }
    for (backoff again;;) {
        if (seen == sight::done) return {};
        if (seen == sight::over) return errc::closed;
        if (late) {
            if (seen == sight::moving) event.notify_one(); // keeps B4
            return errc::timed_out;
        }
        if (seen == sight::moving) {
            again(); // keeps B3
            late = has_passed(deadline);
            seen = look();
            continue;
        }
        auto const key = event.prepare_wait();
        seen = look();
        if (seen == sight::nothing) {
            late = !event.wait_until(key, deadline);
            seen = look(); // late or not: the event count wants it
        } else {
            event.cancel_wait();
        }
        again.reset();
    }
}

template <class Queue>
template <class Value>
auto blocking_queue<Queue>::push_once(Value&& value) -> sight {
    {
        passage const inside{gate_}; // keeps B1
        if (!inside.admitted()) return sight::over;
        if (!queue_.try_push(std::forward<Value>(value))) {
            if constexpr (bounded_queue<Queue, value_type>)
                if (queue_.size_hint() < queue_.capacity()) return sight::moving;
            return sight::nothing;
        }
    }
    pushed(1);
    return sight::done;
}

// `take` moves values out of the queue and gives how many.
template <class Queue>
template <class Take>
auto blocking_queue<Queue>::pop_once(Take take) noexcept -> sight {
    std::size_t count = take();
    if (count == 0) {
        auto const gate = gate_.load(acquire); // [left] and [shut], before the look that decides
        if (gate == shut) count = take();
        if (count == 0) {
            if (queue_.size_hint() != 0) return sight::moving;
            if (gate == shut) return sight::over; // keeps B1
            return gate & shut ? sight::moving : sight::nothing; // a push that is under way when the queue is closed
        }
    }
    popped(count);
    return sight::done;
}

template <class Queue>
void blocking_queue<Queue>::pushed(std::size_t count) noexcept { // keeps B2
    if (count == 1) not_empty_.notify_one();
    else if (count > 1) not_empty_.notify_all();
}

template <class Queue>
void blocking_queue<Queue>::popped(std::size_t count) noexcept { // keeps B2
    if constexpr (bounded_queue<Queue, value_type>) {
        if (count == 1) not_full_.notify_one();
        else if (count > 1) not_full_.notify_all();
    }
}

template <class Queue>
void blocking_queue<Queue>::close() noexcept {
    gate_.fetch_or(shut, release); // [shut]
    not_empty_.notify_all();       // keeps B2
    not_full_.notify_all();
}

template <class Queue>
std::size_t blocking_queue<Queue>::try_push_n(std::span<value_type> values)
    requires bulk_queue<Queue, value_type>
{
    std::size_t count = 0;
    {
        passage const inside{gate_}; // keeps B1
        if (inside.admitted()) count = queue_.try_push_n(values);
    }
    pushed(count);
    return count;
}

template <class Queue>
result<void> blocking_queue<Queue>::blocking_push_until(value_type&& value, time_point deadline) noexcept
    requires bounded_queue<Queue, value_type>
{
    return wait(not_full_, deadline, [&]() noexcept { return push_once(std::move(value)); });
}

template <class Queue>
auto blocking_queue<Queue>::try_pop() noexcept(noexcept(std::declval<Queue&>().try_pop())) -> std::optional<value_type> {
    auto value = queue_.try_pop();
    if (value) popped(1);
    return value;
}

template <class Queue>
std::size_t blocking_queue<Queue>::try_pop_n(std::span<value_type> out)
    requires bulk_queue<Queue, value_type>
{
    auto const count = queue_.try_pop_n(out);
    popped(count);
    return count;
}

template <class Queue>
auto blocking_queue<Queue>::blocking_pop() noexcept -> std::optional<value_type> {
    auto taken = blocking_pop_until(time_point::max());
    return taken ? std::optional<value_type>{*std::move(taken)} : std::nullopt;
}

template <class Queue>
auto blocking_queue<Queue>::blocking_pop_until(time_point deadline) noexcept -> result<value_type> {
    std::optional<value_type> value;
    auto const take = [&]() noexcept -> std::size_t {
        if (auto found = queue_.try_pop()) value.emplace(*std::move(found));
        return value.has_value();
    };
    auto const error = wait(not_empty_, deadline, [&]() noexcept { return pop_once(take); });
    if (error) return error;
    return *std::move(value);
}

template <class Queue>
auto blocking_queue<Queue>::blocking_pop_n_until(std::span<value_type> out, time_point deadline) noexcept -> result<std::size_t>
    requires bulk_queue<Queue, value_type>
{
    WEIR_ASSERT(!out.empty(), "a pop was given no room");
    std::size_t count = 0;
    auto const take = [&]() noexcept { return count = queue_.try_pop_n(out); };
    auto const error = wait(not_empty_, deadline, [&]() noexcept { return pop_once(take); });
    if (error) return error;
    return count;
}

static_assert(bounded_queue<blocking_queue<spsc<int>>, int> && bulk_queue<blocking_queue<spsc<int>>, int>);

} // namespace weir
