// bench/io/servers/weir_files.cpp: one file over HTTP on weir, by sendfile, a task a connection, one thread.
// The least of HTTP that is honest: any request whose head is whole is answered with the file, and the connection kept.

#include "listener.hpp"

#include <weir/coro.hpp>
#include <weir/io/accept_stream.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/net/sendfile.hpp>
#include <weir/net/tcp.hpp>
#include <weir/runtime/runtime.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

namespace {

struct content {
    weir::io::fd_ref file;
    std::uint64_t size;
    std::string head;
};

weir::task<> serve(weir::net::tcp_socket peer, content const& what) {
    std::array<char, 4096> buffer;
    std::size_t have = 0;
    for (;;) {
        auto const got = co_await peer.recv(std::as_writable_bytes(std::span{buffer}.subspan(have)));
        if (!got || *got == 0) co_return;
        have += *got;
        if (!std::string_view{buffer.data(), have}.ends_with("\r\n\r\n")) {
            if (have == buffer.size()) co_return;
            continue;
        }
        have = 0;
        if (!co_await peer.send_all(std::as_bytes(std::span{what.head}))) co_return;
        if (!co_await weir::net::sendfile(peer.ref(), what.file, weir::net::file_range{0, what.size})) co_return;
    }
}

weir::task<> accept_all(weir::scope& connections, weir::io::fd_ref listener, content const& what) {
    weir::io::accept_stream incoming{listener};
    for (;;) {
        auto peer = co_await incoming.next();
        if (!peer) co_return;
        bench::set_no_delay(peer->number());
        connections.spawn(serve, weir::net::tcp_socket{std::move(*peer)}, std::cref(what));
    }
}

} // namespace

int main(int argc, char** argv) {
    auto const backend = weir::io::parse_backend(bench::option(argc, argv, "--backend", "auto"));
    weir::io::fd const file{::open(bench::option(argc, argv, "--file", ""), O_RDONLY | O_CLOEXEC)};
    struct stat about {};
    if (!backend || !file || ::fstat(file.number(), &about) < 0) {
        std::fprintf(stderr, "usage: %s --port PORT --file FILE [--backend io_uring|epoll]\n", argv[0]);
        return 2;
    }
    weir::io::fd const listener{bench::listen_at(bench::port_option(argc, argv))};
    content const what{file.ref(), static_cast<std::uint64_t>(about.st_size),
                       "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: " +
                           std::to_string(about.st_size) + "\r\n\r\n"};
    weir::runtime_options options;
    options.current_thread = true;
    options.backend = *backend;
    weir::runtime runtime{options};
    runtime.block_on([](weir::io::fd_ref at, content const& of) { return weir::in_scope(accept_all, at, std::cref(of)); },
                     listener.ref(), std::cref(what));
}
