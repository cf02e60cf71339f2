// tests/unit/io/op/splice.cpp: bytes go from a socket through a pipe to a socket, and none is lost or doubled.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/splice.hpp>
#include <weir/io/op/send.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <array>
#include <csignal>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

struct pipe_pair {
    io::fd out;
    io::fd in;
};
pipe_pair make_pipe() {
    int ends[2] = {-1, -1};
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    return {io::fd{ends[0]}, io::fd{ends[1]}};
}

std::byte pattern(std::size_t at) { return static_cast<std::byte>((at * 31 + (at >> 8)) & 0xff); }

task<bool> send_pattern(io::fd const& to, std::size_t size) {
    std::vector<std::byte> all(size);
    for (std::size_t i = 0; i < size; ++i) all[i] = pattern(i);
    for (std::span<std::byte const> rest{all}; !rest.empty();) {
        auto const sent = co_await io::send(to.ref(), rest);
        if (!sent) co_return false;
        rest = rest.subspan(*sent);
    }
    ::shutdown(to.number(), SHUT_WR);
    co_return true;
}

task<std::size_t> receive_pattern(io::fd_ref from) {
    std::vector<std::byte> into(5000);
    std::size_t right = 0;
    for (;;) {
        auto const got = co_await io::recv(from, into);
        if (!got || *got == 0) co_return right;
        for (std::size_t i = 0; i < *got; ++i)
            if (into[i] != pattern(right++)) co_return std::size_t{0};
    }
}

task<bool> relay(io::fd_ref from, io::fd const& to) {
    auto const through = make_pipe();
    for (;;) {
        auto const taken = co_await io::splice_in(from, through.in.ref(), 64 * 1024);
        if (!taken) co_return false;
        if (*taken == 0) break;
        for (std::size_t left = *taken; left > 0;) {
            auto const given = co_await io::splice_out(through.out.ref(), to.ref(), left);
            if (!given || *given == 0) co_return false;
            left -= *given;
        }
    }
    ::shutdown(to.number(), SHUT_WR);
    co_return true;
}

} // namespace

TEST_CASE("a relay carries a stream whole, through small sockets, in pieces") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const left = make_tcp_pair(4096);
        auto const right = make_tcp_pair(4096);
        std::size_t const size = 300'000;
        auto const all = co_await when_all(send_pattern(left.near, size), relay(left.far.ref(), right.near),
                                           receive_pattern(right.far.ref()));
        CHECK(std::get<0>(all));
        CHECK(std::get<1>(all));
        CHECK(std::get<2>(all) == size);
        CHECK((::fcntl(right.near.number(), F_GETFL) & O_NONBLOCK) == 0);
    });
}

TEST_CASE("a splice that is stopped has moved nothing") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const ends = make_pair_of();
        auto const through = make_pipe();
        auto const none = co_await timeout(io::splice_in(ends.near.ref(), through.in.ref(), 100), 3ms);
        CHECK(none.error() == errc::timed_out);
        REQUIRE(::send(ends.far.number(), "here", 4, 0) == 4);
        auto const taken = co_await timeout(io::splice_in(ends.near.ref(), through.in.ref(), 100), 5s);
        REQUIRE(taken.has_value());
        CHECK(*taken == 4);
        // The same outwards, to a socket without room.
        std::size_t const filled = fill(ends.near);
        auto const stuck = co_await timeout(io::splice_out(through.out.ref(), ends.near.ref(), 100), 3ms);
        CHECK(stuck.error() == errc::timed_out);
        std::vector<char> sink(filled + 100);
        std::size_t drained = 0;
        while (drained < filled) {
            auto const got = ::recv(ends.far.number(), sink.data(), sink.size(), MSG_DONTWAIT);
            if (got <= 0) break;
            drained += static_cast<std::size_t>(got);
        }
        CHECK(drained == filled);
        auto const given = co_await timeout(io::splice_out(through.out.ref(), ends.near.ref(), 100), 5s);
        REQUIRE(given.has_value());
        CHECK(*given == 4);
        std::array<std::byte, 16> into{};
        auto const got = co_await io::recv(ends.far.ref(), into);
        REQUIRE(got.has_value());
        CHECK(text_of(std::span{into}.first(*got)) == "here");
    });
}

