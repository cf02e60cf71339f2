// weir/cpu.hpp: the processor: waiting a moment, asking for memory ahead, and where threads may run.
// Unless a comment says otherwise, functions here may be called from any thread.
#pragma once

#include <weir/cpu/pause.hpp>     // pause, backoff
#include <weir/cpu/prefetch.hpp>  // prefetch_read, prefetch_write, prefetch_range
#include <weir/cpu/cpu_set.hpp>   // cpu_set
#include <weir/cpu/affinity.hpp>  // this_thread_cpus, pin_this_thread
#include <weir/cpu/cpu_grant.hpp> // cpu_grant: what the control groups leave
#include <weir/cpu/topology.hpp>  // usable_cpus
