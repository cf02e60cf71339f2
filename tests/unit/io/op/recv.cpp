// tests/unit/io/op/recv.cpp: receiving gives what there is, the peer's end, or an error; a cancelled one loses no byte.
#include "support/backends.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <array>
#include <cstring>
#include <numeric>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

TEST_CASE("a receiver gets what is there, and the rest with the next call") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        REQUIRE(::send(ends.far.number(), "abcdef", 6, 0) == 6);
        std::array<std::byte, 4> small{};
        auto const first = co_await io::recv(ends.near.ref(), small);
        REQUIRE(first.has_value());
        CHECK(text_of(std::span{small}.first(*first)) == "abcd");
        std::array<std::byte, 100> large{};
        auto const second = co_await io::recv(ends.near.ref(), large);
        REQUIRE(second.has_value());
        CHECK(text_of(std::span{large}.first(*second)) == "ef");
    });
}

TEST_CASE("a receiver waits for what is not there yet, and others run meanwhile") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        co_await in_scope(
            [](scope& children, io::fd& near, io::fd& far) -> task<> {
                children.spawn(
                    [](io::fd& to) -> task<> {
                        static_cast<void>(co_await sleep_for(5ms));
                        [[maybe_unused]] auto const sent = ::send(to.number(), "late", 4, 0);
                    },
                    std::ref(far));
                std::array<std::byte, 16> into{};
                auto const got = co_await io::recv(near.ref(), into);
                REQUIRE(got.has_value());
                CHECK(text_of(std::span{into}.first(*got)) == "late");
            },
            std::ref(ends.near), std::ref(ends.far));
    });
}

TEST_CASE("the peer's end is zero bytes, after what it sent and every time it is asked") {
    backend_runtime rt;
    bool const shut_only = GENERATE(false, true);
    rt->block_on(
        [](bool half) -> task<> {
            auto ends = make_tcp_pair();
            REQUIRE(::send(ends.far.number(), "bye", 3, 0) == 3);
            if (half) ::shutdown(ends.far.number(), SHUT_WR);
            else ends.far.reset();
            std::array<std::byte, 16> into{};
            auto const got = co_await io::recv(ends.near.ref(), into);
            REQUIRE(got.has_value());
            CHECK(*got == 3);
            for (int i = 0; i < 3; ++i) {
                auto const end = co_await io::recv(ends.near.ref(), into);
                REQUIRE(end.has_value());
                CHECK(*end == 0);
            }
        },
        shut_only);
}

TEST_CASE("an end that comes while a receiver waits wakes it") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair();
        co_await in_scope(
            [](scope& children, io::fd& near, io::fd& far) -> task<> {
                children.spawn(
                    [](io::fd& peer) -> task<> {
                        static_cast<void>(co_await sleep_for(2ms));
                        ::shutdown(peer.number(), SHUT_WR);
                    },
                    std::ref(far));
                std::array<std::byte, 16> into{};
                auto const got = co_await io::recv(near.ref(), into);
                REQUIRE(got.has_value());
                CHECK(*got == 0);
            },
            std::ref(ends.near), std::ref(ends.far));
    });
}

TEST_CASE("a half-closed connection still carries the other direction") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair();
        ::shutdown(ends.far.number(), SHUT_WR);
        std::array<std::byte, 64> into{};
        auto const end = co_await io::recv(ends.near.ref(), into);
        REQUIRE(end.has_value());
        CHECK(*end == 0);
        for (int i = 0; i < 100; ++i) {
            auto const sent = co_await io::send(ends.near.ref(), bytes_of("answer"));
            REQUIRE(sent.has_value());
            auto const got = co_await io::recv(ends.far.ref(), into);
            REQUIRE(got.has_value());
            CHECK(text_of(std::span{into}.first(*got)) == "answer");
        }
    });
}

TEST_CASE("a reset by the peer is an error, before a receiver waits and while it does") {
    backend_runtime rt;
    bool const waits = GENERATE(false, true);
    rt->block_on(
        [](bool first_wait) -> task<> {
            auto ends = make_tcp_pair();
            co_await in_scope(
                [](scope& children, socket_pair& pair, bool wait) -> task<> {
                    if (wait)
                        children.spawn(
                            [](io::fd& peer) -> task<> {
                                static_cast<void>(co_await sleep_for(2ms));
                                reset_connection(std::move(peer));
                            },
                            std::ref(pair.far));
                    else reset_connection(std::move(pair.far));
                    std::array<std::byte, 16> into{};
                    auto const got = co_await io::recv(pair.near.ref(), into);
                    REQUIRE(!got.has_value());
                    CHECK(got.error() == std::errc::connection_reset);
                },
                std::ref(ends), first_wait);
        },
        waits);
}

