// tests/unit/io/op/recv_block.cpp: a block is out while there is something in it; who waits, however many, holds none.
#include "support/backends.hpp"
#include "support/scale.hpp"
#include "support/sockets.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/io/op/recv_block.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

buffer_pool_options blocks_of(std::size_t size, std::size_t blocks) {
    buffer_pool_options wanted;
    wanted.block_size = size;
    wanted.blocks = blocks;
    wanted.pages = page_kind::plain;
    return wanted;
}

void say(io::fd const& to, std::string_view text) {
    REQUIRE(::send(to.number(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

std::vector<block_lease> lease_all(buffer_pool& pool) {
    std::vector<block_lease> all;
    while (block_lease one = pool.try_lease()) all.push_back(std::move(one));
    return all;
}

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

task<std::string> take(io::fd_ref from, buffer_pool& pool) {
    auto got = co_await io::recv_block(from, pool);
    if (!got) co_return got.error().message();
    co_return text_of(got->content());
}

} // namespace

TEST_CASE("a receiver gets a block with what is there, or what comes, and an empty one at the peer's end") {
    buffer_pool pool{blocks_of(64, 16)};
    {
        backend_runtime rt;
        rt->block_on(
            [](buffer_pool& from) -> task<> {
                auto ends = make_pair_of();
                say(ends.far, "here already");
                auto first = co_await io::recv_block(ends.near.ref(), from);
                REQUIRE(first.has_value());
                CHECK(text_of(first->content()) == "here already");
                CHECK(!first->empty());
                auto const late = [](io::fd const& to) -> task<> {
                    static_cast<void>(co_await sleep_for(1ms));
                    say(to, std::string(100, 'l'));
                    ::shutdown(to.number(), SHUT_WR);
                };
                auto both = co_await when_all(io::recv_block(ends.near.ref(), from), late(ends.far));
                auto& second = std::get<0>(both);
                REQUIRE(second.has_value());
                CHECK(second->size() == 64); // a block's worth
                buffer kept = std::move(*second).into_buffer();
                bytes const rest = std::move(*co_await io::recv_block(ends.near.ref(), from)).freeze();
                CHECK(kept.size() + rest.size() == 100);
                CHECK(text_of(first->content()) == "here already"); // its block is still its own
                for (int i = 0; i < 3; ++i) {
                    auto end = co_await io::recv_block(ends.near.ref(), from);
                    REQUIRE(end.has_value());
                    CHECK(end->empty());
                    CHECK(end->content().empty());
                    CHECK(std::move(*end).freeze().empty());
                }
            },
            std::ref(pool));
    }
    CHECK(pool.available() == 16); // also what the driver kept
}

TEST_CASE("a receive from a connection that was reset, or from no socket, is an error and leases nothing") {
    buffer_pool pool{blocks_of(64, 16)};
    {
        backend_runtime rt;
        rt->block_on(
            [](buffer_pool& from) -> task<> {
                auto ends = make_tcp_pair();
                reset_connection(std::move(ends.far));
                auto const got = co_await io::recv_block(ends.near.ref(), from);
                REQUIRE(!got.has_value());
                CHECK(got.error() == std::errc::connection_reset);
                auto const none = co_await io::recv_block(io::fd_ref{}, from);
                CHECK(none.error() == std::errc::bad_file_descriptor);
            },
            std::ref(pool));
    }
    CHECK(pool.available() == 16);
}

TEST_CASE("connections that wait hold no block: there may be many more of them than blocks") {
    buffer_pool pool{blocks_of(256, 16)};
    constexpr int connections = 100;
    {
        backend_runtime rt;
        std::vector<socket_pair> pairs;
        for (int i = 0; i < connections; ++i) pairs.push_back(make_pair_of());
        atomic<int> right{0};
        rt.run(
            [](scope& children, std::vector<socket_pair>& all, buffer_pool& from, atomic<int>& count) -> task<> {
                for (auto& each : all)
                    children.spawn(
                        [](socket_pair& ends, buffer_pool& of, atomic<int>& good) -> task<> {
                            for (int i = 0; i < 2; ++i) {
                                auto const text = co_await take(ends.near.ref(), of);
                                good.fetch_add(text == "round " + std::to_string(i), relaxed); // joined before it is read
                            }
                        },
                        std::ref(each), std::ref(from), std::ref(count));
                static_cast<void>(co_await sleep_for(2ms));
                CHECK(from.available() >= 16 - 2); // the rest is in the driver's ring
                for (int i = 0; i < 2; ++i) {
                    for (auto& each : all) say(each.far, "round " + std::to_string(i)); // all at once: more than blocks
                    while (count.load(relaxed) < (i + 1) * connections) static_cast<void>(co_await sleep_for(1ms));
                }
            },
            std::ref(pairs), std::ref(pool), std::ref(right));
        CHECK(right.load(relaxed) == 2 * connections);
    }
    CHECK(pool.available() == 16);
}

TEST_CASE("a ring of blocks that runs short is no error, as long as the pool or its users have some") {
    buffer_pool pool{blocks_of(256, 8)}; // of which a driver's ring takes one
    {
        backend_runtime rt;
        rt->block_on(
            [](buffer_pool& from) -> task<> {
                std::vector<socket_pair> pairs;
                for (int i = 0; i < 5; ++i) pairs.push_back(make_pair_of());
                for (int round = 0; round < 20; ++round) {
                    auto const send_all = [](std::vector<socket_pair> const& to) -> task<> {
                        for (int i = 0; i < 3; ++i) co_await yield();
                        for (auto const& each : to) say(each.far, "all at once");
                    };
                    auto const got = co_await when_all(take(pairs[0].near.ref(), from), take(pairs[1].near.ref(), from),
                                                       take(pairs[2].near.ref(), from), take(pairs[3].near.ref(), from),
                                                       take(pairs[4].near.ref(), from), send_all(pairs));
                    CHECK(std::get<0>(got) == "all at once");
                    CHECK(std::get<1>(got) == "all at once");
                    CHECK(std::get<2>(got) == "all at once");
                    CHECK(std::get<3>(got) == "all at once");
                    CHECK(std::get<4>(got) == "all at once");
                }
            },
            std::ref(pool));
    }
    CHECK(pool.available() == 8);
}

TEST_CASE("a receiver for which no block is left waits without spinning and goes on when one comes back") {
    buffer_pool pool{blocks_of(256, 8)};
    {
        backend_runtime rt;
        rt->block_on(
            [](buffer_pool& from) -> task<> {
                auto held = lease_all(from); // before a driver's ring has any
                auto ends = make_pair_of();
                say(ends.far, "in need of a block");
                double const before = cpu_seconds();
                auto const stopped = co_await timeout(io::recv_block(ends.near.ref(), from), 100ms);
                CHECK(stopped.error() == errc::timed_out);
                CHECK(cpu_seconds() - before < 0.05);
                auto const give_back = [](std::vector<block_lease>& out) -> task<> {
                    static_cast<void>(co_await sleep_for(30ms));
                    out.pop_back();
                };
                auto const both = co_await when_all(take(ends.near.ref(), from), give_back(held));
                CHECK(std::get<0>(both) == "in need of a block");
            },
            std::ref(pool));
    }
    CHECK(pool.available() == 8);
}

TEST_CASE("many who wait for a block cost little, and each has its turn") {
    buffer_pool pool{blocks_of(256, 8)};
    constexpr int connections = 200;
    {
        backend_runtime rt;
        std::vector<socket_pair> pairs;
        for (int i = 0; i < connections; ++i) pairs.push_back(make_pair_of());
        atomic<int> right{0};
        rt.run(
            [](scope& children, std::vector<socket_pair>& all, buffer_pool& from, atomic<int>& count) -> task<> {
                auto held = lease_all(from);
                for (auto& each : all) {
                    say(each.far, "x");
                    children.spawn(
                        [](socket_pair& ends, buffer_pool& of, atomic<int>& good) -> task<> {
                            good.fetch_add(co_await take(ends.near.ref(), of) == "x", relaxed); // read once joined
                        },
                        std::ref(each), std::ref(from), std::ref(count));
                }
                static_cast<void>(co_await sleep_for(20ms));
                double const before = cpu_seconds();
                static_cast<void>(co_await sleep_for(100ms));
                CHECK(cpu_seconds() - before < 0.06);
                held.clear();
            },
            std::ref(pairs), std::ref(pool), std::ref(right));
        CHECK(right.load(relaxed) == connections);
    }
    CHECK(pool.available() == 8);
}

TEST_CASE("a receive into a block that is stopped loses no byte and no block, wherever the stop falls") {
    buffer_pool pool{blocks_of(256, 8)};
    auto const rounds = static_cast<int>(scaled(1000, 2));
    {
        backend_runtime rt;
        bool const scarce = GENERATE(false, true);
        auto const whole = rt->block_on(
            [](buffer_pool& from, int count, bool none_left) -> task<bool> {
                auto ends = make_pair_of();
                for (int round = 0; round < count; ++round) {
                    std::vector<block_lease> held;
                    if (none_left && round % 20 == 0) held = lease_all(from);
                    auto const receive = [](io::fd_ref by, buffer_pool& of, duration length) -> task<std::string> {
                        auto const got = co_await timeout(io::recv_block(by, of), length);
                        co_return got ? text_of(got->content()) : std::string{};
                    };
                    auto const give = [](io::fd const& to, int turns, std::string text) -> task<> {
                        for (int i = 0; i < turns; ++i) co_await yield();
                        say(to, text);
                    };
                    auto const text = "message " + std::to_string(round);
                    auto const both =
                        co_await when_all(receive(ends.near.ref(), from, std::chrono::microseconds{round % 150}),
                                          give(ends.far, round % 4, text));
                    held.clear();
                    auto got = std::get<0>(both);
                    if (got.empty()) got = co_await take(ends.near.ref(), from);
                    if (got != text) co_return false;
                }
                co_return true;
            },
            std::ref(pool), rounds, scarce);
        CHECK(whole);
    }
    CHECK(pool.available() == 8);
}

TEST_CASE("what was received lives on when its connection, its runtime and its pool are gone") {
    auto pool = std::make_unique<buffer_pool>(blocks_of(256, 16));
    bytes kept;
    {
        backend_runtime rt{2};
        kept = rt->block_on(
            [](buffer_pool& from) -> task<bytes> {
                auto ends = make_pair_of();
                say(ends.far, "to be kept");
                auto got = co_await io::recv_block(ends.near.ref(), from);
                co_return std::move(*got).freeze().slice(3);
            },
            std::ref(*pool));
    }
    CHECK(pool->available() == 15);
    pool.reset();
    CHECK(kept == "be kept");
}
