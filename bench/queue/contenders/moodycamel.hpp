// bench/queue/contenders/moodycamel.hpp: C. Desrochers' two queues, the one for any number of threads with its tokens.
#pragma once

#include "contender.hpp"

#include <weir/queue/unbounded.hpp> // which finds the header of ConcurrentQueue

#include <cstddef>
#include <span>

#if __has_include(<readerwriterqueue/readerwriterqueue.h>)
#include <readerwriterqueue/readerwriterqueue.h>
#endif

namespace bench {

struct moodycamel_spsc {
    static constexpr auto name = "moodycamel ReaderWriterQueue";
#if __has_include(<readerwriterqueue/readerwriterqueue.h>)
    moodycamel::ReaderWriterQueue<item> queue{room - 1}; // one ring; from `room` on it is four, of twice the room

    bool push(item value) { return queue.try_enqueue(value); } // the verb that does not grow it
    bool pop(item& value) { return queue.try_dequeue(value); }
#else
    static constexpr auto absent = "no libreaderwriterqueue-dev";
#endif
};

// Never full.
struct moodycamel_mpmc {
    static constexpr auto name = "moodycamel ConcurrentQueue, tokens";
    moodycamel::ConcurrentQueue<item> queue;

    struct producer {
        moodycamel::ConcurrentQueue<item>& to;
        moodycamel::ProducerToken token;
        explicit producer(moodycamel_mpmc& of) : to{of.queue}, token{of.queue} {}
        bool push(item value) { return to.enqueue(token, value); }
        std::size_t push_n(std::span<item> values) {
            return to.enqueue_bulk(token, values.data(), values.size()) ? values.size() : 0;
        }
    };
    struct consumer {
        moodycamel::ConcurrentQueue<item>& from;
        moodycamel::ConsumerToken token;
        explicit consumer(moodycamel_mpmc& of) : from{of.queue}, token{of.queue} {}
        bool pop(item& value) { return from.try_dequeue(token, value); }
        std::size_t pop_n(std::span<item> values) {
            return from.try_dequeue_bulk(token, values.data(), values.size());
        }
    };
};

} // namespace bench
