// tests/conformance/io.cpp: what the kernel does keeps the contract of a wait, on both backends.
#include "conformance/conformance.hpp"
#include "support/sockets.hpp"

#include <weir/io/op/accept.hpp>
#include <weir/io/op/connect.hpp>
#include <weir/io/op/read.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send.hpp>

#include <array>
#include <cstddef>
#include <fcntl.h>
#include <span>
#include <sys/socket.h>
#include <tuple>
#include <unistd.h>
#include <utility>

using namespace weir;
using namespace weir::conformance;

namespace {

struct io_recv {
    static constexpr description row{.name = "io::recv",
                                     .kind = on_cancel::safe,
                                     .value = "stays in the kernel",
                                     .note = "the buffer belongs to the kernel until the wait has ended",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_recv(stage&) {}
    task<std::error_code> wait() {
        std::array<std::byte, 8> into{};
        auto const got = co_await io::recv(ends.near.ref(), into);
        if (got) bytes += *got;
        co_return got.error();
    }
    void complete() { sent = ::send(ends.far.number(), "ab", 2, MSG_DONTWAIT) == 2; }
    bool whole(std::size_t completed) {
        char left[8];
        auto const in_kernel = ::recv(ends.near.number(), left, sizeof left, MSG_DONTWAIT);
        return sent && bytes == 2 * completed && in_kernel == (completed ? -1 : 2);
    }

    test::socket_pair ends = test::make_pair_of();
    std::size_t bytes = 0;
    bool sent = false;
};

// A socket whose peer reads only when it is told to.
struct io_send {
    static constexpr description row{.name = "io::send",
                                     .kind = on_cancel::safe,
                                     .value = "is with the caller; what was taken is told, as a result",
                                     .note = "the buffer belongs to the kernel until the wait has ended",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_send(stage&) {}
    task<std::error_code> wait() {
        auto const taken = co_await io::send(ends.near.ref(), test::bytes_of("0123456789"));
        if (taken) bytes += *taken;
        co_return taken.error();
    }
    void complete() { received += drain(); }
    bool whole(std::size_t completed) {
        received += drain();
        return (bytes > 0) == (completed == 1) && received == filled + bytes;
    }

private:
    std::size_t drain() {
        std::size_t sum = 0;
        std::array<char, 65536> into;
        for (ssize_t got; (got = ::recv(ends.far.number(), into.data(), into.size(), MSG_DONTWAIT)) > 0;)
            sum += static_cast<std::size_t>(got);
        return sum;
    }

    test::socket_pair ends = test::make_pair_of();
    std::size_t const filled = test::fill(ends.near);
    std::size_t bytes = 0;
    std::size_t received = 0;
};

struct io_accept {
    static constexpr description row{.name = "io::accept",
                                     .kind = on_cancel::safe,
                                     .value = "no connection is lost: it stays in the listener's queue",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_accept(stage&) {}
    task<std::error_code> wait() {
        auto got = co_await io::accept(listener.file.ref());
        if (got) server = *std::move(got);
        co_return got.error();
    }
    void complete() {
        auto* const to = reinterpret_cast<sockaddr*>(&listener.where.storage);
        connected = ::connect(client.number(), to, listener.where.length) == 0;
    }
    bool whole(std::size_t completed) {
        io::fd const left{::accept4(listener.file.number(), nullptr, nullptr, SOCK_CLOEXEC)};
        return connected && static_cast<bool>(server) == (completed == 1) && static_cast<bool>(left) == (completed == 0);
    }

    test::listening_socket listener = test::listen_here(8);
    io::fd client = test::tcp_socket();
    io::fd server;
    bool connected = false;
};

struct io_read {
    static constexpr description row{.name = "io::read",
                                     .kind = on_cancel::safe,
                                     .value = "stays in the kernel",
                                     .note = "the buffer belongs to the kernel until the wait has ended",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_read(stage&) {
        int ends[2] = {-1, -1};
        REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
        from = io::fd{ends[0]};
        to = io::fd{ends[1]};
    }
    task<std::error_code> wait() {
        std::array<std::byte, 8> into{};
        auto const got = co_await io::read(from.ref(), into);
        if (got) bytes += *got;
        co_return got.error();
    }
    void complete() { written = ::write(to.number(), "ab", 2) == 2; }
    bool whole(std::size_t completed) {
        char left[8];
        auto const in_kernel = ::read(from.number(), left, sizeof left);
        return written && bytes == 2 * completed && in_kernel == (completed ? -1 : 2);
    }

    io::fd from;
    io::fd to;
    std::size_t bytes = 0;
    bool written = false;
};

struct io_connect {
    static constexpr description row{.name = "io::connect",
                                     .kind = on_cancel::may_take_effect,
                                     .value = "the peer may have seen a connection",
                                     .note = "the socket is in no known state; close it",
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit io_connect(stage&) {}
    task<std::error_code> wait() {
        auto const done = co_await io::connect(client.ref(), listener.where.storage, listener.where.length);
        co_return done.error();
    }
    void complete() {}
    bool whole(std::size_t completed) {
        sockaddr_storage peer{};
        socklen_t length = sizeof peer;
        bool const connected = ::getpeername(client.number(), reinterpret_cast<sockaddr*>(&peer), &length) == 0;
        return connected || completed == 0;
    }

    test::listening_socket listener = test::listen_here(8);
    io::fd client = test::tcp_socket();
};

using all_io = std::tuple<io_recv, io_send, io_accept, io_connect, io_read>;
in_table<all_io> const lines{group::io};

} // namespace

TEMPLATE_LIST_TEST_CASE("what the kernel does keeps the contract of a wait", "", all_io) { conforms<TestType>(); }
