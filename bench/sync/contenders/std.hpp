// bench/sync/contenders/std.hpp: the standard library's mutex, semaphore, and flag with a condition variable, between
// threads, one a task.
#pragma once

#include "shape.hpp"

#include <harness/measure.hpp>
#include <harness/race.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <semaphore>
#include <vector>

namespace bench {

class std_sync {
public:
    static constexpr auto name = "std, threads";

    explicit std_sync(shape how) : how_{how} {}

    double run(std::uint64_t times) {
        sum_ = 0;
        std::uint64_t const count = times / how_.tasks;
        double took = 0;
        if (how_.tasks == 1) { // no thread is made for it
            using clock = std::chrono::steady_clock;
            auto const start = clock::now();
            works(count, 0);
            took = std::chrono::duration<double, std::nano>{clock::now() - start}.count();
        } else {
            std::vector<racer> racers;
            for (unsigned n = 0; n < how_.tasks; ++n) racers.push_back({[this, count, n] { works(count, n); }, {}});
            took = race(racers);
        }
        must_equal(sum_, how_.sum(times), name);
        return took;
    }

private:
    class flag {
    public:
        void set() {
            std::lock_guard const held{lock_};
            raised_ = true;
            changed_.notify_all();
        }
        // Waits until it is up, and takes it down.
        void take() {
            std::unique_lock held{lock_};
            changed_.wait(held, [this] { return raised_; });
            raised_ = false;
        }

    private:
        std::mutex lock_;
        std::condition_variable changed_;
        bool raised_ = false;
    };

    void works(std::uint64_t count, unsigned me) {
        switch (how_.what) {
            case primitive::mutex:
                for (; count != 0; --count) {
                    std::lock_guard const held{lock_};
                    ++sum_;
                    keep(sum_);
                }
                break;
            case primitive::semaphore:
                for (; count != 0; --count) {
                    permits_.acquire();
                    ++sum_;
                    permits_.release();
                }
                break;
            case primitive::event: takes_turns(count, me); break;
        }
    }
    void takes_turns(std::uint64_t count, unsigned me) {
        bool const alone = how_.tasks == 1;
        flag& mine = flags_[me];
        flag& others = flags_[alone ? me : 1 - me];
        for (; count != 0; --count) {
            if (me == 0) others.set();
            mine.take();
            ++sum_;
            if (me == 1) others.set();
        }
    }

    shape const how_;
    std::mutex lock_;
    std::counting_semaphore<> permits_{1};
    flag flags_[2];
    std::uint64_t sum_ = 0; // guarded by whichever of these is measured
};

} // namespace bench
