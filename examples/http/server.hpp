// examples/http/server.hpp: accepts connections and serves each as a task, until it is drained.
// Draining: no new connection is taken, each is closed with its next response, those that stay idle are closed soon, a
// request that has begun to arrive is answered; what is not done by then is stopped after a grace period.
#pragma once

#include "exchange.hpp"
#include "limits.hpp"
#include "transport.hpp"

#include <weir/base/atomic.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/coro/scope.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/net/tcp.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/semaphore.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace http {

class connection;

class server_options {
public:
    server_options() {}
    limits bounds;
    std::size_t most_connections = 10'000;      // more are not accepted: they wait in the kernel's queue
    std::size_t most_gathered = 100;            // answers to pipelined requests that leave in one send
    std::chrono::seconds idle{30};              // between requests
    std::chrono::milliseconds rest{1000};       // of that, until a connection gives its buffers back
    std::chrono::seconds head{10};              // from a request's first byte to the end of its headers
    std::chrono::seconds body{60};              // from there to its end, for bodies that come in pieces
    std::chrono::seconds body_pause{5};         // without a byte of it; and each byte buys as much time as
    std::size_t body_rate = 240;                // so many a second take, up to the full pause
    std::chrono::seconds send{30};              // for one send to make progress
    layer_maker* layers = nullptr;              // what goes between HTTP and TCP; outlives the server
    std::chrono::milliseconds drain{10'000};    // how long a drain waits for requests that have begun
    std::chrono::milliseconds farewell{250};    // of that, how long for requests that are on their way to idle connections
};

// Threads: drain and the figures from any; run once.
class server {
public:
    using listener_type = weir::net::listener<weir::net::tcp_socket>;

    // `handle` is called for every request that is whole and well formed.
    server(server_options options, handler handle);

    // Accepts on `listener`, closes it when it is drained or stopped, and ends soon after that.
    weir::task<> run(listener_type& listener);
    // Begins the end; run() returns soon. Resumes nobody inside the call.
    void drain() noexcept { accepting_.request_stop(); }

    struct figures {
        weir::counter connections; // accepted
        weir::gauge open;
        weir::counter requests; // answered, refusals included
        weir::counter refused;  // of these: not well formed
        weir::counter broken_off; // in the middle of a response that was streamed
        weir::counter timed_out; // connections that were closed because something took too long
    };
    figures const& counts() const noexcept { return figures_; }

private:
    friend body_stream;
    friend connection;

    weir::task<> accept_all(weir::scope& connections, listener_type& listener);
    // Takes those who have connected and wait.
    void accept_waiting(weir::scope& connections, listener_type& listener);
    void begin(weir::scope& connections, weir::net::tcp_socket socket, weir::permit place);
    weir::task<> watch();
    weir::task<> serve_all(weir::scope& connections, listener_type& listener);
    // Waits until the last connection has gone.  Returns: whether it has, and not the time.
    weir::task<bool> wait_until_empty(std::chrono::milliseconds limit);
    // Time in ticks since the start, for what need not be exact.
    static constexpr std::chrono::milliseconds tick{500};
    std::uint32_t now() const noexcept { return now_.load(weir::relaxed); } // a clock that somebody else moves
    bool ending() const noexcept { return ending_.load(weir::relaxed); }    // one response more or less is kept alive

    static weir::task<> serve_one(server* of, weir::net::tcp_socket socket, weir::permit place);
    void enter(connection& one);
    void leave(connection& one);
    void arrive();
    void depart() noexcept;

    server_options const options_;
    handler const handle_;
    figures figures_;
    weir::semaphore places_;
    weir::scope* tasks_ = nullptr; // set before the first connection; ends behind the last
    weir::stop_source accepting_;
    weir::event empty_; // draining, and the last connection has gone
    std::mutex mutex_;  // guards the rest; never held across a wait
    weir::intrusive_list<connection> connections_;
    std::size_t present_ = 0; // connections accepted and not yet gone
    bool draining_ = false;
    bool dismissing_ = false; // idle connections
    weir::atomic<bool> ending_{false};
    weir::atomic<std::uint32_t> now_{0};
};

} // namespace http
