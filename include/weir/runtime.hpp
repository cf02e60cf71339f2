// weir/runtime.hpp: the scheduler: worker threads that steal from each other, each with its timers and its driver; and
// threads beside them for what must block.
#pragma once

#include <weir/runtime/hook.hpp>             // hook: what is called at an occasion
#include <weir/runtime/options.hpp>          // runtime_options
#include <weir/runtime/named.hpp>            // named: a spawned task's name and priority
#include <weir/runtime/priority.hpp>         // with_priority
#include <weir/runtime/shutdown.hpp>         // shutdown_mode, shutdown_report
#include <weir/runtime/runtime.hpp>          // runtime: spawn, block_on, shutdown
#include <weir/runtime/blocking_options.hpp> // blocking_options
#include <weir/runtime/blocking_pool.hpp>    // blocking_pool: threads that may be blocked
#include <weir/runtime/blocking.hpp>         // blocking: a call on one of them, awaited
#include <weir/runtime/worker_local.hpp>     // worker_local: a costly resource, one for each thread that uses it
#include <weir/runtime/watchdog.hpp>         // watchdog: a deadline that really interrupts
#include <weir/runtime/figures.hpp>          // runtime_figures: what has happened so far
#include <weir/runtime/metrics.hpp>          // enter_metrics: the same, in a registry
#include <weir/runtime/profile.hpp>          // profile: folded stacks, and their picture
#include <weir/runtime/profiler.hpp>         // profiler: samples of what threads and tasks do
#include <weir/runtime/dump.hpp>             // dump: who waits, for what, on behalf of whom
