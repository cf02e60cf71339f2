// tests/unit/io/op.cpp: the race of completion and stop: whoever wins, nothing is lost and nothing is touched afterwards.
#include "support/backends.hpp"
#include "support/scale.hpp"
#include "support/sockets.hpp"

#include <weir/coro/stop.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

// Awaits `work` on another source of stops.
template <class A>
task<await_result_t<A>> stoppable(A work, stop_source& source) {
    context const& above = co_await this_task();
    context const narrower = above.with_stop(source.token());
    co_await use_context(narrower);
    co_return co_await std::move(work);
}

void poke(io::fd const& file) { [[maybe_unused]] auto const sent = ::send(file.number(), "x", 1, 0); }

void spin(int turns) {
    for (int volatile i = 0; i < turns;) i = i + 1;
}

} // namespace

TEST_CASE("a stop before an operation begins keeps it from beginning, also when it could be had at once") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        REQUIRE(::send(ends.far.number(), "here", 4, 0) == 4);
        stop_source source;
        source.request_stop();
        std::array<std::byte, 8> into{};
        auto const got = co_await stoppable(io::recv(ends.near.ref(), into), source);
        REQUIRE(!got.has_value());
        CHECK(got.error() == errc::cancelled);
        auto const still = co_await io::recv(ends.near.ref(), into);
        REQUIRE(still.has_value());
        CHECK(*still == 4);
    });
}

TEST_CASE("a stop during an operation ends it with the stop's own reason, and a second stop changes nothing") {
    backend_runtime rt;
    auto const reason = GENERATE(errc::cancelled, errc::timed_out, errc::closed);
    rt->block_on(
        [](errc why) -> task<> {
            auto ends = make_pair_of();
            stop_source source;
            auto const receive = [](io::fd_ref from, stop_source& of) -> task<std::error_code> {
                std::array<std::byte, 8> into{};
                auto const got = co_await stoppable(io::recv(from, into), of);
                co_return got.error();
            };
            auto const stop = [](stop_source& of, errc with) -> task<> {
                static_cast<void>(co_await sleep_for(1ms));
                of.request_stop(with);
                of.request_stop(errc::overloaded);
            };
            auto const both = co_await when_all(receive(ends.near.ref(), source), stop(source, why));
            CHECK(std::get<0>(both) == why);
        },
        reason);
}

TEST_CASE("a stop after an operation has completed does not touch it") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        stop_source source;
        std::array<std::byte, 8> into{};
        static_cast<void>(co_await io::send(ends.far.ref(), bytes_of("here")));
        auto const got = co_await stoppable(io::recv(ends.near.ref(), into), source);
        source.request_stop();
        REQUIRE(got.has_value());
        CHECK(*got == 4);
    });
}

TEST_CASE("an operation that is submitted and stopped in one turn ends") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        for (int round = 0; round < 200; ++round) {
            stop_source source;
            auto const receive = [](io::fd_ref from, stop_source& of) -> task<std::error_code> {
                std::array<std::byte, 8> into{};
                auto const got = co_await stoppable(io::recv(from, into), of);
                co_return got.error();
            };
            auto const stop = [](stop_source& of) -> task<> {
                of.request_stop();
                co_return;
            };
            auto const both = co_await when_all(receive(ends.near.ref(), source), stop(source));
            CHECK(std::get<0>(both) == errc::cancelled);
        }
    });
}