TEST_CASE("two receivers of one descriptor get a message each, although both came under one piece of news") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of(SOCK_SEQPACKET);
        auto const take = [](io::fd_ref from) -> task<std::string> {
            std::array<std::byte, 16> into{};
            auto const got = co_await timeout(io::recv(from, into), 2s);
            co_return text_of(std::span{into}.first(got ? *got : 0));
        };
        auto const give = [](io::fd_ref to) -> task<> {
            co_await yield();
            [[maybe_unused]] auto const first = ::send(to.number(), "1", 1, 0);
            [[maybe_unused]] auto const second = ::send(to.number(), "2", 1, 0);
        };
        auto const all = co_await when_all(take(ends.near.ref()), take(ends.near.ref()), give(ends.far.ref()));
        CHECK((std::get<0>(all) + std::get<1>(all) == "12" || std::get<0>(all) + std::get<1>(all) == "21"));
    });
}

TEST_CASE("an urgent byte in a stream does not keep what comes behind it from the receiver") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair();
        std::array<std::byte, 64> into{};
        auto const nothing = co_await timeout(io::recv(ends.near.ref(), into), 1ms);
        CHECK(nothing.error() == errc::timed_out);
        // A receive stops short at the mark, although there is more.
        REQUIRE(::send(ends.far.number(), "before", 6, 0) == 6);
        REQUIRE(::send(ends.far.number(), "!", 1, MSG_OOB) == 1);
        REQUIRE(::send(ends.far.number(), "behind", 6, 0) == 6);
        std::string all;
        while (all.size() < 12) {
            auto const got = co_await timeout(io::recv(ends.near.ref(), into), 2s);
            if (!got || *got == 0) break;
            all += text_of(std::span{into}.first(*got));
        }
        CHECK(all == "beforebehind");
    });
}

TEST_CASE("a receiver and a sender of one descriptor do not disturb each other") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_tcp_pair();
        fill(ends.near); // so that the sender waits as well
        auto const take = [](io::fd_ref from) -> task<std::size_t> {
            std::array<std::byte, 16> into{};
            auto const got = co_await io::recv(from, into);
            co_return got ? *got : 0;
        };
        auto const give = [](io::fd_ref to) -> task<std::size_t> {
            auto const sent = co_await io::send(to, bytes_of("more"));
            co_return sent ? *sent : 0;
        };
        auto const peer = [](io::fd_ref far) -> task<> {
            static_cast<void>(co_await sleep_for(1ms));
            static_cast<void>(co_await io::send(far, bytes_of("hello")));
            static_cast<void>(co_await sleep_for(1ms));
            std::vector<std::byte> sink(1 << 20);
            for (int i = 0; i < 64; ++i) {
                auto const got = co_await timeout(io::recv(far, sink), 10ms);
                if (!got) co_return;
            }
        };
        auto const all = co_await when_all(take(ends.near.ref()), give(ends.near.ref()), peer(ends.far.ref()));
        CHECK(std::get<0>(all) == 5);
        CHECK(std::get<1>(all) == 4);
    });
}

TEST_CASE("a receive without a descriptor is an error, not the end of the program") {
    backend_runtime rt;
    // On epoll the driver's table must not be asked for entry number -1.
    rt->block_on([]() -> task<> {
        std::array<std::byte, 16> into{};
        auto const got = co_await io::recv(io::fd_ref{}, into);
        REQUIRE(!got.has_value());
        CHECK(got.error() == std::errc::bad_file_descriptor);
    });
}

TEST_CASE("a task that always finds data lets the others of its worker run") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        bool ended = false;
        std::size_t turns = 0;
        co_await in_scope(
            [](scope& children, socket_pair& pair, bool& end, std::size_t& count) -> task<> {
                children.spawn(
                    [](socket_pair& both, bool& until, std::size_t& ran) -> task<> {
                        std::array<std::byte, 16> into{};
                        while (!until) { // each send and each receive can be had at once
                            static_cast<void>(co_await io::send(both.far.ref(), bytes_of("x")));
                            static_cast<void>(co_await io::recv(both.near.ref(), into));
                            ++ran;
                        }
                    },
                    std::ref(pair), std::ref(end), std::ref(count));
                for (int i = 0; i < 10; ++i) co_await yield();
                static_cast<void>(co_await sleep_for(2ms)); // a timer, too, and the kernel's news
                auto quiet = make_pair_of();
                std::array<std::byte, 4> into{};
                auto const late = co_await timeout(io::recv(quiet.near.ref(), into), 2ms);
                CHECK(late.error() == errc::timed_out);
                end = true;
            },
            std::ref(ends), std::ref(ended), std::ref(turns));
        CHECK(turns > 0);
    });
}
