// tests/unit/io/op/connect.cpp: connecting succeeds, is refused, waits for a full backlog, or is given up.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/op/accept.hpp>
#include <weir/io/op/connect.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <array>
#include <cstddef>
#include <sys/un.h>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

TEST_CASE("a connection that is made carries data both ways") {
    backend_runtime rt;
    bool const blocks = GENERATE(true, false);
    rt->block_on(
        [](bool blocking) -> task<> {
            auto listener = listen_here();
            auto const client = tcp_socket();
            set_flag(client, O_NONBLOCK, !blocking);
            auto const done = co_await io::connect(client.ref(), listener.where.storage, listener.where.length);
            REQUIRE(done.has_value());
            auto const server = co_await io::accept(listener.file.ref());
            REQUIRE(server.has_value());
            std::array<std::byte, 8> into{};
            for (int i = 0; i < 3; ++i) {
                auto const there_sent = co_await io::send(client.ref(), bytes_of("there"));
                REQUIRE(there_sent.has_value());
                auto const there = co_await io::recv(server->ref(), into);
                REQUIRE(there.has_value());
                CHECK(*there == 5);
                auto const back_sent = co_await io::send(server->ref(), bytes_of("back"));
                REQUIRE(back_sent.has_value());
                auto const back = co_await io::recv(client.ref(), into);
                REQUIRE(back.has_value());
                CHECK(*back == 4);
            }
        },
        blocks);
}

TEST_CASE("connecting leaves the descriptor's flags as they were") {
    backend_runtime rt;
    bool const succeeds = GENERATE(true, false);
    int const flag = GENERATE(0, O_NONBLOCK);
    rt->block_on(
        [](bool well, int wanted) -> task<> {
            auto listener = listen_here();
            if (!well) listener.file.reset();
            auto const client = tcp_socket();
            if (wanted) set_flag(client, wanted, true);
            auto const done = co_await io::connect(client.ref(), listener.where.storage, listener.where.length);
            CHECK(done.has_value() == well);
            CHECK((::fcntl(client.number(), F_GETFL) & O_NONBLOCK) == wanted);
        },
        succeeds, flag);
}

TEST_CASE("a port where nobody listens refuses") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto listener = listen_here();
        listener.file.reset();
        auto const client = tcp_socket();
        auto const done = co_await io::connect(client.ref(), listener.where.storage, listener.where.length);
        CHECK(done.error() == std::errc::connection_refused);
    });
}

TEST_CASE("a socket that was refused once may connect elsewhere") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto closed = listen_here();
        closed.file.reset();
        auto listener = listen_here();
        auto const client = tcp_socket();
        auto const refused = co_await io::connect(client.ref(), closed.where.storage, closed.where.length);
        CHECK(refused.error() == std::errc::connection_refused);
        auto const done = co_await io::connect(client.ref(), listener.where.storage, listener.where.length);
        CHECK(done.has_value());
    });
}

TEST_CASE("a connection to a full backlog is made when there is room") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto listener = listen_here(0); // takes one connection
        auto const first = tcp_socket();
        auto const first_done = co_await io::connect(first.ref(), listener.where.storage, listener.where.length);
        REQUIRE(first_done.has_value());
        auto const late = tcp_socket();
        auto const connect = [](io::fd_ref from, loopback const& to) -> task<bool> {
            auto const done = co_await io::connect(from, to.storage, to.length);
            co_return done.has_value();
        };
        auto const make_room = [](io::fd_ref from) -> task<bool> {
            static_cast<void>(co_await sleep_for(20ms));
            auto const one = co_await io::accept(from);
            co_return one.has_value();
        };
        auto const both = co_await when_all(connect(late.ref(), listener.where), make_room(listener.file.ref()));
        CHECK(std::get<0>(both));
        CHECK(std::get<1>(both));
    });
}

TEST_CASE("a connection that takes too long is given up, and its socket can be closed") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto listener = listen_here(0);
        auto const first = tcp_socket();
        auto const first_done = co_await io::connect(first.ref(), listener.where.storage, listener.where.length);
        REQUIRE(first_done.has_value());
        for (int i = 0; i < 20; ++i) {
            auto const late = tcp_socket();
            auto const done =
                co_await timeout(io::connect(late.ref(), listener.where.storage, listener.where.length), 1ms);
            CHECK(done.error() == errc::timed_out);
        }
    });
}

TEST_CASE("a Unix socket whose backlog is full takes the next when there is room, or refuses it on epoll") {
    backend_runtime rt;
    rt->block_on([](bool epoll) -> task<> {
        sockaddr_storage where{};
        auto& named = reinterpret_cast<sockaddr_un&>(where);
        named.sun_family = AF_UNIX; // and bound to no name, the kernel chooses an abstract one
        io::fd const listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        REQUIRE(::bind(listener.number(), reinterpret_cast<sockaddr*>(&where), sizeof(sa_family_t)) == 0);
        REQUIRE(::listen(listener.number(), 0) == 0);
        socklen_t length = sizeof where;
        REQUIRE(::getsockname(listener.number(), reinterpret_cast<sockaddr*>(&where), &length) == 0);
        io::fd const first{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        auto const first_done = co_await io::connect(first.ref(), where, length);
        REQUIRE(first_done.has_value());
        io::fd const late{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        auto const connect = [](io::fd_ref from, sockaddr_storage const& to, socklen_t size) -> task<std::error_code> {
            auto const done = co_await timeout(io::connect(from, to, size), 3s);
            co_return done.error();
        };
        auto const make_room = [](io::fd_ref from) -> task<bool> {
            static_cast<void>(co_await sleep_for(5ms));
            auto const one = co_await io::accept(from);
            co_return one.has_value();
        };
        auto const both = co_await when_all(connect(late.ref(), where, length), make_room(listener.ref()));
        INFO(std::get<0>(both).message());
        if (epoll) CHECK(std::get<0>(both) == std::errc::connection_refused);
        else CHECK(!std::get<0>(both));
        CHECK(std::get<1>(both));
    }, rt.on_epoll());
}
