// weir/cpu.hpp: the processor: waiting a moment, asking for memory ahead, and where threads may run.
// Unless a comment says otherwise, functions here may be called from any thread.
#pragma once

#include <weir/cpu/pause.hpp>         // pause, backoff
#include <weir/cpu/prefetch.hpp>      // prefetch_read, prefetch_write, prefetch_range, for_each_prefetched
#include <weir/cpu/cpu_set.hpp>       // cpu_set
#include <weir/cpu/affinity.hpp>      // this_thread_cpus, pin_this_thread
#include <weir/cpu/topology.hpp>      // topology: cores and their siblings, NUMA nodes, caches
#include <weir/cpu/placement.hpp>     // place_threads: near each other, far apart, one a core
#include <weir/cpu/cpu_grant.hpp>     // cpu_grant: what the control groups leave
#include <weir/cpu/usable_cpus.hpp>   // usable_cpus: how many workers make sense
#include <weir/cpu/perf_section.hpp>  // perf_section: counters round a stretch of code
#include <weir/cpu/perf_counters.hpp> // perf_counters: cycles, instructions, misses of a section
