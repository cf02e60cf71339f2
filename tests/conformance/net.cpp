// tests/conformance/net.cpp: streams, listeners and datagrams keep the contract of a wait, on both backends.
#include "conformance/conformance.hpp"
#include "conformance/io_subject.hpp"
#include "support/sockets.hpp"

#include <weir/net/stream.hpp>
#include <weir/net/tcp.hpp>
#include <weir/net/udp.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

using namespace weir;
using namespace weir::conformance;

namespace {

// Two thirds of the line are there before.
struct stream_read_until {
    static constexpr description row{.name = "net::stream::read_until",
                                     .kind = on_cancel::safe,
                                     .value = "what came stays for the next read",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit stream_read_until(stage&) { REQUIRE(::send(far.number(), "ab", 2, MSG_DONTWAIT) == 2); }
    task<std::error_code> wait() {
        auto const line = co_await from.read_until("\n", 100);
        had += line && line->view() == "ab\n";
        co_return line.error();
    }
    void complete() { sent = ::send(far.number(), "\n", 1, MSG_DONTWAIT) == 1; }
    bool whole(std::size_t completed) {
        std::size_t const left = from.unread().size() + drain_socket();
        return sent && had == completed && left == (completed ? 0 : 3);
    }
    std::size_t drain_socket() {
        char into[8];
        auto const got = ::recv(from.socket().ref().number(), into, sizeof into, MSG_DONTWAIT);
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    }

    test::socket_pair ends = test::make_pair_of();
    net::stream from{net::tcp_socket{std::move(ends.near)}};
    io::fd far = std::move(ends.far);
    std::size_t had = 0;
    bool sent = false;
};

struct stream_flush {
    static constexpr description row{.name = "net::stream::flush",
                                     .kind = on_cancel::safe,
                                     .value = "what the socket has not taken stays for the next flush",
                                     .note = "no byte is sent twice",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit stream_flush(stage&) {
        for (int n = 0; n < 20; ++n) to.write("0123456789");
    }
    task<std::error_code> wait() {
        auto const flushed = co_await to.flush();
        co_return flushed.error();
    }
    void complete() { received += drain(ends.far); }
    bool whole(std::size_t completed) {
        received += drain(ends.far);
        return (completed == 0 || to.unsent() == 0) && received + to.unsent() == filled + 200;
    }

    test::socket_pair ends = test::make_pair_of();
    std::size_t const filled = test::fill(ends.near);
    net::stream to{net::tcp_socket{std::move(ends.near)}};
    std::size_t received = 0;
};

struct listener_accept {
    static constexpr description row{.name = "net::tcp_listener::accept",
                                     .kind = on_cancel::safe,
                                     .value = "no connection is lost: it stays in the listener's queue",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit listener_accept(stage&) {}
    task<std::error_code> wait() {
        auto got = co_await listener.accept();
        if (got) server = *std::move(got);
        co_return got.error();
    }
    void complete() {
        auto const where = listener.local().value();
        connected = ::connect(client.number(), where.raw(), where.length()) == 0;
    }
    bool whole(std::size_t completed) {
        io::fd const left{::accept4(listener.ref().number(), nullptr, nullptr, SOCK_CLOEXEC)};
        return connected && static_cast<bool>(server) == (completed == 1) && static_cast<bool>(left) == (completed == 0);
    }

    net::tcp_listener listener = net::tcp_listener::bind(net::address::loopback_v4(0)).value();
    io::fd client = test::tcp_socket();
    net::tcp_socket server;
    bool connected = false;
};

struct udp_recv_batch {
    static constexpr description row{.name = "net::udp_socket::recv_batch",
                                     .kind = on_cancel::safe,
                                     .value = "stays in the kernel",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit udp_recv_batch(stage&) {}
    task<std::error_code> wait() {
        auto const got = co_await at.recv_batch(into);
        if (got) had += *got;
        co_return got.error();
    }
    void complete() {
        auto const where = at.local().value();
        sent = ::sendto(from.ref().number(), "ab", 2, MSG_DONTWAIT, where.raw(), where.length()) == 2;
    }
    bool whole(std::size_t completed) {
        return sent && had == completed && drain_socket() == (completed ? 0u : 2u);
    }
    std::size_t drain_socket() {
        char left[8];
        auto const got = ::recv(at.ref().number(), left, sizeof left, MSG_DONTWAIT);
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    }

    net::udp_socket at = net::udp_socket::bind(net::address::loopback_v4(0)).value();
    net::udp_socket from = net::udp_socket::open(AF_INET).value();
    net::datagram_batch into;
    std::size_t had = 0;
    bool sent = false;
};

using all_net = std::tuple<stream_read_until, stream_flush, listener_accept, udp_recv_batch>;
in_table<all_net> const lines{group::io};

} // namespace

TEMPLATE_LIST_TEST_CASE("streams, listeners and datagrams keep the contract of a wait", "", all_net) {
    auto const before = test::entries_of("fd");
    conforms<TestType>();
    CHECK(test::entries_of("fd") == before);
}
