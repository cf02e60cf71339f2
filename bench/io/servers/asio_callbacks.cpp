// bench/io/servers/asio_callbacks.cpp: the echo server on Boost.Asio's callbacks, a session a connection, one thread.

#include "listener.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(tcp::socket peer) : peer_{std::move(peer)} {}

    void receive() {
        peer_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](auto error, std::size_t got) {
            if (!error) self->send(got);
        });
    }

private:
    void send(std::size_t size) {
        asio::async_write(peer_, asio::buffer(buffer_, size), [self = shared_from_this()](auto error, std::size_t) {
            if (!error) self->receive();
        });
    }

    tcp::socket peer_;
    std::array<char, 4096> buffer_;
};

void accept(tcp::acceptor& listener) {
    listener.async_accept([&listener](auto error, tcp::socket peer) {
        if (error) return;
        peer.set_option(tcp::no_delay{true});
        std::make_shared<session>(std::move(peer))->receive();
        accept(listener);
    });
}

} // namespace

int main(int argc, char** argv) {
    asio::io_context context{1};
    tcp::acceptor listener{context, {asio::ip::address_v4::loopback(), bench::port_option(argc, argv)}};
    accept(listener);
    context.run();
}
