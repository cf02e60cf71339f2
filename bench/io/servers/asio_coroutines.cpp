// bench/io/servers/asio_coroutines.cpp: the echo server on Boost.Asio's coroutines, one a connection, one thread.

#include "listener.hpp"

#include <utility> // first: Boost 1.74's awaitable.hpp uses std::exchange and does not include it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

asio::awaitable<void> echo(tcp::socket peer) {
    std::array<char, 4096> buffer;
    boost::system::error_code error;
    for (;;) {
        std::size_t const got =
            co_await peer.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return;
        co_await asio::async_write(peer, asio::buffer(buffer, got), asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return;
    }
}

asio::awaitable<void> accept(tcp::acceptor& listener) {
    for (;;) {
        tcp::socket peer = co_await listener.async_accept(asio::use_awaitable);
        peer.set_option(tcp::no_delay{true});
        asio::co_spawn(listener.get_executor(), echo(std::move(peer)), asio::detached);
    }
}

} // namespace

int main(int argc, char** argv) {
    asio::io_context context{1};
    tcp::acceptor listener{context, {asio::ip::address_v4::loopback(), bench::port_option(argc, argv)}};
    asio::co_spawn(context, accept(listener), asio::detached);
    context.run();
}
