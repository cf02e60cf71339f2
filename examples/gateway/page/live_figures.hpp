// examples/gateway/page/live_figures.hpp: what the live page is to show, by the names that it knows.
//     figures.rate("requests", [&] { return server.counts().requests.value(); });
//     figures.times("latency", latencies);
// rates:  requests, errors, refused, limited, shed, leads, joins, hits, batches
// levels: connections, inside, limit
// times:  latency            sizes: batch            queues: any
// What is missing the page leaves out.
#pragma once

#include "worker_clocks.hpp"

#include <weir/metrics/histogram.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace gateway {

// Needs: what is referred to outlives the page; functions are called on any thread, one at a time, and do not throw.
class live_figures {
public:
    using total = std::function<std::uint64_t()>;
    using number = std::function<double()>;

    // A count since the start, which is shown per second.
    void rate(std::string name, total read) { rates_.emplace_back(std::move(name), std::move(read)); }
    // A number as it is now.
    void level(std::string name, number read) { levels_.emplace_back(std::move(name), std::move(read)); }
    // How many wait in a line.
    void queue(std::string name, number read) { queues_.emplace_back(std::move(name), std::move(read)); }
    // Nanoseconds, of which quantiles are shown for the last period.
    void times(std::string name, weir::histogram const& of) { times_.emplace_back(std::move(name), &of); }
    // The same of sizes.
    void sizes(std::string name, weir::histogram const& of) { sizes_.emplace_back(std::move(name), &of); }
    // How busy each worker is.
    void workers(worker_clocks const& of) { clocks_ = &of; }

private:
    friend class live_sampler;
    template <class Source>
    using named = std::vector<std::pair<std::string, Source>>;

    named<total> rates_;
    named<number> levels_;
    named<number> queues_;
    named<weir::histogram const*> times_;
    named<weir::histogram const*> sizes_;
    worker_clocks const* clocks_ = nullptr;
};

} // namespace gateway
