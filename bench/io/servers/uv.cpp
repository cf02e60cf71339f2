// bench/io/servers/uv.cpp: the echo server on libuv, one loop.
// What is received lies in a buffer of the loop's and is sent at once, as uv_try_write can; only what the socket does not
// take is kept and written later.

#include "listener.hpp"

#include <uv.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>

namespace {

std::array<char, 65536> buffer; // libuv's own proposal

struct writing {
    uv_write_t request;
    std::string rest;
};

void close(uv_stream_t* peer) {
    auto* const handle = reinterpret_cast<uv_handle_t*>(peer);
    if (uv_is_closing(handle)) return;
    uv_close(handle, [](uv_handle_t* gone) { delete reinterpret_cast<uv_tcp_t*>(gone); });
}

void lend(uv_handle_t*, std::size_t, uv_buf_t* room) { *room = uv_buf_init(buffer.data(), buffer.size()); }

void received(uv_stream_t* peer, ssize_t got, uv_buf_t const* from) {
    if (got == 0) return;
    if (got < 0) return close(peer);
    uv_buf_t const answer = uv_buf_init(from->base, static_cast<unsigned>(got));
    int const sent = uv_try_write(peer, &answer, 1);
    if (sent == got) return;
    if (sent < 0 && sent != UV_EAGAIN) return close(peer);
    auto const taken = static_cast<std::size_t>(sent < 0 ? 0 : sent);
    auto* const rest = new writing{{}, std::string{from->base + taken, static_cast<std::size_t>(got) - taken}};
    rest->request.data = rest;
    uv_buf_t const left = uv_buf_init(rest->rest.data(), static_cast<unsigned>(rest->rest.size()));
    uv_read_stop(peer);
    uv_write(&rest->request, peer, &left, 1, [](uv_write_t* done, int error) {
        std::unique_ptr<writing> const written{static_cast<writing*>(done->data)};
        if (error) close(done->handle);
        else uv_read_start(done->handle, &lend, &received);
    });
}

void accept(uv_stream_t* listener, int error) {
    if (error) return;
    auto* const peer = new uv_tcp_t;
    uv_tcp_init(listener->loop, peer);
    auto* const stream = reinterpret_cast<uv_stream_t*>(peer);
    if (uv_accept(listener, stream) != 0) return close(stream);
    uv_tcp_nodelay(peer, 1);
    uv_read_start(stream, &lend, &received);
}

} // namespace

int main(int argc, char** argv) {
    uv_loop_t* const loop = uv_default_loop();
    uv_tcp_t listener;
    sockaddr_in at;
    uv_ip4_addr("127.0.0.1", bench::port_option(argc, argv), &at);
    uv_tcp_init(loop, &listener);
    uv_tcp_bind(&listener, reinterpret_cast<sockaddr*>(&at), 0);
    if (uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 1024, &accept) != 0) bench::fail("uv_listen");
    uv_run(loop, UV_RUN_DEFAULT);
}
