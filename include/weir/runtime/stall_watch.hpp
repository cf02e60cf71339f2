// weir/runtime/stall_watch.hpp: a thread that reports workers whose job does not come to an end.
// It compares the pulses of the workers from time to time, so that a turn costs them nothing, and a job that never ends
// is reported, too: once, while it runs.
// For:      authors of primitives.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>
#include <weir/runtime/crew.hpp>
#include <weir/runtime/worker.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::inline v0 {

class stall_watch : immovable {
public:
    // Needs: a crew that has its workers, and a limit in its options.
    explicit stall_watch(crew& of) : crew_{of}, seen_(of.workers.size()), thread_{[this] { watch(); }} {}
    ~stall_watch() { end(); }

    // Waits for a report that is under way; afterwards there are none. Once or twice.
    void end() {
        if (!thread_.joinable()) return;
        {
            std::scoped_lock const locked{mutex_};
            over_ = true;
        }
        wakes_.notify_one();
        thread_.join();
    }

    // For how long this worker has run the job that it is at, if that is longer than the limit; else nothing.
    // Threads: any, also in a report.
    duration held_up(unsigned index) const noexcept;

private:
    // The first two for others to read while the watch writes; a look between its writes finds another pulse.
    struct sight {
        atomic<std::uint64_t> pulse{0}; // 0: rests
        atomic<duration::rep> since{0}; // of the clock
        bool reported = false;
    };

    void watch();
    void look(unsigned index, sight& last, time_point now);

    crew& crew_;
    std::vector<sight> seen_;
    std::mutex mutex_;
    std::condition_variable wakes_;
    bool over_ = false; // under mutex_
    std::thread thread_; // the last member: it uses the others
};

inline duration stall_watch::held_up(unsigned index) const noexcept {
    auto const& last = seen_[index];
    auto const pulse = last.pulse.load(acquire); // [sight] the time is this pulse's or a later one's: too short, at worst
    duration const so_far{clock::now().time_since_epoch().count() - last.since.load(relaxed)}; // as the pulse orders it
    bool const same = pulse != 0 && pulse == crew_.workers[index]->pulse();
    return same && so_far >= crew_.options.stall_limit ? so_far : duration{0};
}

inline void stall_watch::watch() {
    duration const limit = crew_.options.stall_limit;
    std::unique_lock locked{mutex_};
    auto const pause = std::max<duration>(limit / 4, std::chrono::milliseconds{1});
    while (!wakes_.wait_for(locked, pause, [this] { return over_; })) {
        auto const now = clock::now();
        for (unsigned n = 0; n < seen_.size(); ++n) look(n, seen_[n], now);
    }
}

inline void stall_watch::look(unsigned index, sight& last, time_point now) {
    auto const pulse = crew_.workers[index]->pulse();
    if (pulse == 0 || pulse != last.pulse.load(relaxed)) { // own word, as the next one
        last.since.store(now.time_since_epoch().count(), relaxed); // the next one publishes it
        last.pulse.store(pulse, release); // [sight]
        last.reported = false;
        return;
    }
    duration const so_far{now.time_since_epoch().count() - last.since.load(relaxed)};
    if (last.reported || so_far < crew_.options.stall_limit) return;
    last.reported = true;
    auto const name = crew_.name_of(index);
    stall_report const report{name, so_far};
    if (crew_.options.on_stall) return crew_.options.on_stall(report);
    auto const spent = std::chrono::duration_cast<std::chrono::milliseconds>(report.so_far).count();
    std::fprintf(stderr, "weir: %s has run one job for %lld ms\n", name.c_str(), static_cast<long long>(spent));
}

} // namespace weir
