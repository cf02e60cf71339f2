// examples/gateway/actions/actions.cpp: threads, deadlines and figures round the engines.
#include "actions.hpp"

#include <weir/runtime/watchdog.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace gateway {
namespace {

constexpr auto longest_start = std::chrono::seconds{1}; // of all scripts, once

actions_options checked(actions_options options) {
    auto const need = [](bool good, char const* what) {
        if (!good) throw std::invalid_argument(what);
    };
    need(options.deadline > options.deadline.zero(), "actions: the deadline must be longer than nothing");
    need(options.memory >= vm::least_memory, "actions: the memory of an engine must be at least 262144 bytes");
    need(options.threads >= 1, "actions: there must be at least one thread");
    return options;
}

weir::blocking_options pool_options(actions_options const& from) {
    weir::blocking_options options;
    options.threads = from.threads;
    options.queue_limit = from.queue_limit;
    options.name = "actions";
    return options;
}

weir::worker_local_options engine_options(weir::blocking_pool& pool) {
    weir::worker_local_options options;
    options.pool = &pool;
    return options;
}

} // namespace

actions::actions(actions_options options)
    : options_{checked(std::move(options))},
      program_{std::make_shared<program const>(options_.scripts)},
      pool_{pool_options(options_)},
      engines_{[code = program_, memory = options_.memory] { return vm{code, memory}; },
               [](vm& its) { return its.reset(); }, engine_options(pool_)} {
    vm trial{program_, options_.memory};
    std::vector<script_line> lines;
    bool const good = weir::with_interrupt(
        weir::clock::now() + longest_start, [&] { trial.interrupt(); }, [&] { return trial.check(lines); });
    if (good) return;
    auto const& why = lines.back();
    throw std::runtime_error(why.text.starts_with(why.script) ? why.text : why.script + ": " + why.text);
}

weir::task<weir::result<verdict>> actions::run(request_view const& seen) {
    if (program_->parts().empty()) co_return verdict{};
    weir::context const& here = co_await weir::this_task();
    auto const began = weir::clock::now();
    auto said = co_await engines_.with(&actions::run_here, this, &seen, here.stop);
    seconds_.record(weir::clock::now() - began);
    if (!said && said.error() == weir::errc::overloaded) {
        co_return verdict{503, "overloaded",
                          "this server is busy with the actions of other requests, and " +
                              std::to_string(options_.queue_limit) + " wait already"};
    }
    if (!said) co_return said.error();
    if (said->code == "action_timeout" && here.stop.stop_requested()) co_return here.stop.reason();
    if (!said->allowed()) refused_.add(1);
    co_return std::move(*said);
}

verdict actions::run_here(vm& its, actions* self, request_view const* seen, weir::stop_token stop) {
    weir::interrupt_options options;
    options.stop = stop;
    std::vector<script_line> lines;
    auto said = weir::with_interrupt(
        weir::clock::now() + self->options_.deadline, [&] { its.interrupt(); }, [&] { return its.run(*seen, lines); },
        options);
    if (said.code == "action_timeout") self->interrupted_.add(1);
    self->tell(lines);
    return said;
}

void actions::tell(std::vector<script_line> const& lines) noexcept {
    for (auto const& each : lines) {
        if (each.failure) failed_.add(1);
        try {
            if (options_.log) options_.log(each);
        } catch (...) {}
    }
}

weir::registration actions::register_metrics(weir::registry& with) {
    auto all = with.add({.name = "gateway_actions_seconds", .help = "What a request's actions take, waiting included."},
                        seconds_)
                   .value();
    auto const counter = [&](char const* name, char const* help, auto read) {
        all += with.add_counter({.name = name, .help = help}, std::move(read)).value();
    };
    counter("gateway_actions_refused_total", "Requests that an action refused, or that failed in one.",
            [this] { return refused_.value(); });
    counter("gateway_actions_failed_total", "Requests of which an action failed.", [this] { return failed_.value(); });
    counter("gateway_actions_interrupted_total", "Requests whose actions took too long.",
            [this] { return interrupted_.value(); });
    counter("gateway_actions_overloaded_total", "Requests that found the queue full.",
            [this] { return pool_.counts().refused; });
    counter("gateway_actions_engines_made_total", "Engines made.", [this] { return engines_.counts().made; });
    counter("gateway_actions_engines_reused_total", "Requests that found an engine.",
            [this] { return engines_.counts().reused; });
    counter("gateway_actions_engines_discarded_total", "Engines ended because of what a script had done.",
            [this] { return engines_.counts().discarded; });
    auto const gauge = [&](char const* name, char const* help, auto pick) {
        all += with.add_gauge({.name = name, .help = help}, [this, pick] { return pick(pool_.counts()); }).value();
    };
    using counts = weir::blocking_counts const&;
    gauge("gateway_actions_threads", "Threads for actions.", [](counts now) { return now.threads; });
    gauge("gateway_actions_threads_busy", "Of those, the ones that do not sleep.",
          [](counts now) { return now.threads - now.idle; });
    gauge("gateway_actions_queued", "Requests that wait for a thread.", [](counts now) { return now.queued; });
    return all;
}

} // namespace gateway
