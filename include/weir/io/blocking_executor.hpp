// weir/io/blocking_executor.hpp: where work goes that may stop its thread: a file's data, a name to be resolved.
// The runtime's blocking pool implements it and each worker installs it as `current<io::blocking_executor>()`; so an
// operation for which the kernel has no waiting form runs there, and io knows no pool.
// For:      authors of primitives.
#pragma once

#include <weir/coro/executor.hpp>

#include <system_error>

namespace weir::inline v0::io {

class blocking_executor {
public:
    // Runs `work` on a thread that may be blocked, once.
    // Returns: no error; or why it was refused (errc::overloaded: the queue is full; errc::shut_down; or what the system
    //          said to a new thread while there was none), and then `work` was not touched and never runs.
    // Threads: any.  Cost: no allocation; perhaps a new thread.
    virtual std::error_code offer(job& work) noexcept = 0;
    // Takes back work that has not begun. True: it never runs. False: it runs, or has run.
    virtual bool withdraw(job& work) noexcept = 0;

protected:
    blocking_executor() = default;
    ~blocking_executor() = default;
};

} // namespace weir::io
