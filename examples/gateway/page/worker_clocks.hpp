// examples/gateway/page/worker_clocks.hpp: how much CPU time each worker has had.
//     gateway::worker_clocks clocks;
//     options.on_thread_start = [&clocks](unsigned number) { clocks.enter(number); };
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <pthread.h>
#include <time.h>

namespace gateway {

// Threads: any.
class worker_clocks : weir::immovable {
public:
    static constexpr std::size_t most = 256; // of more workers the first

    // On the worker's own thread.
    void enter(unsigned number) noexcept {
        clockid_t clock{};
        if (number < most && ::pthread_getcpuclockid(::pthread_self(), &clock) == 0)
            clocks_[number].store(clock, weir::relaxed); // a name: what it names stands in the kernel
    }
    // Nothing for a worker that has not begun, or has ended.
    std::optional<std::chrono::nanoseconds> cpu_time(std::size_t number) const noexcept {
        auto const clock = number < most ? clocks_[number].load(weir::relaxed) : nobody; // as above
        timespec used{};
        if (clock == nobody || ::clock_gettime(clock, &used) != 0) return std::nullopt;
        return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
    }

private:
    static constexpr clockid_t nobody = CLOCK_REALTIME; // which is no thread's
    static_assert(nobody == 0);

    std::array<weir::atomic<clockid_t>, most> clocks_{};
};

} // namespace gateway
