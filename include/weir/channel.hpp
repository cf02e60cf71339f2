// weir/channel.hpp: values between tasks.
// Unless a line says otherwise: any thread may call, waiting allocates nothing, every wait can be stopped, and no call
// resumes a coroutine before it returns.
#pragma once

#include <weir/channel/channel.hpp>   // channel: a bounded FIFO, one value at a time or many, or a place first
#include <weir/channel/place.hpp>     // channel_place: room in it, held
#include <weir/channel/oneshot.hpp>   // oneshot: one value between two halves
#include <weir/channel/broadcast.hpp> // broadcast: every receiver sees every value
#include <weir/channel/watch.hpp>     // watch: the latest value, and its next change
#if __has_include(<concurrentqueue/moodycamel/concurrentqueue.h>) || __has_include(<moodycamel/concurrentqueue.h>) || \
    __has_include(<concurrentqueue/concurrentqueue.h>) || __has_include(<concurrentqueue.h>)
#include <weir/channel/unbounded_channel.hpp> // unbounded_channel: sending never waits; where its package is installed
#endif
