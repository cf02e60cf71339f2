// bench/harness/race.hpp: threads that start together, and the time until the last of them is done.
#pragma once

#include "cores.hpp"

#include <weir/base/atomic.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

namespace bench {

struct racer {
    std::function<void()> run;
    std::optional<unsigned> core; // anywhere, where there is none
};

// Nanoseconds from the moment at which all threads stood at the line to that at which the last had finished.
// The calling thread sleeps meanwhile.
// Errors: ends the program where a core is not to be had, or a racer throws.
inline double race(std::vector<racer> const& racers) {
    using clock = std::chrono::steady_clock;
    std::vector<clock::time_point> started(racers.size());
    std::vector<clock::time_point> finished(racers.size());
    weir::atomic<std::size_t> awaited{racers.size()};

    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < racers.size(); ++n) {
        threads.emplace_back([&, n] {
            if (racers[n].core) pin(*racers[n].core);
            awaited.fetch_sub(1, weir::acq_rel); // [line]
            while (awaited.load(weir::acquire) != 0) std::this_thread::yield(); // [line]
            started[n] = clock::now();
            racers[n].run();
            finished[n] = clock::now();
        });
    }
    for (std::thread& thread : threads) thread.join();
    // The first to have left the line: who is late to it has delayed the others, which counts.
    auto const start = *std::min_element(started.begin(), started.end());
    auto const end = *std::max_element(finished.begin(), finished.end());
    return std::chrono::duration<double, std::nano>{end - start}.count();
}

} // namespace bench
