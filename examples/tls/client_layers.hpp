// examples/tls/client_layers.hpp: TLS for the connections of a client, which knows whom it talks to.
//     tls::client_layers secure{tls::client_options{}};
//     options.layers = &secure; // of http::client_options
// Not:      a cache of sessions: connections are kept, so handshakes are few.
#pragma once

#include "context.hpp"
#include "layer.hpp"

#include <http/transport.hpp>
#include <weir/base/immovable.hpp>

#include <chrono>
#include <memory>
#include <string_view>

namespace tls {

// Threads: any, for every function.
class client_layers final : public http::layer_maker, weir::immovable {
public:
    // Blocks on files.  Errors: std::runtime_error, which names the file and the reason.
    explicit client_layers(client_options const& options)
        : patience_{options.handshake}, context_{context::of_client(options)} {}

    std::unique_ptr<http::transport_layer> make(weir::net::tcp_socket const& socket, std::string_view name) override;

    figures const& counts() const noexcept { return figures_; }

private:
    std::chrono::milliseconds const patience_;
    figures figures_;
    std::shared_ptr<context const> const context_;
};

} // namespace tls
