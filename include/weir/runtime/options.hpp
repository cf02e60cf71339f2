// weir/runtime/options.hpp: what a runtime is told before it starts.
#pragma once

#include <weir/coro/context.hpp>
#include <weir/cpu/placement.hpp>
#include <weir/io/backend.hpp>
#include <weir/runtime/blocking_options.hpp>
#include <weir/runtime/hook.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace weir::inline v0 {

// A job that has kept its worker for longer than it should, and still does.
struct stall_report {
    std::string_view worker; // its thread's name
    duration so_far;
};

class runtime_options {
public:
    runtime_options() {}

    unsigned workers = 0; // threads that run tasks; 0: as many as the process may use (affinity mask, cgroup quota)
    // One worker and no thread of its own: tasks run inside block_on and shutdown, on the thread that calls them, which
    // must be the same one each time. `workers` is 0 or 1 then.
    bool current_thread = false;
    std::string name = "weir"; // of the threads, followed by their number; the system shows 15 characters of it

    std::optional<placement> pinning; // which CPUs each worker is bound to; none: the system decides
    // On the worker's own thread with its number: before its first job, and after its last; with current_thread on the
    // one that calls, when it first serves tasks and at the end of shutdown. They must not throw.
    hook<unsigned> on_thread_start;
    hook<unsigned> on_thread_stop;

    bool priorities = false; // off: all jobs are equal, whatever their contexts say, and no turn asks
    // How long a worker that has run out of jobs looks for some before it sleeps, while that pays: each time that it
    // finds nothing it skips twice as many chances. None: 20 microseconds where the process may use more CPUs than there
    // are workers, and else 0, as a spinner takes a CPU from whoever is to give it work: with two workers on two virtual
    // CPUs it raised the CPU time of a wake-up by a third and more. Always 0 with one worker, or with one CPU.
    std::optional<std::chrono::microseconds> spin;
    // One resume that takes longer is reported while it lasts, to on_stall or else on stderr, by a thread that looks
    // four times in that time. 0: no such thread.
    std::chrono::milliseconds stall_limit{0};
    hook<stall_report const&> on_stall;

    // Keeps account of who waits for what and who holds which mutex, for dump(). Then each wait, and each lock of a
    // mutex, costs an allocation and a look at the clock more.
    bool keep_waits = false;

    io::backend_choice backend = io::backend_choice::automatic;
    unsigned ring_entries = 256; // of each worker's io_uring; rounded up to a power of two
    // The pool of threads for what must block; the environment variable WEIR_BLOCKING_THREADS overrides how many.
    blocking_options blocking;
    // How long the destructor waits for tasks that a stop does not end, before it ends the program with their names.
    // 0: for ever.
    std::chrono::milliseconds shutdown_deadline{0};

    // Empty, or what is wrong, by the name of the field.
    std::string problem() const;
};

inline std::string runtime_options::problem() const {
    auto const wrong = [](std::string_view field, auto value, std::string_view needs) {
        return "runtime_options::" + std::string{field} + " is " + std::to_string(value) + "; it must be " +
               std::string{needs};
    };
    if (workers > 4096) return wrong("workers", workers, "at most 4096");
    if (current_thread && workers > 1) return wrong("workers", workers, "0 or 1 with current_thread");
    if (name.empty()) return "runtime_options::name is empty";
    if (name.find('\0') != std::string::npos) return "runtime_options::name has a null character, which ends it";
    if (spin && (spin->count() < 0 || *spin > std::chrono::seconds{1}))
        return wrong("spin", spin->count(), "0 to 1000000 microseconds");
    if (blocking.threads == 0) return wrong("blocking.threads", 0, "1 or more");
    if (stall_limit.count() < 0) return wrong("stall_limit", stall_limit.count(), "0 milliseconds or more");
    if (shutdown_deadline.count() < 0)
        return wrong("shutdown_deadline", shutdown_deadline.count(), "0 milliseconds or more");
    if (ring_entries < 8 || ring_entries > 32768) return wrong("ring_entries", ring_entries, "8 to 32768");
    return {};
}

} // namespace weir
