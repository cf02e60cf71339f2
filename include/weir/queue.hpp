// weir/queue.hpp: queues between threads that never wait and, unless their card says otherwise, take no lock.
// Unless a declaration says otherwise: any thread may call, nothing is allocated, and nothing throws.
#pragma once

#include <weir/queue/concepts.hpp>    // what may be expected of a queue
#include <weir/queue/spsc.hpp>        // a bounded ring between one producer and one consumer, in bulk and in place
#include <weir/queue/mpmc.hpp>        // a bounded ring for any number of producers and consumers, in bulk
#include <weir/queue/mpsc.hpp>        // an intrusive inbox: anybody pushes, who drains takes all
#include <weir/queue/deque.hpp>       // work stealing: the owner at one end, thieves at the other
#include <weir/queue/event_count.hpp> // sleep until something has changed, without a lock round the change
#include <weir/queue/blocking_queue.hpp> // any of these, for threads that wait
#if __has_include(<concurrentqueue/moodycamel/concurrentqueue.h>) || __has_include(<moodycamel/concurrentqueue.h>) || \
    __has_include(<concurrentqueue/concurrentqueue.h>) || __has_include(<concurrentqueue.h>)
#include <weir/queue/unbounded.hpp> // any number of producers and consumers, no bound; where its package is installed
#endif
