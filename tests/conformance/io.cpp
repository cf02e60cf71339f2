// tests/conformance/io.cpp: what the kernel does with sockets keeps the contract of a wait, on both backends.
#include "conformance/conformance.hpp"
#include "conformance/io_subject.hpp"
#include "support/sockets.hpp"

#include <weir/io/op/accept.hpp>
#include <weir/io/op/connect.hpp>
#include <weir/io/op/poll.hpp>
#include <weir/io/op/read.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/recv_message.hpp>
#include <weir/io/op/send.hpp>
#include <weir/io/op/send_all.hpp>
#include <weir/io/op/send_message.hpp>
#include <weir/io/op/send_to.hpp>
#include <weir/io/op/shutdown.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
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
                                     .note = buffer_note,
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
                                     .note = buffer_note,
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_send(stage&) {}
    task<std::error_code> wait() {
        auto const taken = co_await io::send(ends.near.ref(), test::bytes_of("0123456789"));
        if (taken) bytes += *taken;
        co_return taken.error();
    }
    void complete() { received += drain(ends.far); }
    bool whole(std::size_t completed) {
        received += drain(ends.far);
        return (bytes > 0) == (completed == 1) && received == filled + bytes;
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
                                     .note = buffer_note,
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

struct io_send_message {
    static constexpr description row{.name = "io::send_message",
                                     .kind = on_cancel::safe,
                                     .value = "is with the caller; what was taken is told, as a result",
                                     .note = buffer_note,
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_send_message(stage&) {}
    task<std::error_code> wait() {
        char text[] = "0123456789";
        std::array<iovec, 2> const pieces{iovec{text, 4}, iovec{text + 4, 6}};
        auto const taken = co_await io::send_message(ends.near.ref(), std::span<iovec const>{pieces});
        if (taken) bytes += *taken;
        co_return taken.error();
    }
    void complete() { received += drain(ends.far); }
    bool whole(std::size_t completed) {
        received += drain(ends.far);
        return (bytes > 0) == (completed == 1) && received == filled + bytes;
    }

    test::socket_pair ends = test::make_pair_of();
    std::size_t const filled = test::fill(ends.near);
    std::size_t bytes = 0;
    std::size_t received = 0;
};

struct io_send_all {
    static constexpr description row{.name = "io::send_all",
                                     .kind = on_cancel::safe,
                                     .value = "what the socket has not taken is in the chain",
                                     .note = "the chain belongs to the kernel until the wait has ended",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_send_all(stage&) {
        for (int n = 0; n < 20; ++n) chain.push_back(bytes::copy_of("0123456789"));
    }
    task<std::error_code> wait() {
        auto const sent = co_await io::send_all(ends.near.ref(), chain);
        co_return sent.error();
    }
    void complete() { received += drain(ends.far); }
    bool whole(std::size_t completed) {
        received += drain(ends.far);
        return (completed == 0 || chain.empty()) && received + chain.size() == filled + 200;
    }

    test::socket_pair ends = test::make_pair_of();
    std::size_t const filled = test::fill(ends.near);
    bytes_chain chain;
    std::size_t received = 0;
};

struct io_recv_message {
    static constexpr description row{.name = "io::recv_message",
                                     .kind = on_cancel::safe,
                                     .value = "stays in the kernel, descriptors included",
                                     .note = "buffer and message belong to the kernel until the wait has ended",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_recv_message(stage&) {}
    task<std::error_code> wait() {
        std::array<std::byte, 8> into{};
        auto const got = co_await io::recv_message(ends.near.ref(), into, message);
        if (got) bytes += *got;
        co_return got.error();
    }
    void complete() {
        io::outgoing with{test::bytes_of("ab")};
        with.attach(ends.far.ref());
        sent = ::sendmsg(ends.far.number(), &with.header(), MSG_DONTWAIT) == 2;
    }
    bool whole(std::size_t completed) {
        io::fd const came = message.take_descriptor();
        char left[8];
        auto const in_kernel = ::recv(ends.near.number(), left, sizeof left, MSG_DONTWAIT);
        bool const where = static_cast<bool>(came) == (completed == 1) && in_kernel == (completed ? -1 : 2);
        return sent && bytes == 2 * completed && where;
    }

    test::socket_pair ends = test::make_pair_of(SOCK_SEQPACKET);
    io::incoming message;
    std::size_t bytes = 0;
    bool sent = false;
};

struct io_send_to {
    static constexpr description row{.name = "io::send_to",
                                     .kind = on_cancel::safe,
                                     .value = "is with the caller, or was sent",
                                     .note = buffer_note,
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit io_send_to(stage&) {
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(to.number(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
        socklen_t size = sizeof any;
        REQUIRE(::getsockname(to.number(), reinterpret_cast<sockaddr*>(&any), &size) == 0);
        std::memcpy(&where.storage, &any, sizeof any);
    }
    task<std::error_code> wait() {
        auto const sent = co_await io::send_to(from.ref(), test::bytes_of("ab"), where.storage, where.length);
        co_return sent.error();
    }
    void complete() {}
    bool whole(std::size_t completed) { return drain(to) == 2 * completed; }

    io::fd from{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    io::fd to{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    test::loopback where;
};

struct io_poll {
    static constexpr description row{.name = "io::poll_readable",
                                     .kind = on_cancel::safe,
                                     .value = "there is none; the descriptor is as it was",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_poll(stage&) {}
    task<std::error_code> wait() {
        auto const ready = co_await io::poll_readable(ends.near.ref());
        co_return ready.error();
    }
    void complete() { sent = ::send(ends.far.number(), "ab", 2, MSG_DONTWAIT) == 2; }
    bool whole(std::size_t) { return sent && drain(ends.near) == 2; }

    test::socket_pair ends = test::make_pair_of();
    bool sent = false;
};

struct io_shutdown {
    static constexpr description row{.name = "io::shutdown",
                                     .kind = on_cancel::not_stopped,
                                     .value = "the direction is ended",
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit io_shutdown(stage&) {}
    task<std::error_code> wait() {
        auto const done = co_await io::shutdown(ends.near.ref(), io::directions::sending);
        co_return done.error();
    }
    void complete() {}
    bool whole(std::size_t completed) {
        char byte;
        return completed == 1 && ::recv(ends.far.number(), &byte, 1, MSG_DONTWAIT) == 0;
    }

    test::socket_pair ends = test::make_pair_of();
};

using all_io = std::tuple<io_recv, io_send, io_accept, io_connect, io_read, io_send_message, io_send_all, io_recv_message,
                          io_send_to, io_poll, io_shutdown>;
in_table<all_io> const lines{group::io};

} // namespace

TEMPLATE_LIST_TEST_CASE("what the kernel does with sockets keeps the contract of a wait", "", all_io) {
    auto const before = test::entries_of("fd");
    conforms<TestType>();
    CHECK(test::entries_of("fd") == before);
}
