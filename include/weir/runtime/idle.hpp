// weir/runtime/idle.hpp: which workers sleep, how many search for work, and whom to wake.
// At most one is woken at a time, and it wakes the next when it has found something: a burst of work wakes as many as it
// needs, and a single job does not wake a herd.
// For:      authors of primitives.
// Source:   D. Vyukov, "Scalable Go Scheduler Design Doc", 2012; the Tokio authors, "Making the Tokio scheduler 10x
//           faster", 2019.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/cpu/spin_lock.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace weir {

class idle_workers : immovable {
public:
    explicit idle_workers(unsigned workers) : workers_{workers}, counts_{pack(0, workers)} { asleep_.reserve(workers); }

    // Whom to wake for new work, if anybody should be; that worker counts as awake and searching from now on.
    // Needs: the work to be visible, and a seq_cst operation or fence between publishing it and this call.
    std::optional<unsigned> pick_sleeper() noexcept;

    // False when enough others search already.
    bool start_searching() noexcept {
        auto now = counts_.load(relaxed); // only a limit: the exchange decides
        do {
            if (2 * searching(now) >= workers_) return false;
        } while (!counts_.compare_exchange_weak(now, now + pack(1, 0), seq_cst, relaxed)); // [idle]
        return true;
    }
    // True for the last searcher: it has found work and must see that another one searches.
    bool stop_searching() noexcept { return searching(counts_.fetch_sub(pack(1, 0), seq_cst)) == 1; } // [idle]

    // Goes to sleep. True when nobody searches any more: it must look once more, at everything, and call pick_sleeper if
    // there is something after all. That also holds for one that was refused to search, for who searched may have found
    // something else in the meantime.
    bool fall_asleep(unsigned worker, bool was_searching) noexcept;
    // Awake again. True when somebody picked it, so that it counts as searching; false when it woke by itself.
    bool wake_up(unsigned worker) noexcept;

private:
    // How many search, in the lower half, and how many are awake, in the upper; those who search are awake.
    // N1: a worker is in asleep_ exactly while it is not counted as awake; both change under lock_.
    // N2: work that is published while somebody searches is found: by a searcher, or by the second look of who falls
    //     asleep last.
    static constexpr std::uint64_t pack(std::uint64_t searching, std::uint64_t awake) noexcept {
        return searching | awake << 32;
    }
    static constexpr unsigned searching(std::uint64_t counts) noexcept { return static_cast<unsigned>(counts); }
    static constexpr unsigned awake(std::uint64_t counts) noexcept { return static_cast<unsigned>(counts >> 32); }
    bool wanted(std::uint64_t counts) const noexcept { return searching(counts) == 0 && awake(counts) < workers_; }

    unsigned const workers_;
    alignas(cache_line) atomic<std::uint64_t> counts_;
    spin_lock lock_;
    std::vector<unsigned> asleep_; // the last to fall asleep is woken first: its cache is warm
};

inline std::optional<unsigned> idle_workers::pick_sleeper() noexcept {
    // [idle] publisher:  work; read counts        searcher:  leave counts; read work
    if (!wanted(counts_.load(seq_cst))) return std::nullopt;
    spin_guard const locked{lock_};
    if (!wanted(counts_.load(seq_cst)) || asleep_.empty()) return std::nullopt; // [idle]
    unsigned const worker = asleep_.back();
    asleep_.pop_back();
    counts_.fetch_add(pack(1, 1), seq_cst); // [idle] keeps N1
    return worker;
}

inline bool idle_workers::fall_asleep(unsigned worker, bool was_searching) noexcept {
    spin_guard const locked{lock_};
    asleep_.push_back(worker);
    auto const before = counts_.fetch_sub(pack(was_searching, 1), seq_cst); // [idle] keeps N1
    return searching(before) == (was_searching ? 1u : 0u);
}

inline bool idle_workers::wake_up(unsigned worker) noexcept {
    spin_guard const locked{lock_};
    for (auto& each : asleep_)
        if (each == worker) {
            each = asleep_.back();
            asleep_.pop_back();
            counts_.fetch_add(pack(0, 1), seq_cst); // [idle] keeps N1
            return false;
        }
    return true;
}

} // namespace weir
