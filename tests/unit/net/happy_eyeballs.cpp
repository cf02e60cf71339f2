// tests/unit/net/happy_eyeballs.cpp: the first address that answers wins, a silent one costs a short while, and no
// attempt that lost leaves a descriptor.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/net/happy_eyeballs.hpp>
#include <weir/timer/timeout.hpp>

#include <chrono>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

net::address address_of(listening_socket const& from) {
    return {reinterpret_cast<sockaddr const*>(&from.where.storage), from.where.length};
}

// An address that refuses.
net::address refusing() {
    auto closed = listen_here();
    auto const where = address_of(closed);
    closed.file.reset();
    return where;
}

// An address that never answers: a listener whose queue is full drops what comes.
class silent_listener {
public:
    silent_listener() : file_{listen_here(0)} {
        for (int n = 0; n < 4; ++n) {
            filling_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            auto* const to = reinterpret_cast<sockaddr*>(&file_.where.storage);
            static_cast<void>(::connect(filling_.back().number(), to, file_.where.length));
        }
    }
    net::address where() const { return address_of(file_); }

private:
    listening_socket file_;
    std::vector<io::fd> filling_;
};

net::connect_options staggered(std::chrono::milliseconds by) {
    net::connect_options options;
    options.stagger = by;
    return options;
}

struct attempt {
    std::error_code error;
    net::address peer;
    std::chrono::milliseconds took{};
};
attempt connect(backend_runtime& on, std::vector<net::address> to, std::chrono::milliseconds stagger) {
    return on->block_on([](std::vector<net::address> all, std::chrono::milliseconds by) -> task<attempt> {
        auto const began = clock::now();
        auto const made = co_await net::connect_tcp_any(std::move(all), staggered(by));
        attempt how;
        how.error = made.error();
        if (made) how.peer = made->peer().value();
        how.took = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - began);
        co_return how;
    }, std::move(to), stagger);
}

} // namespace

TEST_CASE("families take turns, each in its own order") {
    auto const four = [](std::uint16_t port) { return net::address::loopback_v4(port); };
    auto const six = [](std::uint16_t port) { return net::address::loopback_v6(port); };
    using list = std::vector<net::address>;
    CHECK(net::by_turns({}) == list{});
    CHECK(net::by_turns({four(1), four(2)}) == list{four(1), four(2)});
    CHECK(net::by_turns({six(1), six(2), six(3), four(1), four(2)}) == list{six(1), four(1), six(2), four(2), six(3)});
    CHECK(net::by_turns({four(1), six(1), six(2)}) == list{four(1), six(1), six(2)});
}

TEST_CASE("an address that refuses is followed by the next at once, and the first error is told when all do") {
    auto const before = entries_of("fd");
    auto const good = listen_here();
    {
        backend_runtime rt;
        auto const how = connect(rt, {refusing(), refusing(), address_of(good)}, 20s);
        CHECK(!how.error);
        CHECK(how.peer == address_of(good));
        CHECK(how.took < 10s);
        net::address const none; // no family: refused by socket(2)
        CHECK(connect(rt, {refusing(), none}, 20s).error == std::errc::connection_refused);
        CHECK(connect(rt, {none, refusing()}, 20s).error == std::errc::address_family_not_supported);
        CHECK(connect(rt, {none}, 20s).error == std::errc::address_family_not_supported);
        CHECK(connect(rt, {}, 20s).error == std::errc::invalid_argument);
    }
    CHECK(entries_of("fd") == before + 1);
}

TEST_CASE("an address that is silent is not waited for longer than the stagger") {
    auto const before = entries_of("fd");
    {
        silent_listener const silent;
        auto const good = listen_here();
        backend_runtime rt(GENERATE("io_uring", "epoll"), GENERATE(1u, 2u));
        auto const how = connect(rt, {silent.where(), silent.where(), address_of(good)}, 40ms);
        CHECK(!how.error);
        CHECK(how.peer == address_of(good));
        CHECK(how.took >= 80ms); // two of them
        CHECK(how.took < 10s);
    }
    CHECK(entries_of("fd") == before);
}

TEST_CASE("who answers late is still the first where nobody else answers") {
    backend_runtime rt;
    silent_listener const silent;
    auto const good = listen_here();
    auto const how = connect(rt, {address_of(good), silent.where()}, 0ms);
    CHECK(!how.error);
    CHECK(how.peer == address_of(good));
}

TEST_CASE("a stop gives up all attempts") {
    auto const before = entries_of("fd");
    {
        backend_runtime rt;
        silent_listener const silent;
        rt->block_on([](net::address nobody) -> task<> {
            std::vector<net::address> const all(3, nobody);
            auto const made = co_await timeout(net::connect_tcp_any(all, staggered(5ms)), 30ms);
            CHECK(made.error() == errc::timed_out);
            auto const early = co_await timeout(net::connect_tcp_any(all, staggered(10s)), 5ms);
            CHECK(early.error() == errc::timed_out);
        }, silent.where());
    }
    CHECK(entries_of("fd") == before);
}

TEST_CASE("of many that answer at once one is kept, and the others are closed") {
    auto const before = entries_of("fd");
    {
        auto const good = listen_here();
        backend_runtime rt(GENERATE("io_uring", "epoll"), 2u);
        for (int n = 0; n < 50; ++n) {
            auto const how = connect(rt, std::vector<net::address>(8, address_of(good)), 0ms);
            REQUIRE(!how.error);
        }
    }
    CHECK(entries_of("fd") == before);
}
