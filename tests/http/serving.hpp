// tests/http/serving.hpp: a server that runs on real sockets for the length of a test case, once on each backend.
// At its end no connection may be open, and no descriptor be left.
#pragma once

#include "raw_client.hpp"

#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <http/server.hpp>

#include <weir/base/atomic.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>

namespace http_test {

using namespace std::chrono_literals;

// Looks until it is so, or for ten seconds.
template <class Condition>
bool eventually(Condition holds) {
    auto const until = weir::clock::now() + 10s;
    while (!holds()) {
        if (weir::clock::now() > until) return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

class serving {
public:
    explicit serving(http::server_options options = {}, unsigned workers = 2, http::handler handle = {})
        : runs_{weir::test::whole_backend(), workers}, other_{std::move(handle)},
          listener_{weir::net::tcp_listener::bind(weir::net::address::loopback_v4(0)).value()},
          where_{listener_.local().value()},
          server_{options, [this](http::exchange& one) { return other_ ? other_(one) : answer(one); }},
          thread_{[this] {
              runs_->block_on([](serving* self) { return self->server_.run(self->listener_); }, this);
          }} {}
    ~serving() {
        gate.set();
        end();
        CHECK(open() == 0);
    }

    // Drains, and waits until the server has ended.
    void end() {
        server_.drain();
        if (thread_.joinable()) thread_.join();
    }
    void drain() { server_.drain(); }

    weir::net::address const& where() const noexcept { return where_; }
    weir::runtime& runtime() noexcept { return *runs_; }
    http::server::figures const& counts() const noexcept { return server_.counts(); }
    std::int64_t open() const noexcept { return counts().open.value(); }
    bool emptied() const {
        return eventually([this] { return open() == 0; });
    }

    weir::event gate;               // what /wait waits for
    weir::atomic<int> waiting{0};   // requests that have come to it
    weir::atomic<int> stopped{0};   // of these, those that were stopped there
    weir::atomic<int> handled{0};   // requests that have come to the handler

private:
    class descriptors {
    public:
        descriptors() : before_{weir::test::entries_of("fd")} {}
        ~descriptors() { CHECK(weir::test::entries_of("fd") == before_); }

    private:
        std::size_t const before_;
    };

    // What the paths of the server under test do, unless the test has a handler of its own; any other gives the body
    // back.
    weir::task<> answer(http::exchange& one);

    descriptors const left_open_; // first, so that it looks last
    weir::test::backend_runtime runs_;
    http::handler const other_;
    weir::net::tcp_listener listener_;
    weir::net::address const where_;
    http::server server_;
    std::thread thread_;
};

inline weir::task<> serving::answer(http::exchange& one) {
    auto const path = one.request.path();
    handled.fetch_add(1, weir::relaxed); // a tally
    if (path == "/sleep") {
        auto const slept = co_await weir::sleep_for(50ms);
        one.response.body() = slept ? "slept" : "stopped";
    } else if (path == "/yield") {
        for (int i = 0; i < 20; ++i) co_await weir::yield();
        one.response.body() = "yielded";
    } else if (path == "/throw") {
        throw std::runtime_error{"a secret of the handler"};
    } else if (path == "/throw-number") {
        throw 42;
    } else if (path == "/large") {
        one.response.body().assign(16 * 1024 * 1024, 'x');
    } else if (path == "/wait") {
        waiting.fetch_add(1, weir::relaxed); // a tally
        auto const passed = co_await gate.wait();
        if (!passed) stopped.fetch_add(1, weir::relaxed); // a tally
        one.response.body() = "passed";
    } else if (one.request.body().empty()) {
        one.response.body() = one.request.target();
    } else {
        one.response.body() = one.request.body();
    }
}

// A client whose calls stop the thread, so that a test reads from top to bottom.
class caller {
public:
    explicit caller(serving& at) : on_{at.runtime()}, client_{connect(at)} {}

    // False when the connection is broken.
    bool send(std::string_view text) {
        return on_.block_on([](client* self, std::string_view out) -> weir::task<bool> {
            auto const sent = co_await weir::timeout(self->send(out), 10s);
            co_return static_cast<bool>(sent);
        }, &client_, text);
    }
    reply receive(weir::duration patience = 10s, bool head_request = false) {
        return on_.block_on([](client* self, weir::duration length, bool bare) -> weir::task<reply> {
            co_return co_await weir::timeout(self->receive(bare), length);
        }, &client_, patience, head_request);
    }
    reply ask(std::string_view request) {
        send(request);
        return receive();
    }
    // Whether the server ends the connection in order and sends nothing more.
    bool ended(weir::duration patience = 10s) {
        auto const last = rest(patience);
        return last && last->empty();
    }
    // What comes until the server ends the connection in order.
    weir::result<weir::bytes> rest(weir::duration patience = 10s) {
        return on_.block_on([](client* self, weir::duration length) -> weir::task<weir::result<weir::bytes>> {
            co_return co_await weir::timeout(self->rest(), length);
        }, &client_, patience);
    }
    // What comes up to and with `mark`; empty when it does not.
    std::string up_to(std::string_view mark) {
        return on_.block_on([](client* self, std::string_view end) -> weir::task<std::string> {
            auto const got = co_await weir::timeout(self->up_to(end), 10s);
            if (!got) co_return std::string{};
            co_return std::string{got->view()};
        }, &client_, mark);
    }
    // Whether the connection is of no more use, in whatever way it ended.
    bool gone() {
        auto const last = receive();
        return last.status == 0 && last.error != weir::errc::timed_out;
    }

    void half_close() { client_.socket().shutdown_write(); }
    void leave() { client_.socket().release(); }
    void reset() { weir::test::reset_connection(client_.socket().release()); }

private:
    static client connect(serving& at) {
        return client{at.runtime().block_on(&weir::net::connect_tcp, at.where()).value()};
    }

    weir::runtime& on_;
    client client_;
};

inline std::string get(std::string_view path, std::string_view headers = {}) {
    return std::string{"GET "}.append(path).append(" HTTP/1.1\r\nHost: test\r\n").append(headers).append("\r\n");
}
inline std::string post(std::string_view path, std::string_view headers, std::string_view body) {
    return std::string{"POST "}.append(path).append(" HTTP/1.1\r\nHost: test\r\n").append(headers).append("\r\n").append(body);
}

} // namespace http_test
