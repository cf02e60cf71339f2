// weir/runtime/idle.hpp: which workers sleep, how many search for work, and whom to wake.
// At most one is woken at a time, and it wakes the next when it has found something: a burst of work wakes as many as it
// needs, and a single job does not wake a herd.
// For:      authors of primitives.
// Source:   D. Vyukov, "Scalable Go Scheduler Design Doc", 2012; the Tokio authors, "Making the Tokio scheduler 10x
//           faster", 2019. There each push pays a fence; here who sleeps for long pays for all, see N3.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/cpu/asymmetric_fence.hpp>
#include <weir/cpu/spin_lock.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace weir::inline v0 {

// How many workers search for work and how many are awake, in one word. Those who search are awake, too.
//   bits 0 to 31    searching
//   bits 32 to 63   awake
//   searching 0, all awake       nobody to wake
//   searching 0, some asleep     who publishes work wakes one
//   searching 1 or more          who publishes work leaves it to them
class idle_counts {
public:
    using word = std::uint64_t;

    constexpr explicit idle_counts(word bits) noexcept : bits_{bits} {}
    static constexpr word pack(unsigned searching, unsigned awake) noexcept { return searching | word{awake} << 32; }

    constexpr unsigned searching() const noexcept { return static_cast<unsigned>(bits_); }
    constexpr unsigned awake() const noexcept { return static_cast<unsigned>(bits_ >> 32); }

private:
    word bits_;
};

// What a worker leaves behind as it falls asleep, and so what it must do before.
enum class left_behind : unsigned char {
    searchers, // they find what there is: sleep
    workers, // look once more, at everything; before a long sleep call settle() first
    nobody, // look once more
};

class idle_workers : immovable {
public:
    explicit idle_workers(unsigned workers) : workers_{workers}, counts_{idle_counts::pack(0, workers)} {
        asleep_.reserve(workers);
    }

    // Whether a sleeper should be woken for what the caller, a worker, has pushed just now.  Cost: a load.
    bool short_handed() const noexcept {
        fence_.light(); // [settled] with the fence in settle()
        // relaxed: in the very moment in which a worker falls asleep this may be the count before, which N3 makes good
        return wanted(idle_counts{counts_.load(relaxed)});
    }
    // Whom to wake for new work, if anybody should be; that worker counts as awake and searching from now on.
    // Needs: of who is no worker: the work to have been published by a seq_cst operation.
    std::optional<unsigned> pick_sleeper() noexcept;

    // False when enough others search already.
    bool start_searching() noexcept;
    // True for the last searcher: it has found work and must see that another one searches.
    bool stop_searching() noexcept {
        return idle_counts{counts_.fetch_sub(idle_counts::pack(1, 0), seq_cst)}.searching() == 1; // [idle]
    }
    // Whether the caller, who searches, is the only one; a hint.
    bool searches_alone() const noexcept { return idle_counts{counts_.load(relaxed)}.searching() == 1; } // a hint

    // Goes to sleep. What is found in a last look that this demands is not the caller's yet: it calls pick_sleeper, which
    // may name the caller. The last look is demanded also of one who was refused to search, for who searched may have
    // found something else in the meantime.
    left_behind fall_asleep(unsigned worker, bool was_searching) noexcept;
    // Between falling asleep and the last look before a long sleep: sees what workers that are awake have pushed before
    // they could see this one asleep.
    void settle() const noexcept { fence_.heavy(); } // [settled]
    // Awake again. True when somebody picked it, so that it counts as searching; false when it woke by itself.
    bool wake_up(unsigned worker) noexcept;

private:
    // N1: a worker is in asleep_ exactly while it is not counted as awake; both change under lock_.
    // N2: work that is published while somebody searches is found: by a searcher, or by the last look of who falls asleep
    //     last.
    // N3: nobody sleeps for long over work: each time that the searching has ended with workers still awake, one of those
    //     asleep looks after settle(). Who pushes has no fence, so a last look without that may miss a push, whose
    //     short_handed() missed the sleeper. It therefore ends a short sleep, and no long one.
    bool wanted(idle_counts now) const noexcept { return now.searching() == 0 && now.awake() < workers_; }

    unsigned const workers_;
    asymmetric_fence const fence_;
    alignas(cache_line) atomic<idle_counts::word> counts_;
    alignas(cache_line) spin_lock lock_;
    std::vector<unsigned> asleep_; // the last to fall asleep is woken first: its cache is warm
};

inline std::optional<unsigned> idle_workers::pick_sleeper() noexcept {
    // [idle] publisher:  work; read counts        searcher:  leave counts; read work
    if (!wanted(idle_counts{counts_.load(seq_cst)})) return std::nullopt;
    spin_guard const locked{lock_};
    if (!wanted(idle_counts{counts_.load(seq_cst)}) || asleep_.empty()) return std::nullopt; // [idle]
    unsigned const worker = asleep_.back();
    asleep_.pop_back();
    counts_.fetch_add(idle_counts::pack(1, 1), seq_cst); // [idle] keeps N1
    return worker;
}

inline bool idle_workers::start_searching() noexcept {
    auto now = counts_.load(relaxed); // only a limit: the exchange decides
    do {
        if (2 * idle_counts{now}.searching() >= workers_) return false;
    } while (!counts_.compare_exchange_weak(now, now + idle_counts::pack(1, 0), seq_cst, relaxed)); // [idle]
    return true;
}

inline left_behind idle_workers::fall_asleep(unsigned worker, bool was_searching) noexcept {
    spin_guard const locked{lock_};
    asleep_.push_back(worker);
    idle_counts const before{counts_.fetch_sub(idle_counts::pack(was_searching, 1), seq_cst)}; // [idle] keeps N1
    if (before.searching() != (was_searching ? 1u : 0u)) return left_behind::searchers;
    return before.awake() == 1 ? left_behind::nobody : left_behind::workers;
}

inline bool idle_workers::wake_up(unsigned worker) noexcept {
    spin_guard const locked{lock_};
    for (auto& each : asleep_)
        if (each == worker) {
            each = asleep_.back();
            asleep_.pop_back();
            counts_.fetch_add(idle_counts::pack(0, 1), seq_cst); // [idle] keeps N1
            return false;
        }
    return true;
}

} // namespace weir
