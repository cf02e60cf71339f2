// tests/support/history.hpp: what several threads asked of an object and were told, each call with its interval.
// A call draws a ticket from one counter before it begins and one after it has ended. The tickets are
// read-modify-writes of one word that acquire and release, so no effect of a call moves up past its first ticket or down
// past its second, and a call whose second ticket is below another's first happens before that other. So the interval
// between the tickets contains the real one, and what is recorded as "before" is before.
// Not:      a clock. A store may still be on its way to the other cores when its thread reads a clock, so a look that
//           begins later by the clock may rightly miss it; happens-before is what a queue promises.
// Not:      fit to find races of plain memory: the tickets order much that the object itself leaves unordered.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/cache_line.hpp>
#include <weir/base/immovable.hpp>
#include <weir/cpu/affinity.hpp>
#include <weir/cpu/pause.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

namespace weir::test {

// `what` holds the question and the answer.
template <class Operation>
struct call {
    std::uint64_t began;
    std::uint64_t ended;
    unsigned thread;
    Operation what;
};

template <class Operation>
using history = std::vector<call<Operation>>;

// A log a thread, with room from the start: noting a call allocates nothing and touches no line of another thread.
template <class Operation>
class recorder : immovable {
public:
    recorder(std::size_t threads, std::size_t calls_per_thread) : logs_(threads) {
        for (log& each : logs_) each.calls.reserve(calls_per_thread);
    }

    // `ask` does one call and returns what it was.  Threads: one at a time for each number.
    template <class F>
    Operation note(unsigned thread, F&& ask) {
        auto const began = ticket();
        Operation what = std::forward<F>(ask)();
        auto const ended = ticket();
        logs_[thread].calls.push_back({began, ended, thread, what});
        return what;
    }

    // Needs: every call has ended.
    history<Operation> all() const {
        history<Operation> merged;
        for (log const& each : logs_) merged.insert(merged.end(), each.calls.begin(), each.calls.end());
        return merged;
    }

private:
    struct alignas(cache_line) log {
        history<Operation> calls;
    };

    std::uint64_t ticket() noexcept { return next_.fetch_add(1, acq_rel); } // [ticket] with every other of its kind

    alignas(cache_line) atomic<std::uint64_t> next_{0};
    std::vector<log> logs_;
};

// Runs `burst(thread)` on each thread, `rounds` times, so that they meet: all threads start each round together, waiting
// awake, as a burst is over before a sleeper is up; and they are spread over the cores, as two on one would take turns.
// On a machine that has other things to do it ends before, when `at_most` is over.
template <class Burst>
void race(unsigned threads, std::size_t rounds, std::chrono::milliseconds at_most, Burst const& burst) {
    auto const cores = this_thread_cpus();
    auto const deadline = std::chrono::steady_clock::now() + at_most;
    atomic<std::size_t> arrived{0};
    atomic<std::size_t> end{rounds}; // the first round that is not run
    std::vector<std::jthread> crew;
    for (unsigned thread = 0; thread < threads; ++thread)
        crew.emplace_back([&, thread] {
            if (cores) (void)pin_this_thread(cores->numbers()[thread % cores->size()]); // where it may not, by luck
            for (std::size_t round = 0; round < end.load(relaxed); ++round) { // as [round] brought it
                burst(thread);
                if (thread == 0 && std::chrono::steady_clock::now() > deadline)
                    end.store(round + 1, relaxed); // [round]
                arrived.fetch_add(1, release); // [round]
                for (backoff wait; arrived.load(acquire) < (round + 1) * threads;) wait(); // [round]
            }
        });
}

// How many calls began while a call of another thread was under way: what the checker had to find an order for.
template <class Operation>
std::size_t overlapping(history<Operation> const& calls) {
    std::vector<std::pair<std::uint64_t, bool>> events;
    for (auto const& each : calls) {
        events.emplace_back(each.began, true);
        events.emplace_back(each.ended, false);
    }
    std::sort(events.begin(), events.end());
    std::size_t under_way = 0;
    std::size_t count = 0;
    for (auto const& [ticket, begins] : events) {
        if (begins) count += under_way++ != 0;
        else --under_way;
    }
    return count;
}

} // namespace weir::test