TEST_CASE("a splice that finds nothing waits for it") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const ends = make_pair_of();
        auto const through = make_pipe();
        auto const take = [](io::fd_ref from, io::fd_ref to) -> task<std::size_t> {
            auto const taken = co_await timeout(io::splice_in(from, to, 100), 5s);
            co_return taken ? *taken : 0;
        };
        auto const give = [](io::fd_ref far) -> task<> {
            static_cast<void>(co_await sleep_for(2ms));
            [[maybe_unused]] auto const sent = ::send(far.number(), "late", 4, 0);
        };
        auto const both = co_await when_all(take(ends.near.ref(), through.in.ref()), give(ends.far.ref()));
        CHECK(std::get<0>(both) == 4);
    });
}

TEST_CASE("on epoll a pipe that is full, or empty, is an error, as no news of it would come") {
    backend_runtime rt;
    if (!rt.on_epoll()) return;
    rt->block_on([]() -> task<> {
        auto const ends = make_pair_of();
        auto const through = make_pipe();
        auto const empty = co_await timeout(io::splice_out(through.out.ref(), ends.near.ref(), 100), 1s);
        CHECK(empty.error() == std::errc::no_buffer_space);
        set_flag(through.in, O_NONBLOCK, true);
        std::vector<char> const piece(4096);
        while (::write(through.in.number(), piece.data(), piece.size()) > 0) {}
        REQUIRE(::send(ends.far.number(), "more", 4, 0) == 4);
        auto const full = co_await timeout(io::splice_in(ends.near.ref(), through.in.ref(), 100), 1s);
        CHECK(full.error() == std::errc::no_buffer_space);
    });
}

TEST_CASE("on epoll a socket that blocks, and has room for a part, takes that part and does not stop the thread") {
    backend_runtime rt;
    if (!rt.on_epoll()) return;
    rt->block_on([]() -> task<> {
        auto const ends = make_tcp_pair(4096);
        auto const through = make_pipe();
        std::vector<char> const piece(65'536);
        REQUIRE(::write(through.in.number(), piece.data(), piece.size()) == 65'536);
        auto const given = co_await timeout(io::splice_out(through.out.ref(), ends.near.ref(), 65'536), 5s);
        REQUIRE(given.has_value());
        CHECK(*given > 0);
        CHECK(*given < 65'536);
    });
}

TEST_CASE("ends and errors of a splice, and no signal") {
    backend_runtime rt;
    static int raised;
    raised = 0;
    auto const before = std::signal(SIGPIPE, [](int) { ++raised; });
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        auto through = make_pipe();
        REQUIRE(::write(through.in.number(), "lost", 4) == 4);
        ends.far.reset();
        auto const end = co_await io::splice_in(ends.near.ref(), through.in.ref(), 100);
        REQUIRE(end.has_value());
        CHECK(*end == 0);
        auto const broken = co_await io::splice_out(through.out.ref(), ends.near.ref(), 100);
        CHECK(broken.error() == std::errc::broken_pipe);
        auto const other = make_pair_of();
        REQUIRE(::send(other.far.number(), "x", 1, 0) == 1);
        through.out.reset();
        auto const no_reader = co_await io::splice_in(other.near.ref(), through.in.ref(), 100);
        CHECK(no_reader.error() == std::errc::broken_pipe);
        auto const no_pipe = co_await io::splice_in(other.near.ref(), other.near.ref(), 100);
        CHECK(no_pipe.error() == std::errc::invalid_argument);
        auto const nothing = co_await io::splice_in(io::fd_ref{}, through.in.ref(), 100);
        CHECK(nothing.error() == std::errc::bad_file_descriptor);
    });
    std::signal(SIGPIPE, before);
    CHECK(raised == 0);
}
