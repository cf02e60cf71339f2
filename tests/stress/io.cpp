// tests/stress/io.cpp: echo over many connections while receives, sends and accepts are stopped at random.
#include "support/backends.hpp"
#include "support/scale.hpp"
#include "support/sockets.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/yield.hpp>
#include <weir/io/op/accept.hpp>
#include <weir/io/op/close.hpp>
#include <weir/io/op/connect.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <array>
#include <random>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// What a stream must carry: the byte at a place depends on the place and on whose stream it is.
std::byte expected(unsigned who, std::size_t at) {
    return static_cast<std::byte>((at * 131 + who * 7 + (at >> 9)) & 0xff);
}

struct tally {
    atomic<std::size_t> bytes{0};
    atomic<std::size_t> stops{0};
    atomic<unsigned> ended{0};
    atomic<unsigned> wrong{0};
};

// A wait that is stopped at random: by a timer that is about as long as the wait, or far longer.
std::chrono::microseconds some_time(std::mt19937& random) {
    return std::chrono::microseconds{random() % 3 ? random() % 300 : 1'000'000};
}

task<> echo(io::fd peer, unsigned seed, tally& seen) {
    std::mt19937 random{seed};
    std::array<std::byte, 1500> into{};
    for (;;) {
        std::size_t const room = 1 + random() % into.size();
        auto const got = co_await timeout(io::recv(peer.ref(), std::span{into}.first(room)), some_time(random));
        if (!got) {
            if (got.error() != errc::timed_out) co_return;
            seen.stops.fetch_add(1, relaxed);
            continue;
        }
        if (*got == 0) break;
        for (std::size_t done = 0; done < *got;) {
            auto const rest = std::span{into}.first(*got).subspan(done);
            auto const sent = co_await timeout(io::send(peer.ref(), rest), some_time(random));
            if (sent) done += *sent;
            else if (sent.error() != errc::timed_out) co_return;
            else seen.stops.fetch_add(1, relaxed);
        }
        if (random() % 16 == 0) co_await yield();
    }
    static_cast<void>(co_await io::close(std::move(peer)));
}

task<> accept_all(scope& children, io::fd_ref listener, unsigned count, tally& seen) {
    std::mt19937 random{count};
    for (unsigned accepted = 0; accepted < count;) {
        auto got = co_await timeout(io::accept(listener), some_time(random));
        if (!got) {
            if (got.error() != errc::timed_out) co_return;
            seen.stops.fetch_add(1, relaxed);
            continue;
        }
        ++accepted;
        children.spawn(echo, std::move(*got), accepted, std::ref(seen));
    }
}

task<> send_all(io::fd_ref to, unsigned who, std::size_t size, tally& seen) {
    std::mt19937 random{who};
    std::array<std::byte, 4000> piece{};
    for (std::size_t done = 0; done < size;) {
        std::size_t const length = std::min<std::size_t>(size - done, 1 + random() % piece.size());
        for (std::size_t i = 0; i < length; ++i) piece[i] = expected(who, done + i);
        auto const sent = co_await timeout(io::send(to, std::span{piece}.first(length)), some_time(random));
        if (sent) done += *sent;
        else if (sent.error() != errc::timed_out) co_return;
        else seen.stops.fetch_add(1, relaxed);
    }
    ::shutdown(to.number(), SHUT_WR);
}

task<> talk(loopback const& to, unsigned who, std::size_t size, tally& seen) {
    io::fd const peer = tcp_socket();
    int const small = 4096;
    ::setsockopt(peer.number(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    auto const connected = co_await io::connect(peer.ref(), to.storage, to.length);
    if (!connected) {
        seen.wrong.fetch_add(1, relaxed);
        co_return;
    }
    co_await in_scope([](scope& both, io::fd_ref file, unsigned self, std::size_t length, tally& counts) -> task<> {
        both.spawn(send_all, file, self, length, std::ref(counts));
        std::mt19937 random{self + 1000};
        std::array<std::byte, 2000> into{};
        std::size_t at = 0;
        for (;;) {
            std::size_t const room = 1 + random() % into.size();
            into.fill(std::byte{});
            auto const got = co_await timeout(io::recv(file, std::span{into}.first(room)), some_time(random));
            if (!got) {
                counts.stops.fetch_add(1, relaxed);
                if (got.error() != errc::timed_out) break;
                continue;
            }
            if (*got == 0) break;
            for (std::size_t i = 0; i < *got; ++i) counts.wrong.fetch_add(into[i] != expected(self, at + i), relaxed);
            at += *got;
        }
        counts.bytes.fetch_add(at, relaxed);
    }, peer.ref(), who, size, std::ref(seen));
    seen.ended.fetch_add(1, relaxed);
}

} // namespace

TEST_CASE("no byte and no connection is lost under random stops") {
    unsigned const workers = GENERATE(1u, 2u, 4u);
    backend_runtime rt{workers, 64};
    unsigned const connections = sanitized ? 24 : 64;
    std::size_t const size = sanitized ? 300'000 : 1'000'000;
    auto listener = listen_here();
    tally seen; // every count is read once all tasks have been joined
    rt.run(
        [](scope& children, listening_socket& at, unsigned count, std::size_t length, tally& counts) -> task<> {
            for (unsigned who = 0; who < count; ++who)
                children.spawn(talk, std::cref(at.where), who, length, std::ref(counts));
            co_await in_scope(accept_all, at.file.ref(), count, std::ref(counts));
        },
        std::ref(listener), connections, size, std::ref(seen));
    CHECK(seen.wrong.load(relaxed) == 0);
    CHECK(seen.ended.load(relaxed) == connections);
    CHECK(seen.bytes.load(relaxed) == connections * size);
    CHECK(seen.stops.load(relaxed) > 0);
}

TEST_CASE("a shutdown in the middle of all that leaves nothing behind") {
    backend_runtime rt{4, 64};
    auto listener = listen_here();
    auto const files = entries_of("fd");
    tally seen;
    for (unsigned who = 0; who < 16; ++who)
        rt->spawn(talk, std::cref(listener.where), who, std::size_t{1} << 30, std::ref(seen));
    rt->spawn([](io::fd_ref from, tally& counts) -> task<> {
        co_await in_scope(accept_all, from, 16u, std::ref(counts));
    }, listener.file.ref(), std::ref(seen));
    std::this_thread::sleep_for(50ms);
    rt->shutdown();
    CHECK(seen.wrong.load(relaxed) == 0);
    CHECK(entries_of("fd") <= files);
}
