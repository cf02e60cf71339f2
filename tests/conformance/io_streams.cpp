// tests/conformance/io_streams.cpp: what is received and accepted ahead, what a pool and a sender lend, and signals keep
// the contract of a wait, on both backends.
#include "conformance/conformance.hpp"
#include "conformance/io_subject.hpp"
#include "support/sockets.hpp"

#include <weir/io/accept_stream.hpp>
#include <weir/io/op/close.hpp>
#include <weir/io/op/recv_block.hpp>
#include <weir/io/op/send_zc.hpp>
#include <weir/io/recv_stream.hpp>
#include <weir/io/signals.hpp>
#include <weir/memory/buffer_pool.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <fcntl.h>
#include <tuple>
#include <unistd.h>
#include <utility>

using namespace weir;
using namespace weir::conformance;

namespace {

// It outlives every runtime.
buffer_pool& blocks() {
    static buffer_pool pool{[] {
        buffer_pool_options options;
        options.block_size = 4096;
        options.blocks = 64;
        return options;
    }()};
    return pool;
}

struct io_recv_block {
    static constexpr description row{.name = "io::recv_block",
                                     .kind = on_cancel::safe,
                                     .value = "stays in the kernel, and the block in its pool",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_recv_block(stage&) {}
    task<std::error_code> wait() {
        auto got = co_await io::recv_block(ends.near.ref(), blocks());
        if (got) had += got->size();
        co_return got.error();
    }
    void complete() { sent = ::send(ends.far.number(), "ab", 2, MSG_DONTWAIT) == 2; }
    bool whole(std::size_t completed) { return sent && had == 2 * completed && drain(ends.near) == 2 - had; }

    test::socket_pair ends = test::make_pair_of();
    std::size_t had = 0;
    bool sent = false;
};

// Two ask for a connection, and one comes.
struct io_accept_stream {
    static constexpr description row{.name = "io::accept_stream::next",
                                     .kind = on_cancel::loses_place,
                                     .value = "no connection is lost: it goes to the next taker",
                                     .note = "connections are accepted before anybody asks for them",
                                     .serves = audience::one,
                                     .in_kernel = true};
    explicit io_accept_stream(stage&) {}
    task<std::error_code> wait() {
        auto got = co_await incoming.next();
        if (got) ++taken;
        co_return got.error();
    }
    void complete() {
        auto* const to = reinterpret_cast<sockaddr*>(&listener.where.storage);
        connected = ::connect(client.number(), to, listener.where.length) == 0;
    }
    // What nobody had, the next one has.
    task<> close() {
        if (taken > 0) co_return;
        auto const left = co_await incoming.next();
        left_over = left.has_value();
    }
    bool whole(std::size_t completed) { return connected && taken == completed && left_over == (completed == 0); }

    test::listening_socket listener = test::listen_here(8);
    io::fd client = test::tcp_socket();
    io::accept_stream incoming{listener.file.ref()};
    std::atomic<std::size_t> taken{0};
    bool connected = false;
    bool left_over = false;
};

// What was received ahead of a stop is not in the socket any more, but in the stream.
struct io_recv_stream {
    static constexpr description row{.name = "io::recv_stream::next",
                                     .kind = on_cancel::safe,
                                     .value = "nothing was taken: what comes is the next taker's",
                                     .note = "what was not taken is lost with the stream",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_recv_stream(stage&) {}
    task<std::error_code> wait() {
        auto const got = co_await incoming.next();
        if (got) had += got->size();
        co_return got.error();
    }
    void complete() { sent = ::send(ends.far.number(), "ab", 2, MSG_DONTWAIT) == 2; }
    task<> close() {
        if (had > 0) co_return;
        auto const rest = co_await incoming.next();
        if (rest) left_over = rest->size();
    }
    bool whole(std::size_t completed) { return sent && had == 2 * completed && had + left_over == 2; }

    test::socket_pair ends = test::make_pair_of();
    io::recv_stream incoming{ends.near.ref(), blocks()};
    std::size_t had = 0;
    std::size_t left_over = 0;
    bool sent = false;
};

// Over TCP, where the pages stay with the kernel until the peer has them.
struct io_send_zc {
    static constexpr description row{.name = "io::send_zc",
                                     .kind = on_cancel::safe,
                                     .value = "is with the caller; what was taken is told, as a result",
                                     .note = "the pages belong to the kernel until the wait has ended",
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit io_send_zc(stage&) {}
    task<std::error_code> wait() {
        auto const taken = co_await io::send_zc(ends.near.ref(), pages);
        if (taken) went += *taken;
        co_return taken.error();
    }
    void complete() {}
    // All that was sent arrives, and nothing else.
    bool whole(std::size_t completed) {
        ::shutdown(ends.near.number(), SHUT_WR);
        std::size_t received = 0;
        std::array<char, 4096> into;
        for (ssize_t got; (got = ::recv(ends.far.number(), into.data(), into.size(), 0)) > 0;)
            received += static_cast<std::size_t>(got);
        return (went > 0) == (completed == 1) && received == went;
    }

    test::socket_pair ends = test::make_tcp_pair();
    std::array<std::byte, 20000> pages{};
    std::size_t went = 0;
};

struct io_signals {
    static constexpr description row{.name = "io::signal_set::next",
                                     .kind = on_cancel::safe,
                                     .value = "a signal that came stays for the next call",
                                     .serves = audience::lone,
                                     .in_kernel = true};
    explicit io_signals(stage&) {}
    task<std::error_code> wait() {
        auto const got = co_await news.next();
        had += got && *got == SIGUSR2;
        co_return got.error();
    }
    void complete() { sent = ::kill(::getpid(), SIGUSR2) == 0; }
    bool whole(std::size_t completed) {
        sigset_t only;
        ::sigemptyset(&only);
        ::sigaddset(&only, SIGUSR2);
        timespec const at_once{};
        bool const pending = ::sigtimedwait(&only, nullptr, &at_once) == SIGUSR2;
        return sent && had == completed && pending == (completed == 0);
    }

    io::signal_set news{SIGUSR2}; // the test has held it back for all threads
    std::size_t had = 0;
    bool sent = false;
};

struct io_close {
    static constexpr description row{.name = "io::close",
                                     .kind = on_cancel::not_stopped,
                                     .value = "the descriptor is gone",
                                     .serves = audience::lone,
                                     .by_itself = true,
                                     .in_kernel = true};
    explicit io_close(stage&) {}
    task<std::error_code> wait() {
        auto const closed = co_await io::close(std::move(ends.near));
        co_return closed.error();
    }
    void complete() {}
    bool whole(std::size_t completed) {
        char byte;
        return completed == 1 && ::recv(ends.far.number(), &byte, 1, MSG_DONTWAIT) == 0; // its end
    }

    test::socket_pair ends = test::make_pair_of();
};

using all_streams = std::tuple<io_recv_block, io_recv_stream, io_send_zc, io_accept_stream, io_signals, io_close>;
in_table<all_streams> const lines{group::io};

} // namespace

TEMPLATE_LIST_TEST_CASE("what comes ahead, what is lent and signals keep the contract of a wait", "", all_streams) {
    io::signal_set const held_back{SIGUSR2}; // before there are threads
    auto const before = test::entries_of("fd");
    conforms<TestType>();
    CHECK(test::entries_of("fd") == before);
    held_back.give_back();
}
