// tests/unit/net/tcp.cpp: listeners and connections over IPv4 and IPv6, and what a listener survives.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/net/tcp.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <sys/resource.h>

#include <array>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

net::tcp_listener listen_at(net::address const& where, net::listen_options options = {}) {
    auto made = net::tcp_listener::bind(where, options);
    if (!made) SKIP("this machine cannot listen at " << where.to_string() << ": " << made.error().message());
    return std::move(*made);
}
net::address address_of(net::tcp_listener const& listener) { return *listener.local(); }

} // namespace

TEST_CASE("a client and a server talk, and know each other's address") {
    backend_runtime rt;
    auto const where = GENERATE(net::address::loopback_v4(0), net::address::loopback_v6(0));
    auto listener = listen_at(where);
    CHECK(address_of(listener).port() != 0);
    rt->block_on([](net::tcp_listener& from) -> task<> {
        auto both = co_await when_all(from.accept(), net::connect_tcp(*from.local()));
        auto& server = std::get<0>(both);
        auto& client = std::get<1>(both);
        REQUIRE(server.has_value());
        REQUIRE(client.has_value());
        CHECK(*client->peer() == *from.local());
        CHECK(client->set_no_delay(true).has_value());
        int on = 0;
        socklen_t size = sizeof on;
        ::getsockopt(client->ref().number(), IPPROTO_TCP, TCP_NODELAY, &on, &size);
        CHECK(on != 0);
        auto const sent = co_await client->send_all(bytes_of("hello"));
        CHECK(sent.has_value());
        client->shutdown_write();
        std::array<std::byte, 16> into{};
        auto const got = co_await server->recv(into);
        REQUIRE(got.has_value());
        CHECK(text_of(std::span{into}.first(*got)) == "hello");
        auto const end = co_await server->recv(into);
        REQUIRE(end.has_value());
        CHECK(*end == 0);
        CHECK((::fcntl(server->ref().number(), F_GETFD) & FD_CLOEXEC) != 0);
    }, std::ref(listener));
}

TEST_CASE("send_all sends megabytes to a slow reader") {
    backend_runtime rt;
    auto listener = listen_at(net::address::loopback_v4(0));
    rt->block_on([](net::tcp_listener& from) -> task<> {
        auto both = co_await when_all(from.accept(), net::connect_tcp(*from.local()));
        auto& server = std::get<0>(both);
        auto& client = std::get<1>(both);
        REQUIRE(server.has_value());
        REQUIRE(client.has_value());
        std::vector<std::byte> const large(8 << 20, std::byte{7});
        auto const send = [](net::tcp_socket const& to, std::span<std::byte const> all) -> task<bool> {
            auto const sent = co_await to.send_all(all);
            to.shutdown_write();
            co_return sent.has_value();
        };
        auto const receive = [](net::tcp_socket const& socket) -> task<std::size_t> {
            std::vector<std::byte> into(10'000);
            std::size_t total = 0;
            for (;;) {
                auto const got = co_await socket.recv(into);
                if (!got || *got == 0) co_return total;
                total += *got;
            }
        };
        auto const done = co_await when_all(send(*client, large), receive(*server));
        CHECK(std::get<0>(done));
        CHECK(std::get<1>(done) == large.size());
    }, std::ref(listener));
}

TEST_CASE("a listener gives who waits already without a wait, and says when nobody does") {
    backend_runtime rt;
    auto const listener = listen_at(net::address::loopback_v4(0));
    CHECK_FALSE(listener.try_accept().has_value());
    rt->block_on([](net::tcp_listener const& at) -> task<> {
        auto const first = co_await net::connect_tcp(*at.local());
        auto const second = co_await net::connect_tcp(*at.local());
        REQUIRE((first.has_value() && second.has_value()));
        for (auto const* const client : {&*first, &*second}) {
            auto const taken = at.try_accept();
            REQUIRE(taken.has_value());
            CHECK(*taken->peer() == *client->local());
        }
    }, std::cref(listener));
    CHECK_FALSE(listener.try_accept().has_value());
}

TEST_CASE("a port that is taken is an error, and one that was given up can be had at once") {
    auto first = listen_at(net::address::loopback_v4(0));
    auto const where = address_of(first);
    auto const second = net::tcp_listener::bind(where);
    REQUIRE(!second.has_value());
    CHECK(second.error() == std::errc::address_in_use);
    first = net::tcp_listener{};
    CHECK(net::tcp_listener::bind(where).has_value());
    CHECK(!net::tcp_listener::bind(net::address{}).has_value());
}

TEST_CASE("two listeners share a port when both say so") {
    net::listen_options options;
    options.reuse_port = true;
    auto const first = listen_at(net::address::loopback_v4(0), options);
    CHECK(net::tcp_listener::bind(address_of(first), options).has_value());
}

TEST_CASE("an IPv6 listener of any address takes IPv4 unless it is told not to") {
    backend_runtime rt;
    bool const only_v6 = GENERATE(false, true);
    net::listen_options options;
    options.only_v6 = only_v6;
    auto const listener = listen_at(net::address::any_v6(0), options);
    auto const port = address_of(listener).port();
    auto const error = rt->block_on([](net::address to) -> task<std::error_code> {
        auto const made = co_await net::connect_tcp(to);
        co_return made.error();
    }, net::address::loopback_v4(port));
    if (only_v6) CHECK(error == std::errc::connection_refused);
    else CHECK(!error);
}

TEST_CASE("a connection to nowhere says why") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const none = co_await net::connect_tcp(net::address{});
        CHECK(!none.has_value());
        auto closed = listen_here();
        closed.file.reset();
        auto const refused = co_await net::connect_tcp(net::address{
            reinterpret_cast<sockaddr const*>(&closed.where.storage), closed.where.length});
        CHECK(refused.error() == std::errc::connection_refused);
    });
}

