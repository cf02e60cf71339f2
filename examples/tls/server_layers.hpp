// examples/tls/server_layers.hpp: TLS for a server's connections, with a certificate that can be changed while it runs.
//     tls::server_layers layers{tls::certificate_files{"certificate.pem", "key.pem"}};
//     options.layers = &layers; // of http::server_options
//     auto const report = co_await layers.reload(); // at SIGHUP
#pragma once

#include "context.hpp"
#include "layer.hpp"

#include <http/transport.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/task.hpp>
#include <weir/metrics/registry.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tls {

class server_options {
public:
    server_options() {}
    std::chrono::milliseconds handshake{10'000}; // how long one may take
};

// Threads: any, for every function.
class server_layers final : public http::layer_maker, weir::immovable {
public:
    // Blocks on files.  Errors: std::runtime_error, which names the file and the reason.
    explicit server_layers(certificate_files files, server_options options = {});

    std::unique_ptr<http::transport_layer> make(weir::net::tcp_socket const& socket, std::string_view name) override;

    struct report {
        bool done = false; // otherwise what was there is used on
        std::string text;  // for the log
    };
    // Reads the files again, on a thread that may be blocked. Connections that come have the new certificate; those that
    // are there keep theirs.
    weir::task<report> reload();

    // Of the certificate that is in use; see context.
    std::vector<std::string> warnings() const { return current()->warnings(); }
    figures const& counts() const noexcept { return figures_; }
    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with) const;

private:
    std::shared_ptr<context const> current() const;
    report read_again() noexcept;

    certificate_files const files_;
    server_options const options_;
    figures figures_;
    weir::counter mutable reloads_failed_;
    mutable std::mutex mutex_; // guards context_, for the length of a copy
    std::shared_ptr<context const> context_;
};

} // namespace tls
