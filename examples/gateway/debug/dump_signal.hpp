// examples/gateway/debug/dump_signal.hpp: who waits for what, told to the log at a signal.
//     weir::io::signal_set asked{SIGUSR1}; // before the runtime
//     tasks.spawn(&gateway::dump_at_signal, &asked, &runtime, &log);
#pragma once

#include "../log.hpp"

#include <weir/coro/task.hpp>
#include <weir/io/signals.hpp>
#include <weir/runtime/runtime.hpp>

namespace gateway {

// At each signal a line of the log for each of the dump, until it is cancelled.
// Needs: a runtime that keeps account of waits; all three outlive the task.
weir::task<> dump_at_signal(weir::io::signal_set* asked, weir::runtime* of, log* to);

} // namespace gateway
