// tests/unit/io/op/poll.cpp: readiness is told for who reads and writes himself, and a direction is ended by shutdown.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/op/poll.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/shutdown.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <array>
#include <poll.h>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

bool is_readable(io::fd const& file) {
    pollfd asked{file.number(), POLLIN, 0};
    return ::poll(&asked, 1, 0) == 1;
}

} // namespace

TEST_CASE("readable is what can be read, each time anew, however much the reader leaves behind") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        for (int round = 0; round < 50; ++round) {
            auto const early = co_await timeout(io::poll_readable(ends.near.ref()), 100us);
            REQUIRE(early.error() == errc::timed_out);
            auto const wait = [](io::fd const& near) -> task<bool> {
                auto const ready = co_await timeout(io::poll_readable(near.ref()), 5s);
                co_return ready.has_value() && is_readable(near);
            };
            auto const come = [](io::fd_ref far) -> task<> {
                static_cast<void>(co_await sleep_for(100us));
                [[maybe_unused]] auto const sent = ::send(far.number(), "abc", 3, 0);
            };
            auto const both = co_await when_all(wait(ends.near), come(ends.far.ref()));
            REQUIRE(std::get<0>(both));
            char got[2];
            REQUIRE(::recv(ends.near.number(), got, 2, MSG_DONTWAIT) == 2);
            auto const rest = co_await timeout(io::poll_readable(ends.near.ref()), 5s);
            REQUIRE(rest.has_value());
            REQUIRE(::recv(ends.near.number(), got, 2, MSG_DONTWAIT) == 1);
        }
    });
}

TEST_CASE("writable is what has room") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        auto const free = co_await timeout(io::poll_writable(ends.near.ref()), 5s);
        CHECK(free.has_value());
        std::size_t const filled = fill(ends.near);
        auto const full = co_await timeout(io::poll_writable(ends.near.ref()), 2ms);
        CHECK(full.error() == errc::timed_out);
        auto const wait = [](io::fd_ref near) -> task<bool> {
            auto const ready = co_await timeout(io::poll_writable(near), 5s);
            co_return ready.has_value();
        };
        auto const drain = [](io::fd_ref far, std::size_t count) -> task<> {
            static_cast<void>(co_await sleep_for(1ms));
            std::vector<char> sink(count);
            while (::recv(far.number(), sink.data(), sink.size(), MSG_DONTWAIT) > 0) {}
        };
        auto const both = co_await when_all(wait(ends.near.ref()), drain(ends.far.ref(), filled));
        CHECK(std::get<0>(both));
    });
}

TEST_CASE("both directions may be waited for at once, and an end makes both ready") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair(4096);
        fill(ends.near);
        auto const read = [](io::fd_ref near) -> task<bool> {
            auto const ready = co_await timeout(io::poll_readable(near), 5s);
            co_return ready.has_value();
        };
        auto const write = [](io::fd_ref near) -> task<bool> {
            auto const ready = co_await timeout(io::poll_writable(near), 5s);
            co_return ready.has_value();
        };
        auto const leave = [](io::fd& far) -> task<> {
            static_cast<void>(co_await sleep_for(1ms));
            reset_connection(std::move(far));
        };
        auto const all = co_await when_all(read(ends.near.ref()), write(ends.near.ref()), leave(ends.far));
        CHECK(std::get<0>(all));
        CHECK(std::get<1>(all));
    });
}

TEST_CASE("a descriptor of others is waited for by what is borrowed, and again when its number has a new life") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        int const number = ends.near.number();
        for (int life = 0; life < 10; ++life) {
            auto next = make_pair_of();
            REQUIRE(::dup2(next.near.number(), number) == number); // another file under the same number
            io::fd_ref const lent = io::borrow(number);
            auto const early = co_await timeout(io::poll_readable(lent), 200us);
            REQUIRE(early.error() == errc::timed_out);
            auto const wait = [](io::fd_ref near) -> task<bool> {
                auto const ready = co_await timeout(io::poll_readable(near), 2s);
                co_return ready.has_value();
            };
            auto const come = [](io::fd_ref far) -> task<> {
                static_cast<void>(co_await sleep_for(100us));
                [[maybe_unused]] auto const sent = ::send(far.number(), "x", 1, 0);
            };
            auto const both = co_await when_all(wait(lent), come(next.far.ref()));
            REQUIRE(std::get<0>(both));
        }
        CHECK(::fcntl(number, F_GETFD) >= 0); // what was lent is not closed
    });
}

TEST_CASE("what is no descriptor is an error, and a file is always ready") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const none = co_await io::poll_readable(io::fd_ref{});
        CHECK(none.error() == std::errc::bad_file_descriptor);
        int const closed = ::dup(0);
        ::close(closed);
        auto const gone = co_await io::poll_writable(io::borrow(closed));
        CHECK(gone.error() == std::errc::bad_file_descriptor);
        io::fd const file{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
        auto const ready = co_await timeout(io::poll_readable(file.ref()), 2s);
        CHECK(ready.has_value());
    });
}

TEST_CASE("a shutdown of sending is the peer's end, and leaves the other direction") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair();
        auto const wait = [](io::fd_ref far) -> task<std::size_t> {
            std::array<std::byte, 8> into{};
            auto const got = co_await timeout(io::recv(far, into), 5s);
            co_return got ? *got : 99;
        };
        auto const end = [](io::fd_ref near) -> task<bool> {
            static_cast<void>(co_await sleep_for(1ms));
            auto const done = co_await io::shutdown(near, io::directions::sending);
            co_return done.has_value();
        };
        auto const both = co_await when_all(wait(ends.far.ref()), end(ends.near.ref()));
        CHECK(std::get<0>(both) == 0);
        CHECK(std::get<1>(both));
        REQUIRE(::send(ends.far.number(), "back", 4, 0) == 4);
        std::array<std::byte, 8> into{};
        auto const got = co_await io::recv(ends.near.ref(), into);
        REQUIRE(got.has_value());
        CHECK(*got == 4);
    });
}

TEST_CASE("a shutdown ends who receives on this very descriptor") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair();
        auto const wait = [](io::fd_ref near) -> task<std::size_t> {
            std::array<std::byte, 8> into{};
            auto const got = co_await timeout(io::recv(near, into), 5s);
            co_return got ? *got : 99;
        };
        auto const end = [](io::fd_ref near) -> task<> {
            static_cast<void>(co_await sleep_for(1ms));
            static_cast<void>(co_await io::shutdown(near, io::directions::both));
        };
        auto const both = co_await when_all(wait(ends.near.ref()), end(ends.near.ref()));
        CHECK(std::get<0>(both) == 0);
    });
}

TEST_CASE("what is not connected cannot be shut down, nor what is no socket") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const alone = tcp_socket();
        auto const unconnected = co_await io::shutdown(alone.ref(), io::directions::both);
        CHECK(unconnected.error() == std::errc::not_connected);
        io::fd const file{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
        auto const no_socket = co_await io::shutdown(file.ref(), io::directions::sending);
        CHECK(no_socket.error() == std::errc::not_a_socket);
        auto const none = co_await io::shutdown(io::fd_ref{}, io::directions::both);
        CHECK(none.error() == std::errc::bad_file_descriptor);
    });
}
