// tests/tls/secured.hpp: what both sides of a test's connections need, and two layers that are connected.
#pragma once

#include "certificate.hpp"

#include "support/sockets.hpp"

#include <tls/client_layers.hpp>
#include <tls/layer.hpp>
#include <tls/server_layers.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace tls_test {

using namespace std::chrono_literals;

// Files, a server's layers, and a client's that trust them.
class secured {
public:
    explicit secured(certificate_options const& options = {}, tls::server_options of_server = {})
        : one_{options}, server{files.put(one_), of_server}, client{trusting(one_.text())} {}

    tls::client_options trusting(std::string const& whom, char const* name = "authorities.pem") const {
        tls::client_options options;
        options.authorities = files.put(name, whom);
        return options;
    }

    folder const files;

private:
    certificate const one_;

public:
    tls::server_layers server;
    tls::client_layers client;
};

// A client and a server whose sockets are connected, before their handshake.
class linked {
public:
    explicit linked(secured& all, int buffers = 0) : linked{all, weir::test::make_tcp_pair(buffers)} {}

    weir::net::tcp_socket near;
    weir::net::tcp_socket far;
    std::unique_ptr<http::transport_layer> client;
    std::unique_ptr<http::transport_layer> server;

private:
    linked(secured& all, weir::test::socket_pair ends)
        : near{std::move(ends.near)}, far{std::move(ends.far)}, client{all.client.make(near, "localhost")},
          server{all.server.make(far, {})} {}
};

} // namespace tls_test
