// tests/conformance/net_datagrams.cpp: datagrams, Unix sockets and descriptors that pass through them keep the contract
// of a wait, on both backends.
#include "conformance/conformance.hpp"
#include "conformance/io_subject.hpp"
#include "support/sockets.hpp"

#include <weir/net/udp.hpp>
#include <weir/net/unix.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::conformance;

namespace {

struct udp_recv_from {
    static constexpr description row{.name = "net::udp_socket::recv_from",
                                     .kind = on_cancel::safe,
                                     .value = "stays in the kernel",
                                     .note = buffer_note,
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit udp_recv_from(stage&) {}
    task<std::error_code> wait() {
        std::array<std::byte, 8> into{};
        auto const got = co_await at.recv_from(into);
        if (got) had += got->size;
        co_return got.error();
    }
    void complete() {
        auto const where = at.local().value();
        sent = ::sendto(from.ref().number(), "ab", 2, MSG_DONTWAIT, where.raw(), where.length()) == 2;
    }
    bool whole(std::size_t completed) {
        char left[8];
        auto const in_kernel = ::recv(at.ref().number(), left, sizeof left, MSG_DONTWAIT);
        return sent && had == 2 * completed && in_kernel == (completed ? -1 : 2);
    }

    net::udp_socket at = net::udp_socket::bind(net::address::loopback_v4(0)).value();
    net::udp_socket from = net::udp_socket::open(AF_INET).value();
    std::size_t had = 0;
    bool sent = false;
};

// On a socket pair, because UDP drops where others wait for room.
struct udp_send_batch {
    static constexpr description row{.name = "net::udp_socket::send_batch",
                                     .kind = on_cancel::safe,
                                     .value = "how many were sent is told, as a result; the rest is with the caller",
                                     .note = buffer_note,
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit udp_send_batch(stage&) {}
    task<std::error_code> wait() {
        std::array<net::outgoing_datagram, 3> three;
        three.fill(net::outgoing_datagram{test::bytes_of("ab")});
        auto const taken = co_await to.send_batch(three);
        if (taken) went += *taken;
        co_return taken.error();
    }
    void complete() { received += drain(far); }
    bool whole(std::size_t completed) {
        received += drain(far);
        return (went > 0) == (completed == 1) && received == filled + 2 * went;
    }

    test::socket_pair ends = test::make_pair_of(SOCK_DGRAM);
    std::size_t const filled = test::fill(ends.near);
    net::udp_socket to{std::move(ends.near)};
    io::fd far = std::move(ends.far);
    std::size_t went = 0;
    std::size_t received = 0;
};

struct unix_connect {
    static constexpr description row{.name = "net::connect_unix",
                                     .kind = on_cancel::may_take_effect,
                                     .value = "the peer may have seen a connection, which is closed",
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit unix_connect(stage&) {}
    task<std::error_code> wait() {
        auto made = co_await net::connect_unix(listener.local().value());
        if (made) client = std::move(*made);
        co_return made.error();
    }
    void complete() {}
    bool whole(std::size_t completed) { return client.credentials().has_value() == (completed == 1); }

    // An abstract name of this process's own.
    net::unix_listener listener =
        net::unix_listener::bind(
            net::address::at_abstract("weir-conformance-" + std::to_string(::getpid())).value())
            .value();
    net::unix_socket client;
};

// The receiver has no room.
struct unix_send {
    static constexpr description row{.name = "net::unix_datagram::send",
                                     .kind = on_cancel::safe,
                                     .value = "is with the caller",
                                     .note = buffer_note,
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit unix_send(stage&) {}
    task<std::error_code> wait() {
        auto const sent = co_await to.send(test::bytes_of("ab"));
        went += sent.has_value();
        co_return sent.error();
    }
    void complete() { received += drain(ends.far); }
    bool whole(std::size_t completed) {
        received += drain(ends.far);
        return went == completed && received == filled + 2 * went;
    }

    test::socket_pair ends = test::make_pair_of(SOCK_DGRAM);
    std::size_t const filled = test::fill(ends.near);
    net::unix_datagram to{std::move(ends.near)};
    std::size_t went = 0;
    std::size_t received = 0;
};

// The same with a descriptor: of the writing end of a pipe, whose last copy's end the reading end tells of.
struct unix_send_with {
    static constexpr description row{.name = "net::unix_socket::send_with",
                                     .kind = on_cancel::safe,
                                     .value = "is with the caller, descriptors included",
                                     .note = buffer_note,
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit unix_send_with(stage&) {}
    task<std::error_code> wait() {
        std::array<io::fd_ref, 1> const files{far_copy.ref()};
        auto const sent = co_await to.send_with(test::bytes_of("ab"), files);
        if (sent) went += *sent;
        co_return sent.error();
    }
    void complete() { received += drain(ends.far); }
    bool whole(std::size_t completed) {
        received += drain(ends.far);
        return went == 2 * completed && received == filled + went;
    }

    test::socket_pair ends = test::make_pair_of();
    std::size_t const filled = test::fill(ends.near);
    io::fd far_copy{::dup(ends.far.number())};
    net::unix_socket to{std::move(ends.near)};
    std::size_t went = 0;
    std::size_t received = 0;
};

struct unix_recv_with {
    static constexpr description row{.name = "net::unix_socket::recv_with",
                                     .kind = on_cancel::safe,
                                     .value = "stays in the kernel, descriptors included",
                                     .note = buffer_note,
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit unix_recv_with(stage&) {}
    task<std::error_code> wait() {
        std::array<std::byte, 8> into{};
        auto const got = co_await from.recv_with(into, files);
        if (got) had += *got;
        co_return got.error();
    }
    void complete() {
        io::outgoing with{test::bytes_of("ab")};
        with.attach(far.ref());
        sent = ::sendmsg(far.number(), &with.header(), MSG_DONTWAIT) == 2;
    }
    bool whole(std::size_t completed) {
        char left[8];
        auto const in_kernel = ::recv(from.ref().number(), left, sizeof left, MSG_DONTWAIT);
        return sent && had == 2 * completed && files.size() == completed && in_kernel == (completed ? -1 : 2);
    }

    test::socket_pair ends = test::make_pair_of();
    net::unix_socket from{std::move(ends.near)};
    io::fd far = std::move(ends.far);
    std::vector<io::fd> files;
    std::size_t had = 0;
    bool sent = false;
};

using all_datagrams =
    std::tuple<udp_recv_from, udp_send_batch, unix_connect, unix_send, unix_send_with, unix_recv_with>;
in_table<all_datagrams> const lines{group::io};

} // namespace

TEMPLATE_LIST_TEST_CASE("datagrams and Unix sockets keep the contract of a wait", "", all_datagrams) {
    auto const before = test::entries_of("fd");
    conforms<TestType>();
    CHECK(test::entries_of("fd") == before);
}
