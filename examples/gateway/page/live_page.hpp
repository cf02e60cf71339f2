// examples/gateway/page/live_page.hpp: a page that shows what the server does, while it does it.
// One sampler serves all who look, and only while somebody does.
// V1: sampling_ is set exactly while a sampler has been spawned that has not decided to end; it decides under the lock,
//     when nobody looks any more. So there is never a second one, and whoever looks has one.
#pragma once

#include "live_figures.hpp"

#include <http/exchange.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/channel/watch.hpp>
#include <weir/coro/scope.hpp>
#include <weir/metrics/registry.hpp>
#include <weir/runtime/runtime.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

namespace gateway {

class live_page_options {
public:
    live_page_options() {}

    std::chrono::milliseconds period{1000};
    std::size_t most_viewers = 64; // at a time; others are told to come later
};

// Threads: any, for every function.
class live_page : weir::immovable {
public:
    // Needs: `of` outlives it.
    live_page(weir::runtime& of, live_figures figures, live_page_options options = {});

    // GET /: the page.
    weir::task<> show(http::exchange& one);
    // GET /live: the figures of each period as a server-sent event, until the client leaves or the server is drained.
    weir::task<> events(http::exchange& one);
    // To be awaited once, when nobody looks any more.
    weir::task<> close();

    std::uint64_t samples() const noexcept { return samples_.load(weir::relaxed); } // a figure
    std::size_t viewers() const;
    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with) const;

private:
    class viewer;

    static weir::task<> sample(live_page* self);
    bool go_on();

    weir::runtime& runtime_;
    live_figures const figures_;
    live_page_options const options_;
    weir::time_point const began_ = weir::clock::now();
    weir::watch<std::string> latest_{std::string{}};
    weir::atomic<std::uint64_t> samples_{0};
    weir::context const above_;
    weir::scope samplers_;
    std::mutex mutable mutex_; // guards the rest
    std::size_t viewers_ = 0;
    bool sampling_ = false;
};

} // namespace gateway
