// weir/runtime/metrics.hpp: the figures of a runtime, and of its worker-local resources, as metrics of a registry.
//     auto kept = enter_metrics(numbers, runtime).value();
//     kept += enter_metrics(numbers, engines, "script engines").value();
// Not:      the only way to them: runtime::figures() and worker_local::counts() give the same numbers as plain structs.
#pragma once

#include <weir/base/result.hpp>
#include <weir/metrics/metric_set.hpp>
#include <weir/runtime/figures.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/runtime/worker_local.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace weir::inline v0 {

// Enters all figures of `of`, as weir_tasks_live, weir_parks_total and so on. `labels` tell runtimes apart where there
// are several.
// Needs:  the runtime outlives the registration; it may be shut down meanwhile.
// Errors: metrics_errc; then nothing was entered.
inline result<registration> enter_metrics(registry& into, runtime& of, metric_labels labels = {}) {
    metric_set all{into, labels};
    // The number that `pick` takes out of the figures when a scrape asks.
    auto const figure = [&of](auto pick) { return [&of, pick] { return pick(of.figures()); }; };
    using figures = runtime_figures const&;
    all.gauge("weir_tasks_live", "Tasks that have begun and not ended.", figure([](figures f) { return f.tasks_live; }));
    all.counter("weir_tasks_begun_total", "Tasks that have begun.", figure([](figures f) { return f.tasks_begun; }));
    all.gauge("weir_workers", "Threads that run tasks.", figure([](figures f) { return f.workers.size(); }));
    all.counter("weir_turns_total", "Jobs that workers have run.", figure([](figures f) { return f.all.turns; }));
    all.counter("weir_stolen_total", "Jobs that workers have taken from each other.",
                figure([](figures f) { return f.all.stolen; }));
    all.counter("weir_parks_total", "Times that a worker has slept.", figure([](figures f) { return f.all.parks; }));
    all.counter("weir_wake_ups_total", "Times that a worker has slept and then had something to do.",
                figure([](figures f) { return f.all.wake_ups; }));
    all.gauge("weir_jobs_queued", "Jobs that wait where any worker may take them.",
              figure([](figures f) { return f.all.queued; }));
    all.gauge("weir_timers", "Timers that have not come due.", figure([](figures f) { return f.all.timers; }));
    all.summary("weir_turn_seconds", "What a turn of a worker takes, of about one in a thousand.", of.turn_times());
    all.gauge("weir_blocking_threads", "Threads for calls that block.",
              figure([](figures f) { return f.blocking.threads; }));
    all.gauge("weir_blocking_threads_idle", "Of those, the ones that sleep.",
              figure([](figures f) { return f.blocking.idle; }));
    all.gauge("weir_blocking_queued", "Calls that have not begun.", figure([](figures f) { return f.blocking.queued; }));
    all.counter("weir_blocking_done_total", "Calls that have ended.", figure([](figures f) { return f.blocking.done; }));
    all.counter("weir_blocking_refused_total", "Calls for which there was no room.",
                figure([](figures f) { return f.blocking.refused; }));
    auto kept = all.take();
    if (!kept) return kept;
    // One line for each backend there is, so that a query finds what it asks for by name.
    for (auto const each : {io::backend::io_uring, io::backend::epoll}) {
        auto with_backend = labels;
        with_backend.emplace_back("backend", io::name_of(each));
        metric_set one{into, std::move(with_backend)};
        one.gauge("weir_backend", "Whether the kernel is reached by this backend.",
                  figure([each](figures f) { return f.backend == each; }));
        auto entered = one.take();
        if (!entered) return entered;
        *kept += std::move(*entered);
    }
    return kept;
}

// Enters the counts of worker-local resources, under a label `resource` that says which.
// Needs:  they outlive the registration.  Errors: metrics_errc; then nothing was entered.
template <class T>
result<registration> enter_metrics(registry& into, worker_local<T> const& of, std::string resource) {
    metric_set all{into, {{"resource", std::move(resource)}}};
    all.counter("weir_resources_made_total", "Resources made.", [&of] { return of.counts().made; });
    all.counter("weir_resources_reused_total", "Uses that found a resource.", [&of] { return of.counts().reused; });
    all.counter("weir_resources_discarded_total", "Resources that were too old, worn, or could not be reset.",
                [&of] { return of.counts().discarded; });
    all.counter("weir_resources_reset_failures_total", "Resources that could not be reset.",
                [&of] { return of.counts().reset_failures; });
    all.gauge("weir_resources", "Resources that there are.", [&of] {
        auto const now = of.counts();
        return now.made - std::min(now.destroyed, now.made); // read a moment apart
    });
    return all.take();
}

} // namespace weir
