// weir/runtime/worker_tally.hpp: what a worker has done so far, and whether it is at something right now.
// The worker alone writes, so to add is a load and a store; any thread reads.
// For:      authors of primitives: worker.hpp.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/task_tally.hpp>
#include <weir/runtime/figures.hpp>

#include <cstdint>

namespace weir::inline v0 {

class worker_tally : immovable {
public:
    // The worker's own.
    void begin_turn() noexcept { pulse_.store(turn_ += 2, relaxed); } // own word
    void rest() noexcept { pulse_.store(turn_ - 1, relaxed); } // own word
    // True in one turn of so many.
    bool is_turn_of(unsigned every) const noexcept { return turn_ % every == 0; }
    void steal() noexcept { add_one(stolen_); }
    void park() noexcept { add_one(parks_); }
    void wake_up() noexcept { add_one(wake_ups_); }
    task_tally& tasks() noexcept { return tasks_; }

    // Threads: any.
    // Differs from one turn to the next, and is 0 while there is none.
    std::uint64_t pulse() const noexcept {
        auto const now = pulse_.load(relaxed); // a hint
        return now % 2 == 1 ? now : 0;
    }
    task_tally const& tasks() const noexcept { return tasks_; }
    // Those that it counts: not what is queued, and no timers.
    worker_figures figures() const noexcept;

private:
    static void add_one(atomic<std::uint64_t>& number) noexcept { number.store(number.load(relaxed) + 1, relaxed); }

    alignas(cache_line) atomic<std::uint64_t> pulse_{0}; // turn_ while it has something to do, and else one less
    std::uint64_t turn_ = 1; // twice the number of the turn, and one
    task_tally tasks_;
    atomic<std::uint64_t> stolen_{0};
    atomic<std::uint64_t> parks_{0};
    atomic<std::uint64_t> wake_ups_{0};
};

inline worker_figures worker_tally::figures() const noexcept {
    worker_figures now;
    now.turns = pulse_.load(relaxed) / 2; // a number, as the others
    now.stolen = stolen_.load(relaxed);
    now.parks = parks_.load(relaxed);
    now.wake_ups = wake_ups_.load(relaxed);
    return now;
}

} // namespace weir
