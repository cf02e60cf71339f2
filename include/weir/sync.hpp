// weir/sync.hpp: how coroutines wait for each other.
// All of it is FIFO; waiting allocates nothing; set, count_down, release, unlock and notify are noexcept and resume
// nobody inside the call.
#pragma once

#include <weir/sync/event.hpp>        // event
#include <weir/sync/latch.hpp>        // latch
#include <weir/sync/barrier.hpp>      // barrier
#include <weir/sync/mutex.hpp>        // mutex, mutex_guard
#include <weir/sync/condition.hpp>    // condition
#include <weir/sync/semaphore.hpp>    // semaphore, permit
#include <weir/sync/shared_mutex.hpp> // shared_mutex
#include <weir/sync/spawn_limit.hpp>  // spawn_limit
