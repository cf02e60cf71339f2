// examples/tls/server_layers.cpp: the current certificate, and the next.
#include "server_layers.hpp"

#include <weir/runtime/blocking.hpp>

#include <exception>
#include <utility>

namespace tls {

server_layers::server_layers(certificate_files files, server_options options)
    : files_{std::move(files)}, options_{options}, context_{context::of_server(files_)} {}

std::shared_ptr<context const> server_layers::current() const {
    std::lock_guard const locked{mutex_};
    return context_;
}

std::unique_ptr<http::transport_layer> server_layers::make(weir::net::tcp_socket const& socket, std::string_view) {
    return std::make_unique<layer>(socket, current(), std::string_view{}, options_.handshake, figures_);
}

weir::task<server_layers::report> server_layers::reload() {
    auto said = co_await weir::blocking([](server_layers* self) { return self->read_again(); }, this);
    if (said) co_return std::move(*said);
    report withdrawn;
    withdrawn.text = "the certificate was not read again: " + said.error().message();
    co_return withdrawn;
}

server_layers::report server_layers::read_again() noexcept {
    report said;
    try {
        auto next = context::of_server(files_);
        said.text = "the certificate in " + files_.certificate + " is in use";
        for (auto const& warning : next->warnings()) said.text += "; " + warning;
        std::lock_guard const locked{mutex_};
        context_.swap(next); // whose old one ends behind the lock, if no connection has it
        said.done = true;
    } catch (std::exception const& error) {
        reloads_failed_.add();
        said.text = "the certificate stays as it was: " + std::string{error.what()};
    }
    return said;
}

weir::registration server_layers::register_metrics(weir::registry& with) const {
    weir::registration all;
    auto const handshakes = [&](char const* outcome, weir::counter const& from) {
        weir::metric const described{
            .name = "tls_handshakes_total", .help = "TLS handshakes by outcome.", .labels = {{"outcome", outcome}}};
        all += with.add(described, from).value();
    };
    handshakes("full", figures_.full);
    handshakes("resumed", figures_.resumed);
    handshakes("failed", figures_.failed);
    all += with.add({.name = "tls_reloads_failed_total", .help = "Reloads that found no good certificate."},
                    reloads_failed_)
               .value();
    weir::metric const expiry{.name = "tls_certificate_expiry_seconds",
                              .help = "When the certificate expires, in Unix time."};
    all += with.add_gauge(expiry, [this] { return std::chrono::system_clock::to_time_t(current()->expires()); }).value();
    return all;
}

} // namespace tls
