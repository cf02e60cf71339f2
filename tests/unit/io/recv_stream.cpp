// tests/unit/io/recv_stream.cpp: a stream gives every byte once and in order, holds few blocks, and loses none of them.
#include "support/backends.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/sockets.hpp"
#include "support/started.hpp"

#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/io/op/send.hpp>
#include <weir/io/recv_stream.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <ctime>
#include <memory>
#include <poll.h>
#include <string>
#include <string_view>
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
io::recv_stream_options ahead_of(std::size_t blocks) {
    io::recv_stream_options options;
    options.ahead = blocks;
    return options;
}

void say(io::fd const& to, std::string_view text) {
    REQUIRE(::send(to.number(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::byte pattern(std::size_t at) { return static_cast<std::byte>((at * 31 + (at >> 8)) & 0xff); }

task<std::string> take(io::recv_stream& from) {
    auto got = co_await from.next();
    if (!got) co_return got.error().message();
    co_return text_of(got->content());
}

// What comes until `size` bytes are there, or the end, in however many blocks.
task<std::string> take_all(io::recv_stream& from, std::size_t size) {
    std::string all;
    while (all.size() < size) {
        auto const got = co_await from.next();
        if (!got || got->empty()) break;
        all += text_of(got->content());
    }
    co_return all;
}

task<> send_pattern(io::fd_ref to, std::size_t size, std::size_t piece) {
    std::vector<std::byte> part(piece);
    for (std::size_t done = 0; done < size;) {
        std::size_t const next = std::min(piece, size - done);
        for (std::size_t i = 0; i < next; ++i) part[i] = pattern(done + i);
        auto const sent = co_await io::send(to, std::span<std::byte const>{part}.first(next));
        if (!sent) co_return;
        done += *sent;
    }
    ::shutdown(to.number(), SHUT_WR);
}

} // namespace

TEST_CASE("a stream gives what is there already, what comes later, and then the end, for as often as it is asked") {
    buffer_pool pool{blocks_of(64, 16)};
    {
        backend_runtime rt;
        rt->block_on(
            [](buffer_pool& from) -> task<> {
                auto ends = make_pair_of();
                say(ends.far, "here already");
                io::recv_stream incoming{ends.near.ref(), from};
                auto first = co_await incoming.next();
                REQUIRE(first.has_value());
                CHECK(text_of(first->content()) == "here already");
                for (int i = 0; i < 40; ++i) { // more than a ring has blocks
                    auto const text = "message " + std::to_string(i);
                    auto const late = [](io::fd const& to, std::string what) -> task<> {
                        static_cast<void>(co_await sleep_for(100us));
                        say(to, what);
                    };
                    auto const both = co_await when_all(take(incoming), late(ends.far, text));
                    CHECK(std::get<0>(both) == text);
                }
                say(ends.far, std::string(100, 'l'));
                ::shutdown(ends.far.number(), SHUT_WR);
                auto const last = co_await take_all(incoming, 1000);
                CHECK(last == std::string(100, 'l'));
                for (int i = 0; i < 3; ++i) {
                    auto const end = co_await incoming.next();
                    REQUIRE(end.has_value());
                    CHECK(end->empty());
                }
                CHECK(text_of(first->content()) == "here already"); // its block is still its own
                CHECK(incoming.counts().returned == 0);
            },
            std::ref(pool));
    }
    CHECK(pool.available() == 16); // also what the driver kept
}

TEST_CASE("megabytes come whole and in order, however slow the taker and however few the blocks") {
    buffer_pool pool{blocks_of(1024, GENERATE(8u, 64u))};
    auto const all = pool.capacity();
    {
        backend_runtime rt{GENERATE(1u, 2u)};
        bool const slow = GENERATE(false, true);
        bool const tcp = GENERATE(false, true);
        auto const right = rt->block_on(
            [](buffer_pool& from, bool lazy, bool over_tcp) -> task<bool> {
                auto ends = over_tcp ? make_tcp_pair() : make_pair_of();
                constexpr std::size_t size = 1 << 20;
                auto const receive = [](io::fd_ref by, buffer_pool& of, bool waits) -> task<bool> {
                    io::recv_stream incoming{by, of};
                    for (std::size_t at = 0;;) {
                        auto const got = co_await incoming.next();
                        if (!got) co_return false;
                        if (got->empty()) co_return at == size;
                        for (std::byte const each : got->content())
                            if (each != pattern(at++)) co_return false;
                        if (waits) co_await yield();
                    }
                };
                auto const both = co_await when_all(receive(ends.near.ref(), from, lazy),
                                                    send_pattern(ends.far.ref(), size, 3000));
                co_return std::get<0>(both);
            },
            std::ref(pool), slow, tcp);
        CHECK(right);
    }
    CHECK(pool.available() == all);
}

TEST_CASE("streams that wait hold no block: there may be many more of them than blocks") {
    buffer_pool pool{blocks_of(256, 16)};
    constexpr int connections = 100;
    {
        backend_runtime rt{1, 64};
        std::vector<socket_pair> pairs;
        for (int i = 0; i < connections; ++i) pairs.push_back(make_pair_of());
        atomic<int> right{0};
        rt.run(
            [](scope& children, std::vector<socket_pair>& all, buffer_pool& from, atomic<int>& count) -> task<> {
                for (auto& each : all)
                    children.spawn(
                        [](socket_pair& ends, buffer_pool& of, atomic<int>& good) -> task<> {
                            io::recv_stream incoming{ends.near.ref(), of};
                            for (int i = 0; i < 3; ++i)
                                good.fetch_add(co_await take(incoming) == "round " + std::to_string(i), relaxed); // joined
                        },
                        std::ref(each), std::ref(from), std::ref(count));
                static_cast<void>(co_await sleep_for(2ms));
                CHECK(from.available() >= 16 - 2); // the rest is in the driver's ring
                for (int i = 0; i < 3; ++i) {
                    for (auto& each : all) say(each.far, "round " + std::to_string(i)); // all at once: more than blocks
                    for (int n = 0; n < 3000 && count.load(relaxed) < (i + 1) * connections; ++n) // joined before the end
                        static_cast<void>(co_await sleep_for(1ms));
                }
            },
            std::ref(pairs), std::ref(pool), std::ref(right));
        CHECK(right.load(relaxed) == 3 * connections); // the scope has joined
    }
    CHECK(pool.available() == 16);
}

TEST_CASE("more completions at once than their ring has room for end no stream") {
    buffer_pool pool{blocks_of(64, 2048)};
    constexpr int connections = 400; // of a ring of 64 entries, 256 completions and 64 blocks
    {
        backend_runtime rt{1, 64};
        std::vector<socket_pair> pairs;
        for (int i = 0; i < connections; ++i) pairs.push_back(make_pair_of());
        int right = 0;
        rt.run(
            [](scope& children, std::vector<socket_pair>& all, buffer_pool& from, int& count) -> task<> {
                for (auto& each : all)
                    children.spawn(
                        [](socket_pair& ends, buffer_pool& of, int& good) -> task<> {
                            io::recv_stream incoming{ends.near.ref(), of};
                            for (int i = 0; i < 4; ++i) good += co_await take_all(incoming, 1) == std::to_string(i);
                        },
                        std::ref(each), std::ref(from), std::ref(count));
                static_cast<void>(co_await sleep_for(3ms));
                for (int i = 0; i < 4; ++i) {
                    for (auto& each : all) say(each.far, std::to_string(i));
                    for (int n = 0; n < 3000 && count < (i + 1) * connections; ++n)
                        static_cast<void>(co_await sleep_for(1ms));
                }
            },
            std::ref(pairs), std::ref(pool), std::ref(right));
        CHECK(right == 4 * connections);
    }
    CHECK(pool.available() == 2048);
}

TEST_CASE("a taker that is stopped takes no byte and no block along: the next one has them") {
    buffer_pool pool{blocks_of(256, 16)};
    auto const rounds = static_cast<int>(scaled(2000, 2));
    {
        backend_runtime rt{GENERATE(1u, 2u)}; // with two, the stop and what comes race
        auto const whole = rt->block_on(
            [](buffer_pool& from, int count) -> task<bool> {
                auto ends = make_pair_of();
                io::recv_stream incoming{ends.near.ref(), from};
                for (int round = 0; round < count; ++round) {
                    auto const receive = [](io::recv_stream& of, duration length) -> task<std::string> {
                        auto const got = co_await timeout(of.next(), length);
                        co_return got ? text_of(got->content()) : std::string{};
                    };
                    auto const give = [](io::fd const& to, int turns, std::string text) -> task<> {
                        for (int i = 0; i < turns; ++i) co_await yield();
                        say(to, text);
                    };
                    auto const text = "message " + std::to_string(round);
                    auto const both = co_await when_all(receive(incoming, std::chrono::microseconds{round % 150}),
                                                        give(ends.far, round % 4, text));
                    auto got = std::get<0>(both);
                    if (got.empty()) got = co_await take(incoming);
                    if (got != text) co_return false;
                }
                co_return incoming.counts().returned == 0;
            },
            std::ref(pool), rounds);
        CHECK(whole);
    }
    CHECK(pool.available() == 16);
}

TEST_CASE("what comes for a taker whose stop was faster is kept for the next one") {
    test::watchdog const watched{patience};
    auto const name = GENERATE(from_range(std::begin(backend_names), std::end(backend_names)));
    std::string refusal;
    buffer_pool pool{blocks_of(64, 16)};
    {
        auto const home = io::open_driver(io::parse_backend(name).value(), 64, refusal);
        if (!refusal.empty()) SKIP("io_uring is refused here: " << refusal);
        current_guard<io::driver> const installed{home.get()};
        manual_executor runs;
        context const where{runs};
        auto const ends = make_pair_of();
        auto* const core = new io::recv_core{ends.near.ref(), pool, 4};
        io::received next;
        CHECK(core->try_take(next) == -EAGAIN);
        io::stream_taker<io::received> stopped{*core};
        REQUIRE(stopped.listen(std::noop_coroutine(), where));
        REQUIRE(core->take_or_wait(stopped));
        REQUIRE(stopped.claim()); // as a stop does, before it takes the node out
        say(ends.far, "kept");
        while (core->try_take(next) == -EAGAIN) home->wait_until(clock::now() + 2ms);
        CHECK(text_of(next.content()) == "kept");
        core->abandon(stopped);
        CHECK(!stopped.linked());
        core->close();
        core->drop();
        home->retire();
    }
    CHECK(pool.available() == 16);
}

TEST_CASE("a stream for which no block is left waits without spinning and goes on when one comes back") {
    buffer_pool pool{blocks_of(256, 8)};
    {
        backend_runtime rt;
        rt->block_on(
            [](buffer_pool& from) -> task<> {
                std::vector<block_lease> held;
                while (block_lease one = from.try_lease()) held.push_back(std::move(one)); // before a ring has any
                auto ends = make_pair_of();
                say(ends.far, "in need of a block");
                io::recv_stream incoming{ends.near.ref(), from};
                double const before = cpu_seconds();
                auto const stopped = co_await timeout(incoming.next(), 100ms);
                CHECK(stopped.error() == errc::timed_out);
                CHECK(cpu_seconds() - before < 0.05);
                CHECK(incoming.counts().postponed > 0);
                auto const give_back = [](std::vector<block_lease>& out) -> task<> {
                    static_cast<void>(co_await sleep_for(30ms));
                    out.pop_back();
                };
                auto const both = co_await when_all(take(incoming), give_back(held));
                CHECK(std::get<0>(both) == "in need of a block");
                for (int i = 0; i < 20; ++i) { // with one block for all
                    say(ends.far, std::to_string(i));
                    auto const text = co_await take(incoming);
                    CHECK(text == std::to_string(i));
                }
            },
            std::ref(pool));
    }
    CHECK(pool.available() == 8);
}

TEST_CASE("a stream that nobody takes from stops receiving: its peer is held back, and goes on when somebody takes") {
    buffer_pool pool{blocks_of(256, 128)};
    {
        backend_runtime rt;
        rt->block_on(
            [](buffer_pool& from) -> task<> {
                auto ends = make_pair_of();
                io::recv_stream incoming{ends.near.ref(), from, ahead_of(4)};
                say(ends.far, "0");
                auto const first = co_await take(incoming);
                CHECK(first == "0");
                // One at a time, so that each is received before the next comes, until the bound is reached.
                for (int i = 1; i <= 12; ++i) {
                    say(ends.far, std::to_string(i));
                    static_cast<void>(co_await sleep_for(300us));
                }
                auto const paused_at = incoming.counts().waiting;
                CHECK(paused_at >= 4);
                CHECK(paused_at <= 6); // one or two may come before the entry is back
                pollfd left{ends.near.number(), POLLIN, 0};
                CHECK(::poll(&left, 1, 0) == 1); // the rest is with the kernel
                auto const rest = co_await take_all(incoming, 15);
                CHECK(rest == "123456789101112");
                CHECK(incoming.counts().waiting == 0);
            },
            std::ref(pool));
    }
    CHECK(pool.available() == 128);
}

TEST_CASE("a peer that is faster than its taker does not keep others from their turn") {
    buffer_pool pool{blocks_of(64, 256)};
    {
        backend_runtime rt;
        auto const turns = rt->block_on(
            [](buffer_pool& from) -> task<int> {
                auto ends = make_pair_of();
                static_cast<void>(fill(ends.far)); // thousands of blocks
                ::shutdown(ends.far.number(), SHUT_WR);
                atomic<bool> over{false};
                auto const drain = [](io::fd_ref by, buffer_pool& of, atomic<bool>& done) -> task<int> {
                    io::recv_stream incoming{by, of};
                    for (;;) {
                        auto const got = co_await incoming.next();
                        if (!got || got->empty()) break;
                    }
                    done.store(true, relaxed); // one worker runs both
                    co_return 0;
                };
                auto const count = [](atomic<bool> const& done) -> task<int> {
                    int own = 0;
                    for (; !done.load(relaxed); ++own) co_await yield(); // one worker runs both
                    co_return own;
                };
                auto const both = co_await when_all(drain(ends.near.ref(), from, over), count(over));
                co_return std::get<1>(both);
            },
            std::ref(pool));
        CHECK(turns > 10);
    }
    CHECK(pool.available() == 256);
}

TEST_CASE("an error comes after what came before it, and stays") {
    buffer_pool pool{blocks_of(64, 16)};
    {
        backend_runtime rt;
        rt->block_on(
            [](buffer_pool& from) -> task<> {
                auto ends = make_tcp_pair();
                io::recv_stream incoming{ends.near.ref(), from};
                auto const nothing = co_await timeout(incoming.next(), 1ms); // it is armed now
                CHECK(nothing.error() == errc::timed_out);
                say(ends.far, "the last");
                static_cast<void>(co_await sleep_for(2ms));
                reset_connection(std::move(ends.far));
                static_cast<void>(co_await sleep_for(2ms));
                auto const last = co_await take(incoming);
                CHECK(last == "the last");
                for (int i = 0; i < 3; ++i) {
                    auto const got = co_await incoming.next();
                    REQUIRE(!got.has_value());
                    CHECK(got.error() == std::errc::connection_reset);
                }
                io::recv_stream none{io::fd_ref{}, from};
                auto const got = co_await none.next();
                CHECK(got.error() == std::errc::bad_file_descriptor);
            },
            std::ref(pool));
    }
    CHECK(pool.available() == 16);
}

TEST_CASE("closing ends who waits, also from another worker, and gives back what was not taken") {
    buffer_pool pool{blocks_of(64, 32)};
    {
        backend_runtime rt{2};
        for (int round = 0; round < 30; ++round)
            rt->block_on(
                [](buffer_pool& from) -> task<> {
                    auto ends = make_tcp_pair();
                    auto const end = [](io::recv_stream& of) -> task<> {
                        static_cast<void>(co_await sleep_for(300us));
                        of.close();
                        of.close();
                    };
                    io::recv_stream incoming{ends.near.ref(), from};
                    auto const both = co_await when_all(
                        [](io::recv_stream& of) -> task<std::error_code> {
                            auto const got = co_await of.next();
                            co_return got.error();
                        }(incoming),
                        end(incoming));
                    CHECK(std::get<0>(both) == errc::closed);
                    auto const later = co_await incoming.next();
                    CHECK(later.error() == errc::closed);

                    auto others = make_tcp_pair();
                    {
                        io::recv_stream untaken{others.near.ref(), from};
                        say(others.far, "0");
                        auto const first = co_await take(untaken);
                        CHECK(first == "0");
                        for (int i = 0; i < 4; ++i) {
                            say(others.far, "untaken");
                            static_cast<void>(co_await sleep_for(100us));
                        }
                    }
                    others.near.reset();
                    // The kernel lets go of the connection when the worker has seen the cancellation.
                    pollfd news{others.far.number(), POLLIN, 0};
                    int over = 0;
                    for (int i = 0; i < 2000 && !over; ++i) {
                        static_cast<void>(co_await sleep_for(1ms));
                        over = ::poll(&news, 1, 0);
                    }
                    CHECK(over == 1);
                },
                std::ref(pool));
    }
    CHECK(pool.available() == 32);
}

TEST_CASE("a stream of receives that another thread has ended is given up by its home driver at the latest when that ends") {
    test::watchdog const watched{patience};
    auto const name = GENERATE(from_range(std::begin(backend_names), std::end(backend_names)));
    std::string refusal;
    buffer_pool pool{blocks_of(64, 16)};
    {
        auto const home = io::open_driver(io::parse_backend(name).value(), 64, refusal);
        if (!refusal.empty()) SKIP("io_uring is refused here: " << refusal);
        auto const elsewhere = io::open_driver(io::backend_choice::epoll, 64, refusal);
        manual_executor runs;
        context const where{runs};
        auto ends = make_tcp_pair();
        say(ends.far, "once");
        auto stream = std::make_unique<io::recv_stream>(ends.near.ref(), pool);
        {
            current_guard<io::driver> const installed{home.get()};
            started taking{take(*stream), where};
            while (!taking.done()) {
                home->wait_until(clock::now() + 10ms);
                runs.run_all();
            }
            CHECK(taking.take() == "once");
        }
        {
            current_guard<io::driver> const installed{elsewhere.get()};
            stream.reset(); // by mail
        }
        if (name != std::string_view{"epoll"}) ends.near.reset(); // the kernel's receive keeps the connection
        current_guard<io::driver> const installed{home.get()};
        home->retire();
        ends.near.reset();
        pollfd news{ends.far.number(), POLLIN, 0};
        CHECK(::poll(&news, 1, 2000) == 1); // it has ended
    }
    CHECK(pool.available() == 16);
}
