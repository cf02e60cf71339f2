// examples/gateway/gateway.hpp: what the gateway answers, to whom, and in which order it is decided.
//     route -> key -> rate of the key -> a place among the requests of that route -> actions -> the service -> audit, log
// Each step refuses before anything of the next is begun, and with an answer that says when to come back. What has no
// key (/health, /metrics, the page, files) takes the route alone: it has to answer when nothing else does.
// G1: a request that was taken in is answered, or broken off, and then counted, logged and audited once; probes, which
//     are /health and /metrics, are counted only, unless --audit-probes asks for more.
// G2: of a request that is refused nothing was done.
#pragma once

#include "admission.hpp"
#include "api_error.hpp"
#include "caller.hpp"
#include "page/live_page.hpp"
#include "parts.hpp"

#include <http/compression.hpp>
#include <http/exchange.hpp>
#include <http/router.hpp>
#include <http/server.hpp>
#include <weir/base/atomic.hpp>
#include <weir/flow/concurrency_limit.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/metrics/histogram.hpp>
#include <weir/metrics/registry.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

// Threads: any, for handle().
class gateway : weir::immovable {
public:
    // Errors: std::exception, for what the options name and cannot be had.
    // Needs: all outlive it.
    gateway(options const& with, log& to, weir::runtime& on, worker_clocks const& clocks);

    // Answers one request, whatever it is.
    weir::task<> handle(http::exchange& one);
    // Shows the figures of a server that it is the handler of, for as long as the registration lives.
    // `name` tells it from others, and is empty for the only one.
    weir::registration observe(http::server const& server, std::string const& name);

    parts& its() noexcept { return parts_; }
    weir::registry& registry() noexcept { return registry_; }
    // From here on requests that are broken off are those that the end has not waited for.
    void drain_begins() noexcept { draining_.store(true, weir::relaxed); } // a request more or less is counted
    // What they were: "POST /v1/embeddings (2)", joined by commas; empty: none.
    std::string cut_off() const;
    // Ends all that runs, the audit last.  Needs: no request is under way, and none comes.
    weir::task<> close();

private:
    class passage;
    using verb = std::function<weir::task<>(http::exchange&, caller const&)>;

    class route {
    public:
        std::string method;
        std::string path;
        verb answer;
        std::unique_ptr<weir::concurrency_limit> limit; // null: it needs no key, and is never held up
        bool probe = false;                             // asked for by machines, every few seconds
        weir::counter cut;                              // broken off by the end
        weir::histogram* seconds = nullptr;
        std::array<weir::counter*, 4> answered{}; // 2xx and 3xx together, 4xx, 5xx, broken off
    };

    void add_routes();
    void add_files();
    // One that no router leads to yet.
    route& make(std::string method, std::string path, verb answer);
    route& add(std::string method, std::string path, verb answer);
    // The same with a key, a limit, and all that goes with them.
    void add_keyed(std::string method, std::string path, verb answer);
    void add_metrics();
    live_figures figures(worker_clocks const& clocks);
    std::uint64_t total(std::size_t outcome) const;

    bool is_file(std::string_view path) const;
    weir::task<> pass(http::exchange& one, passage& way);
    weir::task<bool> recognise(http::exchange& one, passage& way);
    bool within_rate(http::exchange& one, passage& way);
    weir::task<bool> act(http::exchange& one, passage& way);
    void not_found(http::exchange& one, passage& way, http::router<route*>::match const& found);
    void fail(http::exchange& one, passage& way, std::exception_ptr const& thrown);
    void finish(http::exchange& one, passage& way, bool stopped);
    static void refuse(http::exchange& one, passage& way, api_error const& why);

    weir::task<> health(http::exchange& one);
    weir::task<> metrics(http::exchange& one);

    options const& options_;
    log& log_;
    weir::registry registry_;
    parts parts_;
    request_rates rates_;
    weir::counter limited_;   // refused by their key's rate
    weir::histogram latency_; // of all routes but those that nothing holds up
    weir::atomic<bool> draining_{false};
    http::router<route*> routes_;
    std::vector<std::unique_ptr<route>> all_;
    route* files_ = nullptr;   // below files_path_, where nothing else is
    std::string files_path_;   // with its slash
    http::compression_options compression_;
    std::vector<http::server const*> servers_;
    live_page page_;
    weir::registration registered_;
};

} // namespace gateway
