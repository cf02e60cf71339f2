// weir/sync/shared_mutex.hpp: many readers at once, or one writer.
// Order:    FIFO: a writer that waits is not overtaken by readers who come later, and the readers who wait next to each
//           other go in together.
// Progress: one compare-and-swap to lock and one to unlock while nobody waits; readers share that word, so it pays where
//           what is done under the lock takes longer than the lock.
// Not:      recursive: a reader who asks again behind a waiting writer waits for itself. Not upgradable.
#pragma once

#include <weir/sync/semaphore.hpp>

#include <cstddef>

namespace weir::inline v0 {

// A semaphore of which a reader holds one permit and a writer all.
// Threads: any, for every function.
class shared_mutex : immovable {
public:
    // More readers than this at once wait.
    static constexpr std::size_t most_readers = std::size_t{1} << 30;

    // Alone.  Returns: result<permit>, held until the end of the permit's life.
    // Cancel: leaves its place, and readers who waited behind it may go in.
    auto lock() noexcept { return permits_.acquire(most_readers); }
    // With other readers.  Returns, Cancel: as lock.
    auto lock_shared() noexcept { return permits_.acquire(1); }
    // An empty permit when it cannot be had at once, or others wait.
    permit try_lock() noexcept { return permits_.try_acquire(most_readers); }
    permit try_lock_shared() noexcept { return permits_.try_acquire(1); }

private:
    semaphore permits_{most_readers};
};

} // namespace weir
