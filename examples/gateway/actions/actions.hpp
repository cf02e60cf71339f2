// examples/gateway/actions/actions.hpp: policy scripts in JavaScript, which may refuse a request or add headers.
//     gateway::actions_options options;
//     options.scripts = {gateway::read_script("policy.js")};
//     gateway::actions actions{options};
//     auto const said = co_await actions.run(seen);
// They run on threads of their own, with an engine a thread; see program.hpp for what a script looks like, and vm.hpp for
// what it cannot do to others.
#pragma once

#include "program.hpp"
#include "request_view.hpp"
#include "verdict.hpp"
#include "vm.hpp"

#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/metrics/histogram.hpp>
#include <weir/metrics/registry.hpp>
#include <weir/runtime/blocking_pool.hpp>
#include <weir/runtime/worker_local.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace gateway {

class actions_options {
public:
    actions_options() {}

    std::vector<script> scripts; // in the order in which they run
    std::chrono::steady_clock::duration deadline = std::chrono::milliseconds{50}; // for all scripts of a request together
    std::size_t memory = 16 << 20;  // of one engine, in bytes
    unsigned threads = 4;           // at most; there are none before the first request
    std::size_t queue_limit = 1024; // requests that wait for a thread
    // Called on those threads, several at a time. What it throws is dropped.
    std::function<void(script_line const&)> log;
};

// Threads: any, for every function.
class actions : weir::immovable {
public:
    // Compiles the scripts, and begins each once, without a request.
    // Errors: std::runtime_error with the script and the place of what is wrong; std::invalid_argument, with the option.
    explicit actions(actions_options options);

    // What the scripts say about a request. One that fails refuses, and log is told why: with 500 and the code
    // action_failed, or with 503 and action_timeout or action_memory. A full queue refuses with 503 and overloaded.
    // Errors: the reason of a stop; shut_down.
    // Cancel: before they begin they never run; later they are interrupted.
    weir::task<weir::result<verdict>> run(request_view const& seen);

    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with);

    weir::worker_local_counts engines() const noexcept { return engines_.counts(); }
    weir::blocking_counts threads() noexcept { return pool_.counts(); }

private:
    static verdict run_here(vm& its, actions* self, request_view const* seen, weir::stop_token stop);
    void tell(std::vector<script_line> const& lines) noexcept;

    actions_options const options_;
    std::shared_ptr<program const> const program_;
    weir::histogram seconds_;
    weir::counter refused_;
    weir::counter failed_;
    weir::counter interrupted_;
    weir::blocking_pool pool_;
    weir::worker_local<vm> engines_;
};

} // namespace gateway
