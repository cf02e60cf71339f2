// tests/unit/io/op/send_zc.cpp: a send from the program's own pages is over when the kernel has let go of them, stopped or
// not, and is a plain one wherever that cannot be had.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send_zc.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::byte pattern(std::size_t at) { return static_cast<std::byte>((at * 31 + (at >> 8)) & 0xff); }

// How much of `all` the kernel took; all of it is overwritten the moment the send is over.
task<std::size_t> send_and_spoil(io::fd_ref to, std::vector<std::byte>& all) {
    auto const sent = co_await io::send_zc(to, all);
    std::fill(all.begin(), all.end(), std::byte{0xee});
    co_return sent ? *sent : 0;
}

task<std::size_t> right_bytes(io::fd_ref from, std::size_t expected) {
    std::vector<std::byte> into(64 * 1024);
    std::size_t right = 0;
    while (right < expected) {
        auto const got = co_await io::recv(from, into);
        if (!got || *got == 0) break;
        for (std::size_t i = 0; i < *got; ++i)
            if (into[i] != pattern(right++)) co_return std::size_t{0};
    }
    co_return right;
}

std::vector<std::byte> patterned(std::size_t size) {
    std::vector<std::byte> made(size);
    for (std::size_t i = 0; i < size; ++i) made[i] = pattern(i);
    return made;
}

bool without_copy(io::fd_ref socket) { return current<io::driver>()->sends_without_copy(socket); }

} // namespace

TEST_CASE("bytes of any length arrive whole, and their place may be used again the moment the send is over") {
    backend_runtime rt;
    std::size_t const size = GENERATE(std::size_t{0}, std::size_t{1}, io::send_zc_threshold - 1, io::send_zc_threshold,
                                      std::size_t{300'000});
    bool const blocks = GENERATE(true, false);
    rt->block_on(
        [](std::size_t length, bool blocking) -> task<> {
            auto ends = make_tcp_pair();
            set_flag(ends.near, O_NONBLOCK, !blocking);
            for (int round = 0; round < 3; ++round) {
                auto all = patterned(length);
                auto const send = [](io::fd_ref to, std::vector<std::byte>& from) -> task<std::size_t> {
                    auto const sent = co_await send_and_spoil(to, from);
                    if (sent < from.size()) ::shutdown(to.number(), SHUT_WR); // then that is all that comes
                    co_return sent;
                };
                auto const both = co_await when_all(send(ends.near.ref(), all), right_bytes(ends.far.ref(), length));
                CHECK(std::get<0>(both) == std::get<1>(both));
                if (length > 0) CHECK(std::get<0>(both) > 0);
                if (std::get<0>(both) < length) break;
            }
        },
        size, blocks);
}

TEST_CASE("a send is over when the kernel has let go of the pages, and not before") {
    backend_runtime rt;
    bool const stopped = GENERATE(false, true);
    rt->block_on(
        [](bool stop) -> task<> {
            auto ends = make_tcp_pair(); // whose receiver takes a part only until it is read from
            auto all = patterned(1'000'000);
            bool const keeps_pages = without_copy(ends.near.ref());
            bool over = false;
            auto const send = [](io::fd_ref to, std::vector<std::byte>& from, duration limit,
                                 bool& done) -> task<std::size_t> {
                auto const sent = co_await timeout(io::send_zc(to, from), limit);
                done = true;
                std::fill(from.begin(), from.end(), std::byte{0xee});
                ::shutdown(to.number(), SHUT_WR); // that is all that comes
                co_return sent ? *sent : 0;
            };
            auto const receive = [](io::fd_ref from, bool const& done, bool pinned) -> task<std::size_t> {
                static_cast<void>(co_await sleep_for(20ms));
                CHECK(done == !pinned);
                co_return co_await right_bytes(from, 1'000'000);
            };
            auto const both = co_await when_all(send(ends.near.ref(), all, stop ? duration{2ms} : duration{30s}, over),
                                                receive(ends.far.ref(), over, keeps_pages));
            CHECK(std::get<0>(both) > 0); // the send was faster than its stop
            CHECK(std::get<0>(both) == std::get<1>(both));
        },
        stopped);
}

TEST_CASE("a socket whose bytes are copied all the same is asked for no more than that") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair();
        auto all = patterned(io::send_zc_threshold);
        bool const asked = without_copy(ends.near.ref());
        auto const first = co_await when_all(send_and_spoil(ends.near.ref(), all),
                                             right_bytes(ends.far.ref(), io::send_zc_threshold));
        CHECK(std::get<1>(first) == io::send_zc_threshold);
        if (asked) CHECK(!without_copy(ends.near.ref())); // the loopback copies
        auto const other = make_tcp_pair();
        CHECK(without_copy(other.near.ref()) == asked);
    });
}

TEST_CASE("where pages cannot be sent from it is a plain send: a Unix socket, and one that has ended") {
    backend_runtime rt;
    auto const before = std::signal(SIGPIPE, SIG_DFL); // EPIPE must raise none
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        auto all = patterned(io::send_zc_threshold);
        auto const both = co_await when_all(send_and_spoil(ends.near.ref(), all),
                                            right_bytes(ends.far.ref(), io::send_zc_threshold));
        CHECK(std::get<0>(both) == io::send_zc_threshold);
        CHECK(std::get<1>(both) == io::send_zc_threshold);
        for (bool const tcp : {false, true}) {
            auto gone = tcp ? make_tcp_pair() : make_pair_of();
            if (tcp) reset_connection(std::move(gone.far));
            gone.far.reset();
            auto const broken = co_await io::send_zc(gone.near.ref(), all);
            REQUIRE(!broken.has_value());
            CHECK((broken.error() == std::errc::broken_pipe || broken.error() == std::errc::connection_reset));
        }
        auto const none = co_await io::send_zc(io::fd_ref{}, all);
        CHECK(none.error() == std::errc::bad_file_descriptor);
    });
    std::signal(SIGPIPE, before);
}

TEST_CASE("a send from pages that finds no room waits for some, and one that is stopped there has sent nothing") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair(4096);
        std::size_t const filled = fill(ends.near);
        auto all = patterned(io::send_zc_threshold);
        auto const early = co_await timeout(io::send_zc(ends.near.ref(), all), 3ms);
        REQUIRE(!early.has_value());
        CHECK(early.error() == errc::timed_out);
        auto const drain = [](io::fd_ref far, std::size_t count) -> task<std::size_t> {
            static_cast<void>(co_await sleep_for(1ms));
            std::vector<std::byte> sink(count);
            std::size_t done = 0;
            while (done < count) {
                auto const got = co_await io::recv(far, std::span{sink}.subspan(done));
                if (!got || *got == 0) break;
                done += *got;
            }
            co_return done;
        };
        auto const late = [](io::fd_ref near, std::vector<std::byte>& from, io::fd const& socket) -> task<std::size_t> {
            auto const sent = co_await send_and_spoil(near, from);
            ::shutdown(socket.number(), SHUT_WR);
            co_return sent;
        };
        auto const receive = [](io::fd_ref far, std::size_t before, auto empty) -> task<std::size_t> {
            static_cast<void>(co_await empty(far, before));
            co_return co_await right_bytes(far, io::send_zc_threshold);
        };
        auto const both = co_await when_all(late(ends.near.ref(), all, ends.near), receive(ends.far.ref(), filled, drain));
        CHECK(std::get<0>(both) > 0);
        CHECK(std::get<0>(both) == std::get<1>(both));
    });
}
