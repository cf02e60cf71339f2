// weir/flow/batcher_metrics.hpp: the figures of a batcher, in a registry.
#pragma once

#include <weir/base/result.hpp>
#include <weir/flow/batcher_options.hpp>
#include <weir/metrics/metric_set.hpp>

#include <string>
#include <utility>

namespace weir::inline v0 {

// Registers what `of.figures()` tells, and what the options' recorder has histograms for, each under the label
// batcher="`name`".
// Needs:  `of` and the histograms to outlive the registration.
// Errors: metrics_errc; then nothing is registered.
// Cost:   each number takes the batcher's lock once when a scrape is written.
template <class Batcher>
result<registration> register_batcher(registry& with, std::string const& name, Batcher const& of) {
    metric_set all{with, {{"batcher", name}}};
    auto const figure = [&of](auto batcher_figures::*which) { return [&of, which] { return of.figures().*which; }; };
    using figures = batcher_figures;
    all.counter("weir_batcher_batches_total", "Batches that were sent.", figure(&figures::batches));
    all.counter("weir_batcher_items_total", "Requests that were sent.", figure(&figures::items));
    all.counter("weir_batcher_shared_total", "Callers whose request was in line already.", figure(&figures::shared));
    all.counter("weir_batcher_withdrawn_total", "Requests whose callers left before.", figure(&figures::withdrawn));
    all.counter("weir_batcher_discarded_total", "Answers whose callers had left.", figure(&figures::discarded));
    all.counter("weir_batcher_refused_total", "Requests turned away as they came.", figure(&figures::refused));
    all.counter("weir_batcher_shed_total", "Requests sent away out of the line.", figure(&figures::shed));
    all.counter("weir_batcher_bisect_calls_total", "Calls beyond the first of a batch.", figure(&figures::extra_calls));
    all.gauge("weir_batcher_pending", "Requests in line.", figure(&figures::pending));
    all.gauge("weir_batcher_in_flight", "Batches under way.", figure(&figures::in_flight));
    all.gauge("weir_batcher_partitions", "Partitions with something to do.", figure(&figures::partitions));
    all.gauge("weir_batcher_max_items", "How large a batch may be.", figure(&figures::max_items));
    auto const recorded_as = [&](char const* called, char const* help, histogram const* from, recorded unit) {
        if (!from) return;
        summary_options shown;
        shown.unit = unit;
        all.summary(called, help, *from, std::move(shown));
    };
    recorded_as("weir_batcher_batch_items", "Requests in a batch.", of.recorder().sizes(), recorded::numbers);
    recorded_as("weir_batcher_wait_seconds", "How long requests waited.", of.recorder().waits(), recorded::nanoseconds);
    recorded_as("weir_batcher_handler_seconds", "How long batches took.", of.recorder().handler_times(),
                recorded::nanoseconds);
    return all.take();
}

} // namespace weir
