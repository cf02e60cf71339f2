// weir/timer.hpp: sleeping, and stopping what takes too long.
#pragma once

#include <weir/timer/sleep.hpp>    // sleep_for, sleep_until
#include <weir/timer/interval.hpp> // interval: ticks without drift
#include <weir/timer/timeout.hpp>  // timeout, deadline
