// weir/weir.hpp: the whole library, one folder a line, from the ground up.
#pragma once

#include <weir/version.hpp>

#include <weir/base.hpp>    // the words that every floor speaks
#include <weir/cpu.hpp>     // pausing, prefetching, and which cores a thread may use
#include <weir/simd.hpp>    // loops over bytes and numbers, a lane at a time
#include <weir/metrics.hpp> // counters, histograms, and their text for Prometheus
#include <weir/queue.hpp>   // queues between threads, each for as many ends as it names
#include <weir/memory.hpp>  // bytes, buffers and pools
#include <weir/coro.hpp>    // tasks, scopes, and what they hand to what they await
#include <weir/sync.hpp>    // event, mutex, semaphore and their kin: waits that suspend a coroutine and no thread
#include <weir/timer.hpp>   // sleeps, timeouts and the wheel behind them
#include <weir/io.hpp>      // what a coroutine asks of the kernel, on io_uring or epoll
#include <weir/runtime.hpp> // worker threads that run tasks and steal from each other
#include <weir/channel.hpp> // values between tasks
#include <weir/flow.hpp>    // coalescer and batcher
#include <weir/net.hpp>     // connections over the network
