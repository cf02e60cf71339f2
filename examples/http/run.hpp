// examples/http/run.hpp: a server from its start to a signal, for the main functions of the examples.
#pragma once

#include "server.hpp"

#include <weir/io/signals.hpp>
#include <weir/runtime/runtime.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace http {

class run_options {
public:
    run_options() {}
    // Adds --host, --port, --backend and --workers.
    void add_to(CLI::App& app);
    weir::runtime_options runtime() const;

    std::string host = "127.0.0.1";
    std::uint16_t port = 8080; // 0: one that is free
    std::string backend = "auto";
    unsigned workers = 0;
};

// As many descriptors as the system allows: a limit of 1024 is the shell's habit, not a server's.
void raise_descriptor_limit() noexcept;
// The listening socket that a service manager has handed over, once; or a new one. Says why there is none.
weir::result<server::listener_type> listen(run_options const& options);

// Listens, on the socket that a service manager has handed over where there is one, says so on the standard output and to
// the manager, and serves until SIGINT or SIGTERM, then drains.
// `closing` runs at the end, on the workers, for what must be closed before the runtime goes; may be empty.
// Returns: the exit status: 0, or 1 when it could not listen.
// Needs: `signals` made before `on` was started, so that its threads hold them back, too.
int run_until_signalled(weir::runtime& on, server& one, run_options const& options, weir::io::signal_set& signals,
                        std::function<weir::task<>()> closing = {});

} // namespace http
