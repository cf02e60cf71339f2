// examples/tls/client_layers.cpp: one layer a connection.
#include "client_layers.hpp"

namespace tls {

std::unique_ptr<http::transport_layer> client_layers::make(weir::net::tcp_socket const& socket, std::string_view name) {
    return std::make_unique<layer>(socket, context_, name, patience_, figures_);
}

} // namespace tls
