// examples/gateway/debug/debug_port.hpp: what those who run the server may ask it, on a port of its own.
//     GET /debug/tasks                                 who waits, for what, where, for how long (runtime/dump.hpp)
//     GET /debug/profile?seconds=5&format=svg|folded   where the time goes: a flame graph, or lines for tools
//     GET /debug/metrics                               text for Prometheus
// It is reached from this machine only, and not by a page in a browser here whose name somebody has made point to it.
// Its work is done on threads that may block, so that the requests of others are not held up.
#pragma once

#include <http/exchange.hpp>
#include <http/router.hpp>
#include <http/server.hpp>
#include <weir/base/immovable.hpp>
#include <weir/metrics/registry.hpp>
#include <weir/net/address.hpp>
#include <weir/net/tcp.hpp>
#include <weir/runtime/runtime.hpp>

#include <cstdint>

namespace gateway {

class debug_port : weir::immovable {
public:
    // Listens on 127.0.0.1; on port 0 where there is room.
    // Needs:  a runtime that keeps account of waits, to tell of tasks; it and the registry outlive the port.
    // Errors: std::system_error that names the port.
    debug_port(weir::runtime& of, weir::registry const& numbers, std::uint16_t port);

    weir::net::address where() const { return listener_.local().value(); }
    // Until it is drained.
    weir::task<> run() { return server_.run(listener_); }
    // Threads: any. A profile that is being taken ends early.
    void drain() noexcept { server_.drain(); }

private:
    using verb = weir::task<> (debug_port::*)(http::exchange&);

    weir::task<> answer(http::exchange& one);
    weir::task<> tell_tasks(http::exchange& one);
    weir::task<> take_profile(http::exchange& one);
    weir::task<> tell_metrics(http::exchange& one);

    weir::runtime& runtime_;
    weir::registry const& numbers_;
    http::router<verb> routes_;
    http::server server_;
    weir::net::tcp_listener listener_;
};

} // namespace gateway
