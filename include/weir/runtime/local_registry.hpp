// weir/runtime/local_registry.hpp: where the resources of one worker_local are, and what has become of them, in numbers.
// It is shared by the worker_local and its resources, so it outlives the one and the others.
// For:      authors of primitives; others use worker_local.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/runtime/blocking_roster.hpp>

#include <cstdint>
#include <mutex>
#include <utility>

namespace weir::inline v0 {

// A look at what has happened so far; the parts may be a moment apart.
class worker_local_counts {
public:
    worker_local_counts() noexcept {}

    std::uint64_t made = 0;
    std::uint64_t reused = 0;         // uses that found one
    std::uint64_t discarded = 0;      // after a failed reset, or too old, or worn
    std::uint64_t reset_failures = 0; // of those
    std::uint64_t destroyed = 0;      // of all, also at the end of a thread or of the worker_local
};

class local_registry : immovable {
public:
    // One resource; a part of it, so it lives as long.
    class entry : public list_node, immovable {
    public:
        entry(local_registry& in, blocking_roster& home) : in_{in}, home_{home} {
            std::lock_guard const locked{in_.lock_};
            in_.entries_.push_back(*this);
        }
        ~entry() {
            std::lock_guard const locked{in_.lock_};
            list_node::unlink();
        }

    private:
        friend local_registry;
        local_registry& in_;
        blocking_roster& home_;
    };

    // Nobody asks for a resource any more: the threads that keep one tidy up.
    void close() noexcept {
        std::lock_guard const locked{lock_}; // while an entry is linked its thread, and so its roster, lives
        closed_.store(true, release);        // [unwanted]
        blocking_roster* told = nullptr;
        for (entry* each = entries_.front(); each; each = entries_.next(*each))
            if (std::exchange(told, &each->home_) != &each->home_) each->home_.tidy();
    }
    bool closed() const noexcept { return closed_.load(acquire); } // [unwanted]

    // Only numbers: nothing depends on them.
    void count_made() noexcept { made_.fetch_add(1, relaxed); } // a number
    void count_reused() noexcept { reused_.fetch_add(1, relaxed); } // a number
    void count_discarded() noexcept { discarded_.fetch_add(1, relaxed); } // a number
    void count_reset_failure() noexcept { reset_failures_.fetch_add(1, relaxed); } // a number
    void count_destroyed() noexcept { destroyed_.fetch_add(1, relaxed); } // a number
    worker_local_counts counts() const noexcept {
        worker_local_counts now;
        now.made = made_.load(relaxed); // a number, as the others
        now.reused = reused_.load(relaxed);
        now.discarded = discarded_.load(relaxed);
        now.reset_failures = reset_failures_.load(relaxed);
        now.destroyed = destroyed_.load(relaxed);
        return now;
    }

private:
    atomic<std::uint64_t> made_{0};
    atomic<std::uint64_t> reused_{0};
    atomic<std::uint64_t> discarded_{0};
    atomic<std::uint64_t> reset_failures_{0};
    atomic<std::uint64_t> destroyed_{0};
    atomic<bool> closed_{false};
    std::mutex lock_;
    intrusive_list<entry> entries_;
};

} // namespace weir
