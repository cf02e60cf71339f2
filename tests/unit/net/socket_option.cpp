// tests/unit/net/socket_option.cpp: what is set is read back, and what a socket does not have is said to be unsupported.
#include "support/sockets.hpp"

#include <weir/net/socket.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <climits>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

net::socket open(int family, int type) { return net::socket{net::detail::open_socket(family, type).value()}; }

// Set and read back. The kernel keeps some of them for a connection only, so it is one.
template <class Value>
void keeps(net::socket const& at, net::socket_option<Value> const& which, Value value) {
    auto const set = at.set(which, value);
    REQUIRE(set.has_value());
    auto const read = at.get(which);
    REQUIRE(read.has_value());
    CHECK(*read == value);
}

} // namespace

TEST_CASE("what is set at a connection is read back") {
    auto ends = make_tcp_pair();
    net::socket const one{std::move(ends.near)};
    for (bool const on : {true, false}) {
        keeps(one, net::no_delay, on);
        keeps(one, net::keep_alive, on);
        keeps(one, net::quick_ack, on);
        keeps(one, net::reuse_address, on);
    }
    keeps(one, net::keep_alive_idle, 17s);
    keeps(one, net::keep_alive_interval, 3s);
    keeps(one, net::keep_alive_count, 4);
    keeps(one, net::user_timeout, 12'345ms);
    keeps(one, net::user_timeout, 0ms);
    keeps<std::optional<std::chrono::seconds>>(one, net::linger_time, 0s);
    keeps<std::optional<std::chrono::seconds>>(one, net::linger_time, 30s);
    keeps<std::optional<std::chrono::seconds>>(one, net::linger_time, std::nullopt);
}

TEST_CASE("what must be set before a connection is read back, too") {
    auto const one = open(AF_INET6, SOCK_STREAM);
    keeps(one, net::reuse_port, true);
    keeps(one, net::only_v6, true);
    keeps(one, net::fast_open_connect, true);
    CHECK(one.set(net::receive_buffer, 20'000).has_value());
    CHECK(one.get(net::receive_buffer).value() == 40'000); // the kernel's own share included
    CHECK(one.set(net::send_buffer, 30'000).has_value());
    CHECK(one.get(net::send_buffer).value() == 60'000);
    auto listener = listen_here();
    net::socket const listening{std::move(listener.file)};
    keeps(listening, net::fast_open, 5);
}

TEST_CASE("a socket that has no such option says so") {
    auto const datagrams = open(AF_INET, SOCK_DGRAM);
    CHECK(datagrams.set(net::no_delay, true).error() == errc::unsupported);
    CHECK(datagrams.get(net::no_delay).error() == errc::unsupported);
    auto const local = open(AF_UNIX, SOCK_STREAM);
    CHECK(local.set(net::user_timeout, 1s).error() == errc::unsupported);
    CHECK(local.get(net::keep_alive_idle).error() == errc::unsupported);
    CHECK(local.set(net::only_v6, true).error() == errc::unsupported);
}

TEST_CASE("a time that the option cannot hold is refused rather than made a short one") {
    auto const one = open(AF_INET, SOCK_STREAM);
    auto const too_long = std::chrono::milliseconds{std::int64_t{UINT_MAX} + 1 + 5};
    CHECK(one.set(net::user_timeout, too_long).error() == std::errc::invalid_argument);
    CHECK(one.set(net::user_timeout, -1ms).error() == std::errc::invalid_argument);
    CHECK(one.set(net::linger_time, -1s).error() == std::errc::invalid_argument);
    CHECK(one.set(net::keep_alive_idle, 100'000s).error() == std::errc::invalid_argument); // the kernel's own bound
    CHECK(one.get(net::user_timeout).value() == 0ms);
}

TEST_CASE("a socket that is none gives the system's error") {
    net::socket const none;
    CHECK(!none);
    CHECK(none.get(net::keep_alive).error() == std::errc::bad_file_descriptor);
    CHECK(none.set(net::keep_alive, true).error() == std::errc::bad_file_descriptor);
    CHECK(none.local().error() == std::errc::bad_file_descriptor);
    auto const alone = open(AF_INET, SOCK_STREAM);
    CHECK(alone.peer().error() == std::errc::not_connected);
    CHECK(alone.local().value().to_string() == "0.0.0.0:0");
    CHECK(net::detail::open_socket(-1, SOCK_STREAM).error() == std::errc::address_family_not_supported);
}

TEST_CASE("a socket closes its descriptor at its end, unless it was given away") {
    auto const before = entries_of("fd");
    {
        auto const closed = open(AF_INET, SOCK_STREAM);
        auto given = open(AF_INET, SOCK_STREAM);
        CHECK((::fcntl(given.ref().number(), F_GETFD) & FD_CLOEXEC) != 0);
        io::fd const mine = given.release();
        CHECK(!given);
        CHECK(entries_of("fd") == before + 2);
    }
    CHECK(entries_of("fd") == before);
}
