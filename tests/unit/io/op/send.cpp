// tests/unit/io/op/send.cpp: sending takes a part or all, waits when nothing fits, and reports a broken pipe as an error.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <csignal>
#include <cstdint>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

std::byte pattern(std::size_t at) { return static_cast<std::byte>((at * 31 + (at >> 8)) & 0xff); }

task<std::size_t> send_everything(io::fd_ref to, std::size_t size, std::size_t& partial) {
    std::vector<std::byte> all(size);
    for (std::size_t i = 0; i < size; ++i) all[i] = pattern(i);
    std::size_t done = 0;
    while (done < size) {
        auto const sent = co_await io::send(to, std::span<std::byte const>{all}.subspan(done));
        if (!sent) co_return done;
        partial += *sent < size - done;
        done += *sent;
    }
    ::shutdown(to.number(), SHUT_WR);
    co_return done;
}

// How many bytes arrived that were the right ones; slow where `lazy`.
task<std::size_t> receive_everything(io::fd_ref from, std::size_t piece, bool lazy) {
    std::vector<std::byte> into(piece);
    std::size_t right = 0;
    for (;;) {
        auto const got = co_await io::recv(from, into);
        if (!got || *got == 0) co_return right;
        for (std::size_t i = 0; i < *got; ++i)
            if (into[i] != pattern(right++)) co_return std::size_t{0};
        if (lazy) co_await yield();
    }
}

} // namespace

TEST_CASE("megabytes through tiny buffers arrive whole and in order, however slow the reader") {
    backend_runtime rt;
    bool const lazy = GENERATE(false, true);
    bool const tcp = GENERATE(false, true);
    rt->block_on(
        [](bool slow, bool over_tcp) -> task<> {
            auto ends = over_tcp ? make_tcp_pair(4096) : make_pair_of();
            if (!over_tcp) {
                int const tiny = 4096;
                ::setsockopt(ends.near.number(), SOL_SOCKET, SO_SNDBUF, &tiny, sizeof tiny);
            }
            std::size_t const size = over_tcp ? 1 << 20 : 4 << 20;
            std::size_t partial = 0;
            auto const both = co_await when_all(send_everything(ends.near.ref(), size, partial),
                                                receive_everything(ends.far.ref(), slow ? 700 : 64 * 1024, slow));
            CHECK(std::get<0>(both) == size);
            CHECK(std::get<1>(both) == size);
            CHECK(partial > 0);
        },
        lazy, tcp);
}

TEST_CASE("a send that finds no room waits for some") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        std::size_t const filled = fill(ends.near);
        auto const early = co_await timeout(io::send(ends.near.ref(), bytes_of("more")), 3ms);
        REQUIRE(!early.has_value());
        CHECK(early.error() == errc::timed_out);
        auto const drain = [](io::fd_ref far, std::size_t count) -> task<> {
            static_cast<void>(co_await sleep_for(1ms));
            std::vector<std::byte> sink(count);
            for (std::size_t done = 0; done < count;) {
                auto const got = co_await io::recv(far, std::span{sink}.subspan(done));
                if (!got) co_return;
                done += *got;
            }
        };
        auto const send = [](io::fd_ref near) -> task<std::size_t> {
            auto const sent = co_await io::send(near, bytes_of("more"));
            co_return sent ? *sent : 0;
        };
        auto const both = co_await when_all(send(ends.near.ref()), drain(ends.far.ref(), filled));
        CHECK(std::get<0>(both) == 4);
        std::array<std::byte, 16> into{};
        auto const rest = co_await io::recv(ends.far.ref(), into);
        REQUIRE(rest.has_value());
        CHECK(text_of(std::span{into}.first(*rest)) == "more"); // the cancelled one left nothing behind
    });
}

TEST_CASE("a broken pipe is an error and no signal") {
    backend_runtime rt;
    static int raised;
    raised = 0;
    auto const before = std::signal(SIGPIPE, [](int) { ++raised; });
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        ends.far.reset();
        auto const sent = co_await io::send(ends.near.ref(), bytes_of("x"));
        REQUIRE(!sent.has_value());
        CHECK(sent.error() == std::errc::broken_pipe);
    });
    std::signal(SIGPIPE, before);
    CHECK(raised == 0);
}

TEST_CASE("a sender that waits hears that its peer has gone") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair(4096);
        fill(ends.near);
        auto const send = [](io::fd_ref near) -> task<std::error_code> {
            auto const sent = co_await io::send(near, bytes_of("more"));
            co_return sent.error();
        };
        auto const leave = [](io::fd& far) -> task<> {
            static_cast<void>(co_await sleep_for(2ms));
            reset_connection(std::move(far));
        };
        auto const both = co_await when_all(send(ends.near.ref()), leave(ends.far));
        CHECK((std::get<0>(both) == std::errc::connection_reset || std::get<0>(both) == std::errc::broken_pipe));
    });
}

TEST_CASE("datagrams that find no room at the receiver's go whole, one by one and in order, when there is some") {
    backend_runtime rt;
    bool const blocks = GENERATE(true, false);
    rt->block_on([](bool blocking) -> task<> {
        auto ends = make_one_way_pair();
        set_flag(ends.near, O_NONBLOCK, !blocking);
        int sent_before = 0; // to whom waits while the receiver is full from the start
        while (::send(ends.near.number(), "filling", 7, MSG_DONTWAIT) == 7) ++sent_before;
        constexpr int all = 100;
        auto const send = [](io::fd_ref near) -> task<int> {
            for (int n = 0; n < all; ++n) {
                auto const text = "datagram " + std::to_string(n);
                auto const sent = co_await io::send(near, bytes_of(text));
                if (!sent || *sent != text.size()) co_return n;
            }
            co_return all;
        };
        auto const receive = [](io::fd_ref far, int before) -> task<int> {
            static_cast<void>(co_await sleep_for(2ms));
            std::array<std::byte, 32> into{};
            for (int n = -before; n < all; ++n) {
                auto const got = co_await timeout(io::recv(far, into), 5s);
                auto const text = n < 0 ? std::string{"filling"} : "datagram " + std::to_string(n);
                if (!got || text_of(std::span{into}.first(*got)) != text) co_return n;
                if (n % 7 == 0) static_cast<void>(co_await sleep_for(100us)); // now and then the sender waits
            }
            co_return all;
        };
        auto const both = co_await when_all(send(ends.near.ref()), receive(ends.far.ref(), sent_before));
        CHECK(std::get<0>(both) == all);
        CHECK(std::get<1>(both) == all);
        // Full again: who is stopped has sent nothing.
        int filled = 0;
        while (::send(ends.near.number(), "filling", 7, MSG_DONTWAIT) == 7) ++filled;
        auto const stopped = co_await timeout(io::send(ends.near.ref(), bytes_of("too late")), 3ms);
        CHECK(stopped.error() == errc::timed_out);
        char into[16];
        while (::recv(ends.far.number(), into, sizeof into, MSG_DONTWAIT) == 7) --filled;
        CHECK(filled == 0);
    }, blocks);
}

TEST_CASE("an empty send ends at once and sends nothing") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair();
        auto const sent = co_await io::send(ends.near.ref(), {});
        REQUIRE(sent.has_value());
        CHECK(*sent == 0);
    });
}