TEST_CASE("a listener that finds no free descriptor waits for one, and can be stopped meanwhile") {
    backend_runtime rt;
    auto listener = listen_at(net::address::loopback_v4(0));
    rt->block_on([](net::tcp_listener& from) -> task<> {
        auto const client = co_await net::connect_tcp(*from.local());
        REQUIRE(client.has_value());
        rlimit usual{};
        ::getrlimit(RLIMIT_NOFILE, &usual);
        rlimit tight = usual;
        tight.rlim_cur = 0; // those that are open stay
        ::setrlimit(RLIMIT_NOFILE, &tight);
        auto const stopped = co_await timeout(from.accept(), 30ms);
        auto const relax = [](rlimit back) -> task<> {
            static_cast<void>(co_await sleep_for(15ms));
            ::setrlimit(RLIMIT_NOFILE, &back);
        };
        auto const both = co_await when_all(from.accept(), relax(usual));
        CHECK(stopped.error() == errc::timed_out);
        CHECK(std::get<0>(both).has_value());
    }, std::ref(listener));
}

TEST_CASE("a listener's options reach its connections") {
    backend_runtime rt;
    net::listen_options options;
    options.receive_buffer = 20'000;
    options.fast_open = 7;
    auto listener = listen_at(net::address::loopback_v4(0), options);
    CHECK(listener.get(net::fast_open).value() == 7);
    CHECK(listener.get(net::reuse_address).value());
    rt->block_on([](net::tcp_listener& from) -> task<> {
        auto both = co_await when_all(from.accept(), net::connect_tcp(*from.local()));
        auto& server = std::get<0>(both);
        REQUIRE(server.has_value());
        CHECK(server->get(net::receive_buffer).value() == 40'000);
    }, std::ref(listener));
}

TEST_CASE("connections that are accepted ahead are all had once, by however many takers") {
    auto const before = entries_of("fd");
    {
        backend_runtime rt{GENERATE("io_uring", "epoll", "io_uring-multishot_accept"), GENERATE(1u, 2u)};
        auto const listener = listen_at(net::address::loopback_v4(0));
        net::accepted<net::tcp_socket> incoming{listener};
        atomic<std::size_t> had{0};
        atomic<std::size_t> closed{0};
        using counter = atomic<std::size_t>;
        rt.run([](scope& tasks, net::accepted<net::tcp_socket>* from, net::address to, counter* count,
                  counter* ends) -> task<> {
            constexpr std::size_t all = 300;
            auto const take = [](net::accepted<net::tcp_socket>* of, counter* taken, counter* ended) -> task<> {
                for (;;) {
                    auto const one = co_await of->next();
                    if (!one) {
                        if (one.error() == errc::closed) ended->fetch_add(1, relaxed);
                        co_return;
                    }
                    if (one->peer()) taken->fetch_add(1, relaxed);
                }
            };
            for (int n = 0; n < 4; ++n) tasks.spawn(take, from, count, ends);
            for (std::size_t n = 0; n < all; ++n) {
                auto const client = co_await net::connect_tcp(to);
                if (!client) break;
                while (count->load(relaxed) <= n) static_cast<void>(co_await sleep_for(50us)); // it stays until taken
            }
            from->close();
        }, &incoming, address_of(listener), &had, &closed);
        CHECK(had.load(relaxed) == 300);
        CHECK(closed.load(relaxed) == 4);
        CHECK(incoming.counts().taken == 300);
    }
    CHECK(entries_of("fd") == before);
}
