// weir/sync.hpp: how coroutines wait for each other.
// All of it is FIFO; waiting allocates nothing; set, release and unlock are noexcept and resume nobody inside the call.
#pragma once

#include <weir/sync/event.hpp>     // event
#include <weir/sync/mutex.hpp>     // mutex, mutex_guard
#include <weir/sync/semaphore.hpp> // semaphore, permit
