// examples/11_file_server.cpp: sends a file to whoever connects, and is visited once.
// One idea: `sendfile` lets the kernel move a file to a socket, so none of its bytes passes through the program; and a
// server is an accept loop that gives each connection a task.
#include <weir/coro/scope.hpp>
#include <weir/coro/when_any.hpp>
#include <weir/io/op/openat.hpp>
#include <weir/net/sendfile.hpp>
#include <weir/net/stream.hpp>
#include <weir/net/tcp.hpp>
#include <weir/runtime/runtime.hpp>

#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>

namespace net = weir::net;

namespace {

constexpr std::size_t size = 8 * 1024 * 1024;

// What ends here is closed here: the connection and, if it ends by a stop, what was under way.
weir::task<> answer(net::tcp_socket connection, weir::io::fd_ref file) {
    auto const sent = co_await net::sendfile(connection.ref(), file, net::file_range{0, size});
    if (!sent) std::printf("a visitor left: %s\n", sent.error().message().c_str());
}

weir::task<> serve(net::tcp_listener& listener, weir::io::fd_ref file) {
    co_await weir::in_scope([&](weir::scope& connections) -> weir::task<> {
        for (;;) {
            auto connection = co_await listener.accept();
            if (!connection) co_return; // asked to stop; the scope waits for those that are being served
            connections.spawn(answer, std::move(*connection), file);
        }
    });
}

weir::task<> visit(net::address where) {
    auto connection = co_await net::connect_tcp(where);
    net::stream incoming{std::move(connection.value())};
    auto const page = co_await incoming.read_to_end(2 * size);
    bool whole = page && page->size() == size;
    for (std::size_t n = 0; whole && n < size; ++n) whole = page->view()[n] == static_cast<char>(n / 4096);
    std::printf("a visitor got %zu bytes, %s\n", page ? page->size() : 0, whole ? "all of them right" : "wrong ones");
}

weir::task<> run(std::string path) {
    auto const file = co_await weir::io::open(path, O_RDONLY);
    auto listener = net::tcp_listener::bind(net::address::loopback_v4(0)).value(); // any port that is free
    auto const where = listener.local().value();
    // Here the server lasts as long as the visit. A real one is ended by a signal: see weir/io/signals.hpp.
    co_await weir::when_any(serve(listener, file.value().ref()), visit(where));
}

} // namespace

int main() {
    auto const path = (std::filesystem::temp_directory_path() / "weir-file-server.bin").string();
    {
        std::ofstream page{path, std::ios::binary};
        for (std::size_t n = 0; n < size; ++n) page.put(static_cast<char>(n / 4096));
    }
    weir::runtime runtime;
    runtime.block_on(run, path);
    std::filesystem::remove(path);
}
