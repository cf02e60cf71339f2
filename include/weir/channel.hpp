// weir/channel.hpp: values between tasks.
// Unless a line says otherwise: any thread may call, waiting allocates nothing (what is a task has a frame), every wait can
// be stopped, and no call resumes a coroutine before it returns.
#pragma once

#include <weir/channel/channel.hpp>   // channel: a bounded FIFO, one value at a time or many, or a place first
#include <weir/channel/place.hpp>     // channel_place: room in it, held
#include <weir/channel/oneshot.hpp>   // oneshot: one value between two halves
#include <weir/channel/broadcast.hpp> // broadcast: every receiver sees every value
#include <weir/channel/watch.hpp>     // watch: the latest value, and its next change
#include <weir/channel/weight_limit.hpp>        // weight_limit: how heavy a chunk may be
#include <weir/channel/chunks.hpp>              // chunks, ready_chunks: the elements of a source, many at a time
#include <weir/channel/for_each_concurrent.hpp> // for_each_concurrent: a task for each element, so many at a time
#include <weir/channel/results.hpp>             // results: what tasks make of a source, for the one who takes it
#include <weir/channel/map_concurrent.hpp>      // map_concurrent, unordered: the tasks that make them
#include <weir/channel/read_ahead.hpp>          // read_ahead: a generator read by a task of its own
#if __has_include(<concurrentqueue/moodycamel/concurrentqueue.h>) || __has_include(<moodycamel/concurrentqueue.h>) || \
    __has_include(<concurrentqueue/concurrentqueue.h>) || __has_include(<concurrentqueue.h>)
#include <weir/channel/unbounded_channel.hpp> // unbounded_channel: sending never waits; where its package is installed
#endif
