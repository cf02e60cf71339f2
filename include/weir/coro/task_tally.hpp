// weir/coro/task_tally.hpp: how many children of scopes have begun and ended on a thread, for who asks from elsewhere.
// A worker installs its own; on threads that have none nothing is counted. A child begins and ends on its executor's
// threads, on any two of them, so only the sums over all of those mean something: what has begun and not ended is live.
// For:      authors of primitives: scope.hpp, worker.hpp.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/thread_words.hpp>

#include <cstdint>

namespace weir::inline v0 {

// Threads: the thread that it is installed on counts; any may read.
class task_tally : immovable {
public:
    static void count_begun() noexcept {
        if (task_tally* const mine = here()) add_one(mine->begun_);
    }
    static void count_ended() noexcept {
        if (task_tally* const mine = here()) add_one(mine->ended_);
    }

    std::uint64_t begun() const noexcept { return begun_.load(relaxed); } // a number
    std::uint64_t ended() const noexcept { return ended_.load(relaxed); } // a number

private:
    static task_tally* here() noexcept { return static_cast<task_tally*>(get_thread_word<thread_word::task_tally>()); }
    // Own words: a load and a store, as nobody else writes them.
    static void add_one(atomic<std::uint64_t>& word) noexcept { word.store(word.load(relaxed) + 1, relaxed); }

    atomic<std::uint64_t> begun_{0};
    atomic<std::uint64_t> ended_{0};
};

} // namespace weir
