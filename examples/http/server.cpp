// examples/http/server.cpp: the loop that accepts, the watch over slow clients, and the drain.
#include "server.hpp"

#include "connection.hpp"

#include <weir/coro/budget.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>

namespace http {

server::server(server_options options, handler handle)
    : options_{options}, handle_{std::move(handle)}, places_{options.most_connections} {}

// One client's trouble, memory that cannot be had included, is its own: it ends the connection and nothing else.
weir::task<> server::serve_one(server* of, weir::net::tcp_socket socket, weir::permit place) {
    struct departure {
        server* of;
        ~departure() { of->depart(); }
    } const departing{of};
    try {
        connection one{*of, std::move(socket)};
        co_await one.serve();
    } catch (std::exception const& thrown) {
        std::fprintf(stderr, "http: a connection ended: %s\n", thrown.what());
    }
    static_cast<void>(place); // given back at the end
}

weir::task<> server::run(listener_type& listener) {
    co_await weir::in_scope([](weir::scope& connections, server* self, listener_type* from) {
        return self->serve_all(connections, *from);
    }, this, &listener);
}

weir::task<> server::serve_all(weir::scope& connections, listener_type& listener) {
    tasks_ = &connections;
    connections.spawn([](server* self) { return self->watch(); }, this);
    co_await accept_all(connections, listener);
    // Who is in the kernel's queue may have sent a request: it would be lost with the listener.
    accept_waiting(connections, listener);
    listener = {}; // who comes now is refused at once, and not kept waiting in the queue
    ending_.store(true, weir::relaxed); // publishes nothing
    {
        std::lock_guard const locked{mutex_};
        draining_ = true;
        if (present_ == 0) empty_.set();
    }
    // A client that sends its next request just now could not tell from a closed connection whether it was begun. So
    // those that are busy are closed with a response that says so, and only the others as they are.
    auto const farewell = std::min(options_.farewell, options_.drain);
    bool gone = co_await wait_until_empty(farewell);
    if (!gone) {
        {
            std::lock_guard const locked{mutex_};
            dismissing_ = true;
            for (connection* one = connections_.front(); one; one = connections_.next(*one)) one->drain();
        }
        gone = co_await wait_until_empty(options_.drain - farewell);
    }
    if (!gone) std::fprintf(stderr, "http: connections were cut off by the end of the drain\n");
    connections.request_stop();
}

weir::task<bool> server::wait_until_empty(std::chrono::milliseconds limit) {
    auto const emptied = co_await weir::timeout(empty_.wait(), limit);
    co_return static_cast<bool>(emptied);
}

// Ends when accepting_ is stopped, or the server is.
weir::task<> server::accept_all(weir::scope& connections, listener_type& listener) {
    weir::context const& given = co_await weir::this_task();
    weir::stop_callback const from_above{given.stop, [this](weir::errc) { accepting_.request_stop(); }};
    weir::context const accepting = given.with_stop(accepting_.token());
    co_await weir::use_context(accepting);
    while (!accepting_.stop_requested()) {
        auto place = co_await places_.acquire();
        if (!place) co_return;
        // One by one and not ahead (net::accepted): who waits for a place holds no descriptor of ours, and a drain leaves
        // nobody who was accepted and never served.
        co_await weir::checkpoint(); // of a crowd as many as a turn may, lest those who are served get ahead of all others
        auto waiting = listener.try_accept();
        weir::result<weir::net::tcp_socket> socket = weir::errc::cancelled;
        if (waiting) socket = std::move(*waiting);
        else socket = co_await listener.accept();
        if (!socket) {
            if (!accepting_.stop_requested())
                std::fprintf(stderr, "http: no more connections: %s\n", socket.error().message().c_str());
            co_return;
        }
        begin(connections, std::move(*socket), std::move(*place));
    }
}

void server::accept_waiting(weir::scope& connections, listener_type& listener) {
    while (auto place = places_.try_acquire()) {
        auto socket = listener.try_accept();
        if (!socket) return;
        begin(connections, std::move(*socket), std::move(place));
    }
}

void server::begin(weir::scope& connections, weir::net::tcp_socket socket, weir::permit place) {
    figures_.connections.add();
    arrive();
    try {
        connections.spawn(&serve_one, this, std::move(socket), std::move(place));
    } catch (std::bad_alloc const&) { // too little memory for one more: this one is turned away
        depart();
    }
}

weir::task<> server::watch() {
    for (;;) {
        auto const slept = co_await weir::sleep_for(tick);
        if (!slept) co_return;
        std::lock_guard const locked{mutex_};
        auto const now = now_.fetch_add(1, weir::relaxed) + 1; // only this task moves it
        for (connection* one = connections_.front(); one; one = connections_.next(*one)) one->check_time(now);
    }
}

void server::enter(connection& one) {
    std::lock_guard const locked{mutex_};
    connections_.push_back(one);
    if (dismissing_) one.drain();
}

void server::leave(connection& one) {
    std::lock_guard const locked{mutex_};
    one.unlink();
}

void server::arrive() {
    figures_.open.add();
    std::lock_guard const locked{mutex_};
    ++present_;
}

void server::depart() noexcept {
    figures_.open.sub();
    std::lock_guard const locked{mutex_};
    if (--present_ == 0 && draining_) empty_.set();
}

} // namespace http
