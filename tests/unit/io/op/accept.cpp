// tests/unit/io/op/accept.cpp: accepting gives each connection to exactly one, and a cancelled one loses none.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/io/op/accept.hpp>
#include <weir/io/op/connect.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <set>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

io::fd connect_plainly(loopback const& to) {
    io::fd client = tcp_socket();
    if (::connect(client.number(), reinterpret_cast<sockaddr const*>(&to.storage), to.length) != 0) return {};
    return client;
}

} // namespace

TEST_CASE("a listener hands out those who came before it was asked, and those who come later") {
    backend_runtime rt;
    bool const blocks = GENERATE(false, true);
    if (blocks && rt.on_epoll()) return; // there a listener must not block
    rt->block_on(
        [](bool blocking) -> task<> {
            auto listener = listen_here();
            set_flag(listener.file, O_NONBLOCK, !blocking);
            auto const early = connect_plainly(listener.where);
            auto const first = co_await io::accept(listener.file.ref());
            REQUIRE(first.has_value());
            CHECK((::fcntl(first->number(), F_GETFD) & FD_CLOEXEC) != 0);
            auto const accept = [](io::fd_ref from) -> task<bool> {
                auto const got = co_await io::accept(from);
                co_return got.has_value();
            };
            auto const come = [](loopback const& to) -> task<io::fd> {
                static_cast<void>(co_await sleep_for(2ms));
                co_return connect_plainly(to);
            };
            auto const both = co_await when_all(accept(listener.file.ref()), come(listener.where));
            CHECK(std::get<0>(both));
        },
        blocks);
}

TEST_CASE("several accepts of one listener get a connection each") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto listener = listen_here();
        auto const accept = [](io::fd_ref from) -> task<io::fd> {
            auto got = co_await io::accept(from);
            co_return got ? std::move(*got) : io::fd{};
        };
        auto const come = [](loopback const& to) -> task<std::vector<io::fd>> {
            static_cast<void>(co_await sleep_for(1ms));
            std::vector<io::fd> clients;
            for (int i = 0; i < 3; ++i) clients.push_back(connect_plainly(to));
            co_return clients;
        };
        auto const all = co_await when_all(accept(listener.file.ref()), accept(listener.file.ref()),
                                           accept(listener.file.ref()), come(listener.where));
        CHECK(std::get<0>(all));
        CHECK(std::get<1>(all));
        CHECK(std::get<2>(all));
    });
}

TEST_CASE("accepting from what does not listen is an error") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const plain = tcp_socket();
        auto const got = co_await io::accept(plain.ref());
        REQUIRE(!got.has_value());
        CHECK(got.error() == std::errc::invalid_argument);
    });
}

TEST_CASE("a listener that is shut down ends who waits on it") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto listener = listen_here();
        auto const accept = [](io::fd_ref from) -> task<std::error_code> {
            auto const got = co_await io::accept(from);
            co_return got.error();
        };
        auto const shut = [](io::fd_ref from) -> task<> {
            static_cast<void>(co_await sleep_for(2ms));
            ::shutdown(from.number(), SHUT_RDWR);
        };
        auto const both = co_await when_all(accept(listener.file.ref()), shut(listener.file.ref()));
        CHECK(std::get<0>(both) == std::errc::invalid_argument);
    });
}

TEST_CASE("a cancelled accept loses no connection, wherever the stop falls") {
    backend_runtime rt;
    // Each round stops an accept at about the time at which a client comes. Whoever was not accepted by it is by the next.
    int const rounds = 400;
    auto const counts = rt->block_on(
        [](int count) -> task<std::pair<int, int>> {
            auto listener = listen_here();
            int accepted = 0;
            int stopped = 0;
            for (int round = 0; round < count; ++round) {
                auto const client = tcp_socket();
                auto const accept = [](io::fd_ref from, duration length) -> task<bool> {
                    auto const got = co_await timeout(io::accept(from), length);
                    co_return got.has_value();
                };
                auto const come = [](io::fd_ref from, loopback const& to) -> task<bool> {
                    auto const done = co_await io::connect(from, to.storage, to.length);
                    co_return done.has_value();
                };
                auto const both = co_await when_all(accept(listener.file.ref(), std::chrono::microseconds{round % 200}),
                                                    come(client.ref(), listener.where));
                if (!std::get<1>(both)) co_return std::pair{-1, -1};
                if (std::get<0>(both)) {
                    ++accepted;
                    continue;
                }
                ++stopped;
                auto const again = co_await timeout(io::accept(listener.file.ref()), 5s);
                accepted += again.has_value();
            }
            co_return std::pair{accepted, stopped};
        },
        rounds);
    CHECK(counts.first == rounds);
}

TEST_CASE("a thousand connections at once") {
    backend_runtime rt{2};
    constexpr int count = 1000;
    auto listener = listen_here(2 * count);
    atomic<int> echoed{0};
    rt.run(
        [](scope& children, listening_socket& at, atomic<int>& done) -> task<> {
            for (int i = 0; i < count; ++i)
                children.spawn(
                    [](loopback const& to, atomic<int>& counts) -> task<> {
                        auto const client = tcp_socket();
                        auto const connected = co_await io::connect(client.ref(), to.storage, to.length);
                        if (!connected) co_return;
                        auto const sent = co_await io::send(client.ref(), bytes_of("ping"));
                        std::array<std::byte, 8> into{};
                        auto const got = co_await io::recv(client.ref(), into);
                        if (sent && got && *got == 4) counts.fetch_add(1, relaxed); // joined before it is read
                    },
                    std::cref(at.where), std::ref(done));
            // All are held open until the last has come.
            std::vector<io::fd> held;
            for (int i = 0; i < count; ++i) {
                auto got = co_await io::accept(at.file.ref());
                if (!got) co_return;
                held.push_back(std::move(*got));
            }
            for (auto const& each : held) {
                std::array<std::byte, 8> into{};
                auto const got = co_await io::recv(each.ref(), into);
                if (got) static_cast<void>(co_await io::send(each.ref(), std::span{into}.first(*got)));
            }
        },
        std::ref(listener), std::ref(echoed));
    CHECK(echoed.load(relaxed) == count);
}
