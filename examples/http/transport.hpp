// examples/http/transport.hpp: what carries a connection's bytes: a TCP socket, alone or under a layer that changes them.
// Cost:     plain TCP pays a branch for each call, which always goes the same way, and a pointer for each connection. A
//           connection that were a template over its transport would save the branch and be compiled twice.
// Threads:  one receiving and one sending coroutine at a time.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/net/sendfile.hpp>
#include <weir/net/tcp.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <sys/uio.h>
#include <utility>

namespace http {

// A protocol between HTTP and TCP, TLS for instance, for one connection.
// Threads: one coroutine in recv and one in send at a time, on any workers.
class transport_layer {
public:
    transport_layer() = default;
    transport_layer(transport_layer const&) = delete;
    transport_layer& operator=(transport_layer const&) = delete;
    virtual ~transport_layer() = default;

    // The handshake; comes first, and once.
    virtual weir::task<weir::result<void>> open() = 0;
    // At least one byte; 0 at the peer's end.  Cancel: nothing is lost; or it has won and gives its bytes.
    virtual weir::task<weir::result<std::size_t>> recv(std::span<std::byte> into) = 0;
    // Takes a part at least.  Cancel: the connection is of no further use.
    virtual weir::task<weir::result<std::size_t>> send(std::span<iovec const> pieces) = 0;
    // Tells the peer that nothing more comes. The socket is shut down for writing after it.
    virtual weir::task<> say_end() = 0;
    // As transport's, where a layer can; nobody receives meanwhile.
    virtual std::size_t recv_now(std::span<std::byte>) noexcept { return 0; }
    virtual bool is_stale() noexcept { return false; }
};

// Makes the layers of a server's, or of a client's connections.  Threads: any.
class layer_maker {
public:
    virtual ~layer_maker() = default;
    // `socket` outlives the layer. `name` is that of the peer, for clients that check it; empty for servers.
    virtual std::unique_ptr<transport_layer> make(weir::net::tcp_socket const& socket, std::string_view name) = 0;

protected:
    layer_maker() = default;
    layer_maker(layer_maker const&) = default;
    layer_maker& operator=(layer_maker const&) = default;
};

class transport : weir::immovable {
public:
    // Without `layers`: plain TCP.
    explicit transport(weir::net::tcp_socket socket, layer_maker* layers = nullptr, std::string_view name = {})
        : socket_{std::move(socket)}, layer_{layers ? layers->make(socket_, name) : nullptr} {}

    // Null for plain TCP; else recv and send go by it.
    transport_layer* layer() const noexcept { return layer_.get(); }
    weir::net::tcp_socket const& socket() const noexcept { return socket_; }

    // As the layer's or the socket's, for who can spare a frame.
    weir::task<weir::result<std::size_t>> recv(std::span<std::byte> into);
    // Sends all of `pieces`, which it changes on its way.  Errors, cancel: as stream_socket::send_all.
    weir::task<weir::result<void>> send_all(std::span<iovec> pieces);
    // As net::sendfile; under a layer the bytes go through a buffer of 64 KiB.
    weir::task<weir::result<void>> send_file(weir::io::fd_ref file, weir::net::file_range range);
    // What has come already, without waiting; 0 for nothing.
    std::size_t recv_now(std::span<std::byte> into) noexcept;
    // Whether an idle connection is of no more use: the peer has ended it, or says what nobody has asked for.
    bool is_stale() const noexcept;
    // Nothing more is sent; receiving goes on.
    weir::task<> shut_writing();
    // Makes the end of the socket one that the peer cannot take for an orderly one.
    void reset_at_end() noexcept;

private:
    weir::net::tcp_socket socket_;
    std::unique_ptr<transport_layer> layer_;
};

// Drops the first `count` bytes of `pieces`.  Returns: what is left of them.
std::span<iovec> without_prefix(std::span<iovec> pieces, std::size_t count) noexcept;

} // namespace http
