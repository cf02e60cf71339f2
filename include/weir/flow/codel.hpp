// weir/flow/codel.hpp: tells a queue that stands from one that only breathes, and whom to send away.
// A burst fills a queue and it empties again: no harm. A queue that has not been short once in a whole interval is
// standing: everybody in it waits, and waiting wins nothing. Then whoever has waited longer than bearable is sent away
// until the queue is short again.
// Source:   K. Nichols, V. Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012; for requests instead of packets
//           after B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>
#include <weir/cpu/spin_lock.hpp>

#include <algorithm>
#include <chrono>

namespace weir::inline v0 {

class codel_options {
public:
    codel_options() noexcept {}

    duration target = std::chrono::milliseconds{5};     // the wait that is well; twice that is bearable
    duration interval = std::chrono::milliseconds{100}; // about what a request takes at worst while all is well
};

// Threads: any.
class codel : immovable {
public:
    explicit codel(codel_options options = {}) noexcept : options_{options} {}

    // One leaves the queue after having waited for `waited`; zero for who found no queue.  Returns: true: send it away.
    bool sheds(duration waited, time_point now, priority urgency = priority::normal) noexcept;

private:
    // How long who is as urgent as that may have waited in a queue that stands.
    duration bearable(priority urgency) const noexcept {
        switch (urgency) {
            case priority::high: return 4 * options_.target;
            case priority::normal: return 2 * options_.target;
            case priority::low: break;
        }
        return options_.target;
    }

    codel_options const options_;
    spin_lock lock_;
    // E1: standing_ says whether even the shortest wait of the last whole interval was above the target.
    time_point interval_ends_ = time_point::min();
    duration shortest_ = duration::max(); // in this interval
    bool standing_ = false;
};

inline bool codel::sheds(duration waited, time_point now, priority urgency) noexcept {
    spin_guard const locked{lock_};
    if (now >= interval_ends_) {
        // An interval in which nobody came says nothing, and a queue that nobody left is empty.
        bool const fresh = interval_ends_ != time_point::min() && now - interval_ends_ < options_.interval;
        standing_ = fresh && shortest_ != duration::max() && shortest_ > options_.target; // keeps E1
        interval_ends_ = now + options_.interval;
        shortest_ = waited;
    }
    shortest_ = std::min(shortest_, waited);
    if (shortest_ <= options_.target) standing_ = false; // short once: it breathes
    return standing_ && waited > bearable(urgency);
}

} // namespace weir
