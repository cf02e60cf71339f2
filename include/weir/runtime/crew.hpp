// weir/runtime/crew.hpp: what the workers of one runtime share: who they are, who sleeps, and what came from outside.
// For:      authors of primitives.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/executor.hpp>
#include <weir/cpu/posters.hpp>
#include <weir/metrics/histogram.hpp>
#include <weir/queue/mpsc.hpp>
#include <weir/runtime/blocking_pool.hpp>
#include <weir/runtime/idle.hpp>
#include <weir/runtime/options.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace weir::inline v0 {

class worker;

inline constexpr std::size_t priority_levels = static_cast<std::size_t>(priority::low) + 1;

// The crew itself is the executor of normal priority.
class crew final : public executor, immovable {
public:
    crew(runtime_options const& told, unsigned size);
    ~crew(); // both stand in worker.hpp, where a worker is known

    // Threads: any. On a worker of this crew the job stays there, where others may steal it.
    void post(job& work) noexcept override { post_at(work, priority::normal); }
    void post_last(job& work) noexcept override { post_last_at(work, priority::normal); }
    // The same at a priority: a job has none of its own, but the one of the executor that it is posted to.
    void post_at(job& work, priority level) noexcept;
    void post_last_at(job& work, priority level) noexcept;

    // As executor::offer and take_back, at a priority.
    void offer(job& work) noexcept override { offer_at(work, priority::normal); }
    bool take_back(job& work) noexcept override { return take_back_at(work, priority::normal); }
    void offer_at(job& work, priority level) noexcept;
    bool take_back_at(job& work, priority level) noexcept;

    // The executor for a priority; the crew itself for all of them when priorities are off.
    executor& at(priority level) noexcept override {
        if (!options.priorities || level == priority::normal) return *this;
        return lanes_[static_cast<std::size_t>(level)];
    }

    // Wakes a sleeper if nobody is looking for work already.  Needs: as idle_workers::pick_sleeper.
    void wake_one() noexcept;

    // Jobs of this priority from threads that are no workers here; whoever looks takes all.
    mpsc<job>& inbox(priority level) noexcept { return inboxes_[static_cast<std::size_t>(level)]; }
    bool inboxes_empty(std::memory_order order = relaxed) const noexcept {
        for (auto const& each : inboxes_)
            if (!each.empty(order)) return false; // [idle]
        return true;
    }
    std::string name_of(unsigned index) const { return options.name + "-" + std::to_string(index); }

    runtime_options const& options;
    std::vector<std::unique_ptr<worker>> workers; // does not change while threads run
    idle_workers idle;
    atomic<bool> stopping{false};
    posters outside; // threads that are no workers here, in the middle of post
    duration spin{0}; // for how long a worker looks before it sleeps; set before threads run
    histogram turn_times; // nanoseconds that a turn of a worker took, of about one in a thousand
    blocking_pool* blocking = nullptr; // what the workers install for who must block; set before threads run

private:
    class lane final : public executor {
    public:
        lane(crew& of, priority level) noexcept : of_{of}, level_{level} {}
        void post(job& work) noexcept override { of_.post_at(work, level_); }
        void post_last(job& work) noexcept override { of_.post_last_at(work, level_); }
        void offer(job& work) noexcept override { of_.offer_at(work, level_); }
        bool take_back(job& work) noexcept override { return of_.take_back_at(work, level_); }
        executor& at(priority level) noexcept override { return of_.at(level); }

    private:
        crew& of_;
        priority const level_;
    };

    // The calling thread's worker, if that is one of this crew.
    worker* here() noexcept;

    std::array<lane, priority_levels> lanes_;
    std::array<mpsc<job>, priority_levels> inboxes_;
};

} // namespace weir
