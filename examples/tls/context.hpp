// examples/tls/context.hpp: what the connections of a server, or of a client, have in common: versions, ciphers,
// certificates. Never changes once it is made, so connections share it; a new certificate is a new context.
// TLS 1.2 with forward secrecy and authenticated ciphers, and TLS 1.3; no compression, no renegotiation, no early data.
// Sessions are resumed by tickets, whose keys live and die with the context.
#pragma once

#include "openssl.hpp"

#include <weir/base/immovable.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tls {

// Both in PEM.
class certificate_files {
public:
    certificate_files(std::string certificate_path, std::string key_path)
        : certificate{std::move(certificate_path)}, key{std::move(key_path)} {}
    std::string certificate; // and behind it those that vouch for it, without the root
    std::string key;         // not encrypted
};

class client_options {
public:
    client_options() {}
    std::string authorities; // a file in PEM of those who may vouch for a server; empty: the system's
    std::chrono::milliseconds handshake{10'000};
};

class context : weir::immovable {
public:
    // Of a server, which asks nobody for a certificate.  Blocks on files.
    // Errors: std::runtime_error, which names the file and the reason.
    static std::shared_ptr<context const> of_server(certificate_files const& files);
    // Of a client, which verifies the server's certificate and name.  Blocks on files.  Errors: likewise.
    static std::shared_ptr<context const> of_client(client_options const& options);

    SSL_CTX& native() const noexcept { return *native_; }
    bool is_server() const noexcept { return is_server_; }
    // Whether a step of the handshake may keep a thread for milliseconds, by computing with a large key or by looking up
    // certificates in the file system.
    bool has_slow_handshake() const noexcept { return slow_; }
    // What is odd about the files and no reason to refuse them, in a sentence each.
    std::vector<std::string> const& warnings() const noexcept { return warnings_; }
    // Of a server's certificate.
    std::chrono::system_clock::time_point expires() const noexcept { return expires_; }

    // What both sides speak above TLS; a peer that offers other protocols only is refused.
    static constexpr std::string_view protocol = "http/1.1";

private:
    explicit context(bool is_server);
    void use(certificate_files const& files);
    void check_dates(X509 const& certificate, std::string const& path);

    ssl_context_ptr native_;
    bool is_server_;
    bool slow_ = false;
    std::vector<std::string> warnings_;
    std::chrono::system_clock::time_point expires_{};
};

} // namespace tls
