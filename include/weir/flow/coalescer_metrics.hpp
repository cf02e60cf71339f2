// weir/flow/coalescer_metrics.hpp: the figures of a coalescer, in a registry.
#pragma once

#include <weir/base/result.hpp>
#include <weir/flow/coalescer_options.hpp>
#include <weir/metrics/metric_set.hpp>

#include <string>

namespace weir::inline v0 {

// Registers what `of.figures()` tells, and the load times if the options have a histogram, each under the label
// coalescer="`name`".
// Needs:  `of` to outlive the registration.
// Errors: metrics_errc; then nothing is registered.
// Cost:   each number takes the lock of each shard once when a scrape is written.
template <class Coalescer>
result<registration> register_figures(registry& with, std::string const& name, Coalescer const& of) {
    metric_set all{with, {{"coalescer", name}}};
    auto const figure = [&of](auto coalescer_figures::*which) { return [&of, which] { return of.figures().*which; }; };
    using figures = coalescer_figures;
    all.counter("weir_coalescer_leads_total", "Flights begun.", figure(&figures::leads));
    all.counter("weir_coalescer_joins_total", "Callers who found a flight.", figure(&figures::joins));
    all.counter("weir_coalescer_hits_total", "Callers who found what was kept.", figure(&figures::hits));
    all.counter("weir_coalescer_stale_hits_total", "Answers that were past their time.", figure(&figures::stale_hits));
    all.counter("weir_coalescer_abandoned_total", "Flights whose callers all left.", figure(&figures::abandoned));
    all.counter("weir_coalescer_failures_total", "Flights that ended with an error.", figure(&figures::failures));
    all.counter("weir_coalescer_evictions_total", "Entries that made room for others.", figure(&figures::evictions));
    all.gauge("weir_coalescer_flights", "Flights in the air.", figure(&figures::in_flight));
    all.gauge("weir_coalescer_waiters", "Callers who wait.", figure(&figures::waiters));
    all.gauge("weir_coalescer_entries", "Entries that are kept.", figure(&figures::entries));
    all.gauge("weir_coalescer_weight", "Their weight.", figure(&figures::weight));
    if (histogram const* const times = of.options().load_times())
        all.summary("weir_coalescer_load_seconds", "How long flights took.", *times);
    return all.take();
}

} // namespace weir
