// weir/runtime/figures.hpp: what a runtime has done so far and has in hand, in numbers.
// The totals of all workers and, for who wants to see whether they share the work, those of each. Taken while the workers
// go on, so the parts may be a moment apart.
#pragma once

#include <weir/io/backend.hpp>
#include <weir/runtime/blocking_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace weir::inline v0 {

// Of one worker, since its start.
class worker_figures {
public:
    worker_figures() noexcept {}

    std::uint64_t turns = 0;    // jobs run: each is one resume of a task, with all that it hands over to on the way
    std::uint64_t stolen = 0;   // jobs that it has taken from others
    std::uint64_t parks = 0;    // times that it has slept in the kernel
    std::uint64_t wake_ups = 0; // of those, after which there was something to do
    std::size_t queued = 0;     // jobs that wait where others may take them: all but the newest, and who has yielded
    std::size_t timers = 0;     // that have not come due

    worker_figures& operator+=(worker_figures const& other) noexcept {
        turns += other.turns;
        stolen += other.stolen;
        parks += other.parks;
        wake_ups += other.wake_ups;
        queued += other.queued;
        timers += other.timers;
        return *this;
    }
};

class runtime_figures {
public:
    runtime_figures() {}

    // Tasks that were spawned, or run side by side by when_all and its like, and have begun; those of block_on as well.
    std::uint64_t tasks_begun = 0;
    std::uint64_t tasks_live = 0; // of those, which have not ended
    worker_figures all;
    std::vector<worker_figures> workers;
    blocking_counts blocking; // nothing from the end of shutdown on
    std::optional<io::backend> backend; // of the first worker; none while its driver is not open
};

} // namespace weir
