// weir/runtime.hpp: the scheduler: worker threads that steal from each other, each with its timers and its driver.
#pragma once

#include <weir/runtime/options.hpp> // runtime_options
#include <weir/runtime/runtime.hpp> // runtime: spawn, block_on, shutdown
