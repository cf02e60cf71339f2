// weir/flow/coalescer_metrics.hpp: the figures of a coalescer, in a registry.
#pragma once

#include <weir/base/result.hpp>
#include <weir/flow/coalescer_options.hpp>
#include <weir/metrics/registry.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace weir {

// Registers what `of.figures()` tells, and the load times if the options have a histogram, each under the label
// coalescer="`name`".
// Needs:  `of` to outlive the registration.
// Errors: metrics_errc; then nothing is registered.
// Cost:   each number takes the lock of each shard once when a scrape is written.
template <class Coalescer>
result<registration> register_figures(registry& with, std::string const& name, Coalescer const& of) {
    struct counted {
        char const* name;
        char const* help;
        std::uint64_t coalescer_figures::*number;
    };
    struct standing {
        char const* name;
        char const* help;
        std::size_t coalescer_figures::*number;
    };
    static constexpr counted counters[] = {
        {"weir_coalescer_leads_total", "Flights begun.", &coalescer_figures::leads},
        {"weir_coalescer_joins_total", "Callers who found a flight.", &coalescer_figures::joins},
        {"weir_coalescer_hits_total", "Callers who found what was kept.", &coalescer_figures::hits},
        {"weir_coalescer_stale_hits_total", "Answers that were past their time.", &coalescer_figures::stale_hits},
        {"weir_coalescer_abandoned_total", "Flights whose callers all left.", &coalescer_figures::abandoned},
        {"weir_coalescer_failures_total", "Flights that ended with an error.", &coalescer_figures::failures},
        {"weir_coalescer_evictions_total", "Entries that made room for others.", &coalescer_figures::evictions},
    };
    static constexpr standing gauges[] = {
        {"weir_coalescer_flights", "Flights in the air.", &coalescer_figures::in_flight},
        {"weir_coalescer_waiters", "Callers who wait.", &coalescer_figures::waiters},
        {"weir_coalescer_entries", "Entries that are kept.", &coalescer_figures::entries},
        {"weir_coalescer_weight", "Their weight.", &coalescer_figures::weight},
    };
    auto const described = [&](char const* what, char const* help) {
        metric made;
        made.name = what;
        made.help = help;
        made.labels = {{"coalescer", name}};
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
    if (histogram const* const times = of.options().load_times()) {
        auto part = with.add(described("weir_coalescer_load_seconds", "How long flights took."), *times);
        if (!part) return part.error();
        all += *std::move(part);
    }
    return all;
}

} // namespace weir
