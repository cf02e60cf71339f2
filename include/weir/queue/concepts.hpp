// weir/queue/concepts.hpp: what may be expected of a queue, whichever it is.
// A queue's header ends with the concepts it satisfies. Which threads may call which end is not in a signature; the
// title cards say it.
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>

namespace weir::inline v0 {

// Something to push into and pop from, without waiting. A refused push leaves the value untouched.
template <class Queue, class Value>
concept queue_of = requires(Queue& queue, Queue const& observed, Value&& value) {
    { queue.try_push(static_cast<Value&&>(value)) } -> std::same_as<bool>;
    { queue.try_pop() } -> std::same_as<std::optional<Value>>;
    { observed.size_hint() } -> std::same_as<std::size_t>;
};

// A queue that is full at some point, and says at which.
template <class Queue, class Value>
concept bounded_queue = queue_of<Queue, Value> && requires(Queue& queue, Queue const& observed, Value&& value) {
    { observed.capacity() } noexcept -> std::same_as<std::size_t>;
    { queue.try_push(static_cast<Value&&>(value)) } noexcept; // the room was allocated at the start
    { queue.try_pop() } noexcept;
};

// A queue that moves many values for the price of one synchronisation. Both return how many, counted from the front.
template <class Queue, class Value>
concept bulk_queue = queue_of<Queue, Value> && requires(Queue& queue, std::span<Value> values) {
    { queue.try_push_n(values) } -> std::same_as<std::size_t>;
    { queue.try_pop_n(values) } -> std::same_as<std::size_t>;
};

// A queue of items that carry their own link, which is drained whole.
template <class Queue, class Item>
concept inbox_of = requires(Queue& queue, Queue const& observed, Item& item) {
    { queue.push(item) } noexcept -> std::same_as<bool>; // true when it was empty
    queue.pop_all();
    { observed.empty() } noexcept -> std::same_as<bool>;
};

// A queue with two ends: one thread's own, and one where anybody takes.
template <class Queue, class Value>
concept work_stealing = requires(Queue& queue, Queue const& observed, Value value) {
    queue.push_bottom(value);
    { queue.pop_bottom() } noexcept -> std::same_as<Value>;
    { queue.steal() } noexcept;
    { observed.size_hint() } noexcept -> std::same_as<std::size_t>;
};

} // namespace weir
