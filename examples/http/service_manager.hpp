// examples/http/service_manager.hpp: what systemd, or another that speaks as it does, gives a server and hears from it.
// Source:   sd_listen_fds(3), sd_notify(3); the protocols are two environment variables and a datagram.
#pragma once

#include "server.hpp"

#include <weir/base/result.hpp>

#include <string_view>

namespace http {

// The listening socket that this process was started with, so that no client waits or is turned away while a server is
// started anew. Of several the first.
// Errors: errc::unsupported when there is none (LISTEN_PID, LISTEN_FDS); those of adopt_listener.
weir::result<server::listener_type> inherited_listener();
// Takes over a descriptor.  Errors: std::errc::invalid_argument when it is no stream socket that listens.
weir::result<server::listener_type> adopt_listener(int number);

// Tells the manager a line as "READY=1"; nothing where nobody wants to hear it (NOTIFY_SOCKET).
void tell_manager(std::string_view line) noexcept;

} // namespace http
