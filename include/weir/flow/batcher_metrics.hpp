// weir/flow/batcher_metrics.hpp: the figures of a batcher, in a registry.
#pragma once

#include <weir/base/result.hpp>
#include <weir/flow/batcher_options.hpp>
#include <weir/metrics/registry.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace weir {

// Registers what `of.figures()` tells, and what the options' recorder has histograms for, each under the label
// batcher="`name`".
// Needs:  `of` and the histograms to outlive the registration.
// Errors: metrics_errc; then nothing is registered.
// Cost:   each number takes the batcher's lock once when a scrape is written.
template <class Batcher>
result<registration> register_batcher(registry& with, std::string const& name, Batcher const& of) {
    struct counted {
        char const* name;
        char const* help;
        std::uint64_t batcher_figures::*number;
    };
    struct standing {
        char const* name;
        char const* help;
        std::size_t batcher_figures::*number;
    };
    static constexpr counted counters[] = {
        {"weir_batcher_batches_total", "Batches that were sent.", &batcher_figures::batches},
        {"weir_batcher_items_total", "Requests that were sent.", &batcher_figures::items},
        {"weir_batcher_shared_total", "Callers whose request was in line already.", &batcher_figures::shared},
        {"weir_batcher_withdrawn_total", "Requests whose callers left before.", &batcher_figures::withdrawn},
        {"weir_batcher_discarded_total", "Answers whose callers had left.", &batcher_figures::discarded},
        {"weir_batcher_refused_total", "Requests turned away as they came.", &batcher_figures::refused},
        {"weir_batcher_shed_total", "Requests sent away out of the line.", &batcher_figures::shed},
        {"weir_batcher_bisect_calls_total", "Calls beyond the first of a batch.", &batcher_figures::extra_calls},
    };
    static constexpr standing gauges[] = {
        {"weir_batcher_pending", "Requests in line.", &batcher_figures::pending},
        {"weir_batcher_in_flight", "Batches under way.", &batcher_figures::in_flight},
        {"weir_batcher_partitions", "Partitions with something to do.", &batcher_figures::partitions},
        {"weir_batcher_max_items", "How large a batch may be.", &batcher_figures::max_items},
    };
    auto const described = [&](char const* what, char const* help) {
        metric made;
        made.name = what;
        made.help = help;
        made.labels = {{"batcher", name}};
        return made;
    };
    registration all;
    for (counted const& one : counters) {
        auto part = with.add_counter(described(one.name, one.help), [&of, n = one.number] { return of.figures().*n; });
        if (!part) return part.error();
        all += *std::move(part);
    }
    for (standing const& one : gauges) {
        auto part = with.add_gauge(described(one.name, one.help), [&of, n = one.number] { return of.figures().*n; });
        if (!part) return part.error();
        all += *std::move(part);
    }
    struct recorded_one {
        char const* name;
        char const* help;
        histogram const* numbers;
        recorded unit;
    };
    recorded_one const histograms[] = {
        {"weir_batcher_batch_items", "Requests in a batch.", of.recorder().sizes(), recorded::numbers},
        {"weir_batcher_wait_seconds", "How long requests waited.", of.recorder().waits(), recorded::nanoseconds},
        {"weir_batcher_handler_seconds", "How long batches took.", of.recorder().handler_times(), recorded::nanoseconds},
    };
    for (recorded_one const& one : histograms) {
        if (!one.numbers) continue;
        summary_options shown;
        shown.unit = one.unit;
        auto part = with.add(described(one.name, one.help), *one.numbers, std::move(shown));
        if (!part) return part.error();
        all += *std::move(part);
    }
    return all;
}

} // namespace weir
