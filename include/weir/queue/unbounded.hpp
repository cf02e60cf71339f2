// weir/queue/unbounded.hpp: a queue without a bound for any number of producers and consumers.
// Progress: lock-free, but for the allocation of blocks.
// Order:    FIFO for the values of one producer; none between producers. Not linearizable: a try_pop that runs beside a
//           push may miss values pushed before. A pop that returns x happens after the push of x.
// Checks:   ThreadSanitizer does not see the fences inside and reports false races; suppress `race:moodycamel::`.
// Not:      a source of back-pressure: it grows as long as there is memory. Use spsc.hpp where one can wait.
// Source:   C. Desrochers, "moodycamel::ConcurrentQueue" (github.com/cameron314/concurrentqueue, Debian's
//           libconcurrentqueue-dev); we add tokens as objects, std::optional and std::span. No other file sees it.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/immovable.hpp>
#include <weir/queue/concepts.hpp>

#include <cstddef>
#include <iterator>
#include <new>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#if __has_include(<moodycamel/concurrentqueue.h>) // somebody put it on the path on purpose
#include <moodycamel/concurrentqueue.h>
#elif __has_include(<concurrentqueue/moodycamel/concurrentqueue.h>)
#include <concurrentqueue/moodycamel/concurrentqueue.h>
#elif __has_include(<concurrentqueue/concurrentqueue.h>)
#include <concurrentqueue/concurrentqueue.h>
#elif __has_include(<concurrentqueue.h>)
#include <concurrentqueue.h>
#else
#error "unbounded.hpp needs moodycamel's ConcurrentQueue: libconcurrentqueue-dev, or concurrentqueue in vcpkg and Conan"
#endif

namespace weir::inline v0 {

template <class T>
class unbounded : immovable {
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                  "a value whose move throws would be lost between two threads");

public:
    using value_type = T;

    class producer;
    class consumer;

    unbounded() = default;
    // Values that are left are destroyed.  Needs: no call under way, no token left, and all pushes seen by this thread.

    // False only when memory is out, and then `value` is untouched.
    bool try_push(T&& value) { return queue_.enqueue(std::move(value)); }
    // Errors: what the copy throws, and then nothing was pushed.
    bool try_push(T const& value)
        requires std::is_copy_constructible_v<T>
    {
        return try_push(T(value)); // a copy that throws inside the queue would corrupt its block
    }
    // Moves all values, or none when memory is out. Returns how many.
    std::size_t try_push_n(std::span<T> values);

    // Empty when nothing was found.
    std::optional<T> try_pop();
    // Moves values to the front of `out`. Returns how many.
    std::size_t try_pop_n(std::span<T> out) { return queue_.try_dequeue_bulk(out.begin(), out.size()); }

    // A guess, exact while nobody else is in a call.
    std::size_t size_hint() const noexcept { return queue_.size_approx(); }
    bool empty() const noexcept { return size_hint() == 0; }

private:
    // Takes a value that need not be default-constructible.
    struct receiver {
        std::optional<T>& into;
        void operator=(T&& value) const { into.emplace(std::move(value)); }
    };

    // What `dequeue(into)` finds.
    template <class Dequeue>
    static std::optional<T> take(Dequeue dequeue) {
        if constexpr (std::is_trivially_copyable_v<T> && std::is_trivially_default_constructible_v<T>) {
            T value; // as it is: by way of the optional it costs half as much again
            if (!dequeue(value)) return std::nullopt;
            return value;
        } else {
            std::optional<T> value;
            receiver into{value};
            dequeue(into);
            return value;
        }
    }

    moodycamel::ConcurrentQueue<T> queue_;
};

// A producer's own lane in a queue: pushes through it cost about half, and keep their order.
// Needs:    the queue outlives it.  Threads: one at a time.
// Errors:   the constructor: std::bad_alloc; the end of the program without exceptions.
template <class T>
class unbounded<T>::producer : immovable {
public:
    explicit producer(unbounded& queue);

    // As in the queue.
    bool try_push(T&& value) { return queue_.enqueue(token_, std::move(value)); }
    bool try_push(T const& value)
        requires std::is_copy_constructible_v<T>
    {
        return try_push(T(value)); // as in the queue
    }
    std::size_t try_push_n(std::span<T> values);

private:
    moodycamel::ConcurrentQueue<T>& queue_;
    moodycamel::ProducerToken token_;
};

// A consumer's place in the round of producers: pops through it find a producer with values sooner.
// Needs:    the queue outlives it.  Threads: one at a time.
template <class T>
class unbounded<T>::consumer : immovable {
public:
    explicit consumer(unbounded& queue) : queue_{queue.queue_}, token_{queue.queue_} {}

    // As in the queue.
    std::optional<T> try_pop();
    std::size_t try_pop_n(std::span<T> out) { return queue_.try_dequeue_bulk(token_, out.begin(), out.size()); }

private:
    moodycamel::ConcurrentQueue<T>& queue_;
    moodycamel::ConsumerToken token_;
};

template <class T>
std::size_t unbounded<T>::try_push_n(std::span<T> values) {
    if (values.empty()) return 0;
    return queue_.enqueue_bulk(std::make_move_iterator(values.begin()), values.size()) ? values.size() : 0;
}

template <class T>
WEIR_INLINE std::optional<T> unbounded<T>::try_pop() {
    return take([this](auto& into) { return queue_.try_dequeue(into); });
}

template <class T>
unbounded<T>::producer::producer(unbounded& queue) : queue_{queue.queue_}, token_{queue.queue_} {
    if (token_.valid()) return;
#if WEIR_EXCEPTIONS
    throw std::bad_alloc();
#else
    WEIR_FATAL("out of memory for a producer's lane");
#endif
}

template <class T>
std::size_t unbounded<T>::producer::try_push_n(std::span<T> values) {
    // A token is valid once it is made, but GCC at -O3 considers that it is not, and warns of what would come of it.
    if (values.empty() || !token_.valid()) return 0;
    return queue_.enqueue_bulk(token_, std::make_move_iterator(values.begin()), values.size()) ? values.size() : 0;
}

template <class T>
WEIR_INLINE std::optional<T> unbounded<T>::consumer::try_pop() { // inline for the same reason as in spsc.hpp
    return take([this](auto& into) { return queue_.try_dequeue(token_, into); });
}

static_assert(queue_of<unbounded<int>, int> && bulk_queue<unbounded<int>, int>);

} // namespace weir
