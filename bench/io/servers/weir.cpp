// bench/io/servers/weir.cpp: the echo server on weir, a task a connection, one thread.
// With `--receive span` a connection has a buffer of its own; with `--receive block` it has one only while there is
// something in it, and the frame that sends it only as long.

#include "listener.hpp"

#include <weir/coro.hpp>
#include <weir/io/accept_stream.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/recv_block.hpp>
#include <weir/io/op/send.hpp>
#include <weir/memory/buffer_pool.hpp>
#include <weir/runtime/runtime.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

namespace {

weir::task<bool> send_all(weir::io::fd_ref peer, std::span<std::byte const> from) {
    while (!from.empty()) {
        auto const sent = co_await weir::io::send(peer, from);
        if (!sent) co_return false;
        from = from.subspan(*sent);
    }
    co_return true;
}

weir::task<> echo_span(weir::io::fd peer) {
    std::array<std::byte, 4096> buffer;
    for (;;) {
        auto const got = co_await weir::io::recv(peer.ref(), buffer);
        if (!got || *got == 0) co_return;
        auto const sent = co_await weir::io::send(peer.ref(), std::span{buffer}.first(*got));
        if (!sent) co_return;
        if (*sent < *got && !co_await send_all(peer.ref(), std::span{buffer}.first(*got).subspan(*sent))) co_return;
    }
}

weir::task<> echo_block(weir::io::fd peer, weir::buffer_pool& pool) {
    for (;;) {
        auto const got = co_await weir::io::recv_block(peer.ref(), pool);
        if (!got || got->empty()) co_return;
        if (!co_await send_all(peer.ref(), got->content())) co_return;
    }
}

weir::task<> accept_all(weir::scope& connections, weir::io::fd_ref listener, bool blocks, weir::buffer_pool& pool) {
    weir::io::accept_stream incoming{listener};
    for (;;) {
        auto peer = co_await incoming.next();
        if (!peer) co_return;
        bench::set_no_delay(peer->number());
        if (blocks) connections.spawn(echo_block, std::move(*peer), std::ref(pool));
        else connections.spawn(echo_span, std::move(*peer));
    }
}

} // namespace

int main(int argc, char** argv) {
    auto const backend = weir::io::parse_backend(bench::option(argc, argv, "--backend", "auto"));
    std::string_view const receive = bench::option(argc, argv, "--receive", "span");
    if (!backend || (receive != "span" && receive != "block")) {
        std::fprintf(stderr, "usage: %s --port PORT [--backend io_uring|epoll] [--receive span|block]\n", argv[0]);
        return 2;
    }
    weir::io::fd const listener{bench::listen_at(bench::port_option(argc, argv))};
    weir::runtime_options options;
    options.current_thread = true;
    options.backend = *backend;
    weir::buffer_pool_options in_pages;
    in_pages.pages = weir::page_kind::plain; // one huge page would look like 200 bytes a connection
    weir::buffer_pool pool{in_pages};
    weir::runtime runtime{options};
    runtime.block_on(
        [](weir::io::fd_ref at, bool blocks, weir::buffer_pool& from) {
            return weir::in_scope(accept_all, at, blocks, std::ref(from));
        },
        listener.ref(), receive == "block", std::ref(pool));
}