TEST_CASE("bytes that come as a receive is stopped are had by it or by the next one (swept offsets)") {
    backend_runtime rt;
    bool const polls = GENERATE(false, true); // on io_uring, a descriptor that does not block is polled for
    struct tally {
        int won = 0;
        int stopped = 0;
        bool whole = true;
    };
    auto const rounds = static_cast<int>(scaled(4000));
    auto const seen = rt->block_on(
        [](bool does_not_block, int count) -> task<tally> {
            auto ends = make_pair_of();
            if (does_not_block) set_flag(ends.near, O_NONBLOCK, true);
            tally all;
            unsigned char next = 0;
            for (int round = 0; round < count; ++round) {
                auto const receive = [](io::fd_ref from, std::array<std::byte, 8>& into, int offset) -> task<std::size_t> {
                    auto const got = co_await timeout(io::recv(from, into), std::chrono::microseconds{offset});
                    co_return got ? *got : 0;
                };
                auto const send = [](io::fd_ref to, unsigned char value, int offset) -> task<> {
                    static_cast<void>(co_await sleep_for(std::chrono::microseconds{offset}));
                    [[maybe_unused]] auto const sent = ::send(to.number(), &value, 1, 0);
                };
                std::array<std::byte, 8> into{};
                auto const both = co_await when_all(receive(ends.near.ref(), into, round % 150),
                                                    send(ends.far.ref(), next, (round * 7) % 150));
                std::size_t got = std::get<0>(both);
                ++(got ? all.won : all.stopped);
                if (!got) { // stopped: then its buffer is untouched, and the byte waits for the next
                    all.whole = all.whole && into[0] == std::byte{};
                    auto const later = co_await timeout(io::recv(ends.near.ref(), into), 5s);
                    got = later ? *later : 0;
                }
                all.whole = all.whole && got == 1 && into[0] == std::byte{next};
                ++next;
            }
            co_return all;
        },
        polls, rounds);
    CHECK(seen.whole);
    CHECK(seen.won + seen.stopped == rounds);
}

TEST_CASE("a stop from another thread, in the instant of completion, loses no byte (thousands of races)") {
    backend_runtime rt{2};
    bool const polls = GENERATE(false, true);
    auto const rounds = static_cast<int>(scaled(3000));
    auto ends = make_pair_of();
    if (polls) set_flag(ends.near, O_NONBLOCK, true);
    atomic<stop_source*> current_source{nullptr};
    atomic<bool> over{false};
    atomic<int> told{0};
    // Two threads outside aim at each receive: one with the byte, one with the stop.
    atomic<int> round_open{0};
    std::thread stops{[&] {
        for (int seen = 0; !over.load(acquire);) {
            if (round_open.load(acquire) == seen) {
                std::this_thread::yield();
                continue;
            }
            ++seen;
            spin((seen * 37) % 2000);
            current_source.load(acquire)->request_stop();
            told.store(seen, release);
        }
    }};
    std::thread sends{[&] {
        for (int seen = 0; !over.load(acquire);) {
            if (round_open.load(acquire) == seen) {
                std::this_thread::yield();
                continue;
            }
            ++seen;
            spin((seen * 53) % 2000);
            unsigned char const value = static_cast<unsigned char>(seen);
            [[maybe_unused]] auto const sent = ::send(ends.far.number(), &value, 1, 0);
        }
    }};
    bool whole = true;
    rt->block_on(
        [](io::fd_ref from, int count, atomic<stop_source*>& source_of, atomic<int>& open, atomic<int>& stopped,
           bool& right) -> task<> {
            for (int round = 1; round <= count; ++round) {
                stop_source source;
                std::array<std::byte, 8> into{};
                source_of.store(&source, release);
                open.store(round, release);
                auto const got = co_await stoppable(io::recv(from, into), source);
                if (!got) {
                    right = right && got.error() == errc::cancelled && into[0] == std::byte{};
                    auto const later = co_await timeout(io::recv(from, into), 10s);
                    right = right && later.has_value() && *later == 1;
                } else {
                    right = right && *got == 1;
                }
                right = right && into[0] == static_cast<std::byte>(round);
                while (stopped.load(acquire) != round) co_await yield(); // the source must outlive the request
            }
        },
        ends.near.ref(), rounds, std::ref(current_source), std::ref(round_open), std::ref(told), std::ref(whole));
    over.store(true, release);
    stops.join();
    sends.join();
    CHECK(whole);
}

TEST_CASE("a buffer is not touched after the operation has ended") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        std::array<std::byte, 64> into{};
        for (int round = 0; round < 200; ++round) {
            into.fill(std::byte{0xaa});
            auto const got = co_await timeout(io::recv(ends.near.ref(), into), std::chrono::microseconds{round % 50});
            CHECK(got.error() == errc::timed_out);
            into.fill(std::byte{0xbb});
            [[maybe_unused]] auto const sent = ::send(ends.far.number(), "x", 1, 0);
            co_await yield();
            static_cast<void>(co_await sleep_for(100us));
            CHECK(std::all_of(into.begin(), into.end(), [](std::byte each) { return each == std::byte{0xbb}; }));
            std::array<std::byte, 8> other{};
            static_cast<void>(co_await io::recv(ends.near.ref(), other));
        }
    });
}

