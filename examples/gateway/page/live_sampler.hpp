// examples/gateway/page/live_sampler.hpp: what has changed since the last look, as the JSON that the live page draws.
//     {"seconds":1.0,"uptime":63.2,"cpu":0.41,"rates":{"requests":1520.0,...},"levels":{...},"queues":{...},
//      "times":{"latency":{"count":1520,"p50":0.0004,"p99":0.002,"max":0.011}},"sizes":{"batch":{...,"mean":3.1}},
//      "workers":[{"busy":0.3,"turns":900.0,"parks":210.0,"steals":14.0},...],"tasks":12,"queued":0,
//      "blocking":{"threads":2,"busy":1,"queued":0}}
#pragma once

#include "live_figures.hpp"

#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>
#include <weir/metrics/distribution.hpp>
#include <weir/runtime/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace gateway {

// Threads: one at a time.
class live_sampler : weir::immovable {
public:
    // Takes the first look.  Needs: both outlive it.
    live_sampler(live_figures const& figures, weir::runtime& of, weir::time_point server_began);

    // Cost: some ten microseconds and allocations; no worker is disturbed.
    std::string next(weir::time_point now = weir::clock::now());

private:
    class look {
    public:
        weir::time_point at;
        std::chrono::nanoseconds cpu{0};
        std::vector<std::uint64_t> totals;
        std::vector<weir::distribution> times, sizes;
        std::vector<weir::worker_figures> workers;
        std::vector<std::chrono::nanoseconds> worker_times; // as many as there are workers with a clock
    };
    look take(weir::time_point now, weir::runtime_figures const& of) const;

    live_figures const& figures_;
    weir::runtime& runtime_;
    weir::time_point const began_;
    look last_;
};

} // namespace gateway
