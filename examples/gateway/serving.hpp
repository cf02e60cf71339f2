// examples/gateway/serving.hpp: the gateway's doors, from the first connection to the end of the last request.
// The end: no new connection; requests that have begun have --drain-timeout; then they are broken off and told of; then
// the services close, the audit last, which is written to its end; then the workers.
#pragma once

#include "debug/debug_port.hpp"
#include "gateway.hpp"
#include "log.hpp"
#include "options.hpp"
#include "reload.hpp"

#include <http/server.hpp>
#include <weir/coro/scope.hpp>
#include <weir/io/signals.hpp>
#include <weir/runtime/runtime.hpp>

#ifdef WEIR_GATEWAY_TLS
#include <tls/server_layers.hpp>
#endif

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gateway {

// The signals that the process is told by. Needs: made before there are threads.
class process_signals {
public:
    weir::io::signal_set ends{SIGINT, SIGTERM};
    weir::io::signal_set hangups{SIGHUP};
    weir::io::signal_set questions{SIGUSR1}; // what the tasks are doing
};

class serving : weir::immovable {
public:
    // Errors: std::exception, for a certificate or a debug port that cannot be had.
    serving(weir::runtime& on, options const& with, gateway& to, log& tells);

    // Listens, says so on the standard output and to the service manager, and serves until a signal ends it.
    // Returns: the exit status: 0, or 1 when it cannot listen, and has said why.
    int run(process_signals& signals);

private:
    class door {
    public:
        std::string scheme;
        http::run_options at;
        std::unique_ptr<http::server> server;
        http::server::listener_type listener;
        weir::registration observed;
    };

    void open(std::string scheme, std::uint16_t port, http::layer_maker* layers);
    bool listen();
    weir::task<> serve(weir::scope& tasks, process_signals* signals);
    static weir::task<> drain_at_signal(serving* self, weir::io::signal_set* ends);

    weir::runtime& runtime_;
    options const& options_;
    gateway& gateway_;
    log& log_;
    reload reload_;
#ifdef WEIR_GATEWAY_TLS
    std::optional<tls::server_layers> certificates_;
#endif
    std::vector<door> doors_;
    std::optional<debug_port> debug_;
};

} // namespace gateway