TEST_CASE("stopping one of two who wait on a descriptor leaves the other waiting") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto ends = make_pair_of();
        stop_source source;
        auto const stopped = [](io::fd_ref from, stop_source& of) -> task<std::error_code> {
            std::array<std::byte, 8> into{};
            auto const got = co_await stoppable(io::recv(from, into), of);
            co_return got.error();
        };
        auto const served = [](io::fd_ref from) -> task<std::size_t> {
            std::array<std::byte, 8> into{};
            auto const got = co_await timeout(io::recv(from, into), 5s);
            co_return got ? *got : 0;
        };
        auto const drive = [](io::fd_ref to, stop_source& of) -> task<> {
            static_cast<void>(co_await sleep_for(1ms));
            of.request_stop();
            static_cast<void>(co_await sleep_for(1ms));
            static_cast<void>(co_await io::send(to, bytes_of("x")));
        };
        auto const all = co_await when_all(stopped(ends.near.ref(), source), served(ends.near.ref()),
                                           stopped(ends.near.ref(), source), drive(ends.far.ref(), source));
        CHECK(std::get<0>(all) == errc::cancelled);
        CHECK(std::get<1>(all) == 1);
        CHECK(std::get<2>(all) == errc::cancelled);
    });
}

TEST_CASE("many operations wait at once and each ends, by data or by a stop") {
    backend_runtime rt{1, 64}; // the ring has fewer entries than there are operations
    constexpr int count = 500;
    std::vector<socket_pair> pairs;
    for (int i = 0; i < count; ++i) pairs.push_back(make_pair_of());
    bool const polls = GENERATE(false, true);
    for (auto& each : pairs) set_flag(each.near, O_NONBLOCK, polls);
    bool const stops = GENERATE(false, true);
    atomic<int> served{0};
    atomic<int> cancelled{0};
    rt.run(
        [](scope& children, std::vector<socket_pair>& all, bool stop, atomic<int>& got, atomic<int>& ended) -> task<> {
            for (auto& each : all)
                children.spawn(
                    [](socket_pair& pair, atomic<int>& ok, atomic<int>& off) -> task<> {
                        std::array<std::byte, 8> into{};
                        auto const came = co_await io::recv(pair.near.ref(), into);
                        if (came && *came == 1) ok.fetch_add(1, relaxed);
                        if (came.error() == errc::cancelled) off.fetch_add(1, relaxed);
                    },
                    std::ref(each), std::ref(got), std::ref(ended));
            static_cast<void>(co_await sleep_for(5ms));
            if (stop) children.request_stop();
            else
                for (auto& each : all) poke(each.far);
        },
        std::ref(pairs), stops, std::ref(served), std::ref(cancelled));
    CHECK(served.load(relaxed) == (stops ? 0 : count));
    CHECK(cancelled.load(relaxed) == (stops ? count : 0));
}

TEST_CASE("more completions than the rings hold in one turn all arrive") {
    backend_runtime rt{1, 64};
    constexpr int count = 2000; // a completion ring of 64 * 4
    std::vector<socket_pair> pairs;
    for (int i = 0; i < count; ++i) pairs.push_back(make_pair_of());
    atomic<int> served{0};
    rt.run(
        [](scope& children, std::vector<socket_pair>& all, atomic<int>& got) -> task<> {
            for (auto& each : all)
                children.spawn(
                    [](socket_pair& pair, atomic<int>& ok) -> task<> {
                        std::array<std::byte, 1> into{}; // a byte each, although two may be there by then
                        for (int i = 0; i < 3; ++i) {
                            auto const came = co_await io::recv(pair.near.ref(), into);
                            if (came && *came == 1) ok.fetch_add(1, relaxed);
                        }
                    },
                    std::ref(each), std::ref(got));
            static_cast<void>(co_await sleep_for(5ms));
            for (int i = 0; i < 3; ++i) {
                // All become ready while nobody reaps.
                for (auto& each : all) poke(each.far);
                static_cast<void>(co_await sleep_for(5ms));
            }
        },
        std::ref(pairs), std::ref(served));
    CHECK(served.load(relaxed) == 3 * count);
}
