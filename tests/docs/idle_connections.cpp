// tests/docs/idle_connections.cpp: the code of docs/guide/idle_connections.md, run.
#include "support/watchdog.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/memory/buffer_pool.hpp>
#include <weir/net/stream.hpp>
#include <weir/net/tcp.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

//! [serve]
weir::task<> converse(weir::net::tcp_socket socket, weir::buffer_pool& blocks) {
    weir::net::stream both{std::move(socket), blocks}; // holds a block only while there is something in it
    for (;;) {
        auto const line = co_await weir::timeout(both.read_until("\n", 1024), 10min);
        if (!line) co_return; // the peer has gone, was silent for too long, or the server stops
        both.write("you said ");
        both.write(*line); // shared, not copied, when it is long
        auto const sent = co_await both.flush();
        if (!sent) co_return;
    }
}

weir::task<> serve(weir::net::tcp_listener const& listener, weir::buffer_pool& blocks) {
    co_await weir::in_scope([&](weir::scope& connections) -> weir::task<> {
        weir::net::accepted<weir::net::tcp_socket> incoming{listener}; // on io_uring one entry accepts them all
        for (;;) {
            auto one = co_await incoming.next();
            if (!one) co_return; // a stop; the scope then waits until every connection has ended
            connections.spawn(converse, std::move(*one), std::ref(blocks));
        }
    });
}
//! [serve]

weir::task<std::string> ask(weir::net::address at, std::string line) {
    auto socket = co_await weir::net::connect_tcp(at);
    if (!socket) co_return socket.error().message();
    weir::net::stream both{std::move(*socket)};
    both.write(line);
    auto const sent = co_await both.flush();
    if (!sent) co_return sent.error().message();
    auto const answer = co_await both.read_until("\n", 1024);
    co_return answer ? std::string{answer->view()} : answer.error().message();
}

// Connections that say nothing, and one that does.
weir::task<std::size_t> idle_and_one(weir::net::address at, weir::buffer_pool& blocks, int idle) {
    std::vector<weir::net::tcp_socket> silent;
    for (int n = 0; n < idle; ++n) {
        auto one = co_await weir::net::connect_tcp(at);
        if (one) silent.push_back(std::move(*one));
    }
    CHECK(silent.size() == static_cast<std::size_t>(idle));
    auto const answer = co_await ask(at, "hello\n");
    CHECK(answer == "you said hello\n");
    co_return blocks.capacity() - blocks.available();
}

} // namespace

TEST_CASE("connections that say nothing hold no block") {
    weir::test::watchdog const end{60};
    //! [pool]
    weir::buffer_pool_options sizes;
    sizes.block_size = 16 * 1024;
    sizes.blocks = 64; // for all connections together, however many wait
    weir::buffer_pool blocks{sizes};
    weir::runtime runtime;
    //! [pool]
    runtime.block_on([&]() -> weir::task<> {
        auto listener = weir::net::tcp_listener::bind(weir::net::address::loopback_v4(0));
        REQUIRE(listener.has_value());
        auto const at = listener->local();
        REQUIRE(at.has_value());
        co_await weir::in_scope([&](weir::scope& server) -> weir::task<> {
            server.spawn(serve, std::cref(*listener), std::ref(blocks));
            std::size_t const held = co_await idle_and_one(*at, blocks, 200);
            CHECK(held < 60); // some may be in the ring that the kernel takes them from
            server.request_stop();
        });
    });
}
