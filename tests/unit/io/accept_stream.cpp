// tests/unit/io/accept_stream.cpp: every connection goes to one taker or is closed and counted, and a process that has
// run out of descriptors waits without spinning.
#include "support/backends.hpp"
#include "support/forked.hpp"
#include "support/manual_executor.hpp"
#include "support/sockets.hpp"
#include "support/started.hpp"

#include <weir/base/current.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/io/accept_stream.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <ctime>
#include <memory>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

io::fd connect_plainly(loopback const& to) {
    io::fd client = tcp_socket();
    if (::connect(client.number(), reinterpret_cast<sockaddr const*>(&to.storage), to.length) != 0) return {};
    return client;
}

std::vector<io::fd> connect_many(loopback const& to, int count) {
    std::vector<io::fd> clients;
    for (int i = 0; i < count; ++i) clients.push_back(connect_plainly(to));
    return clients;
}

io::accept_stream_options backlog_of(std::size_t bound) {
    io::accept_stream_options options;
    options.backlog = bound;
    return options;
}

// Whether the other side has let go of the connection.
bool is_over(io::fd const& client) {
    pollfd news{client.number(), POLLIN, 0};
    char byte;
    return ::poll(&news, 1, 2000) == 1 && ::recv(client.number(), &byte, 1, MSG_DONTWAIT) <= 0;
}

task<std::error_code> take_one(io::accept_stream& from, io::fd& into) {
    auto got = co_await from.next();
    if (got) into = *std::move(got);
    co_return got.error();
}

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

} // namespace

TEST_CASE("a stream gives those who came before it was asked, and those who come later, in their order") {
    backend_runtime rt;
    bool const blocks = GENERATE(false, true);
    if (blocks && rt.on_epoll()) return; // there a listener must not block
    rt->block_on(
        [](bool blocking) -> task<> {
            auto listener = listen_here();
            set_flag(listener.file, O_NONBLOCK, !blocking);
            io::accept_stream incoming{listener.file.ref()};
            for (int round = 0; round < 3; ++round) {
                auto const clients = connect_many(listener.where, 5);
                for (int i = 0; i < 5; ++i) {
                    REQUIRE(::send(clients[static_cast<std::size_t>(i)].number(), &i, sizeof i, 0) == sizeof i);
                    auto got = co_await incoming.next();
                    REQUIRE(got.has_value());
                    CHECK((::fcntl(got->number(), F_GETFD) & FD_CLOEXEC) != 0);
                    int who = -1;
                    auto const received = co_await io::recv(got->ref(), std::as_writable_bytes(std::span{&who, 1}));
                    CHECK(received.has_value());
                    CHECK(who == i);
                }
                // The next round's first comes while it is waited for.
                io::fd server;
                io::fd client;
                auto const come = [](loopback const& to, io::fd& into) -> task<> {
                    static_cast<void>(co_await sleep_for(1ms));
                    into = connect_plainly(to);
                };
                auto const both = co_await when_all(take_one(incoming, server), come(listener.where, client));
                CHECK(!std::get<0>(both));
                CHECK(server);
            }
            CHECK(incoming.counts().taken == 18);
            CHECK(incoming.counts().returned == 0);
        },
        blocks);
}

TEST_CASE("several takers on several workers get a connection each, and none twice") {
    backend_runtime rt{3};
    auto listener = listen_here();
    constexpr int takers = 8;
    constexpr int each = 50;
    atomic<int> served{0};
    io::stream_counts counts;
    auto const before = entries_of("fd");
    rt.run(
        [](scope& children, listening_socket& at, atomic<int>& done, io::stream_counts& seen) -> task<> {
            io::accept_stream incoming{at.file.ref()};
            co_await in_scope(
                [](scope& inner, listening_socket& where, io::accept_stream& from, atomic<int>& count) -> task<> {
                    for (int i = 0; i < takers; ++i)
                        inner.spawn(
                            [](io::accept_stream& source, atomic<int>& total) -> task<> {
                                for (int n = 0; n < each; ++n) {
                                    auto const got = co_await source.next();
                                    if (!got) co_return;
                                    std::array<std::byte, 4> into{};
                                    auto const received = co_await io::recv(got->ref(), into);
                                    if (received && *received == 1) total.fetch_add(1, relaxed); // read once joined
                                }
                            },
                            std::ref(from), std::ref(count));
                    inner.spawn(
                        [](loopback const& to) -> task<> {
                            for (int n = 0; n < takers * each; ++n) {
                                auto const client = connect_plainly(to);
                                [[maybe_unused]] auto const sent = ::send(client.number(), "x", 1, MSG_NOSIGNAL);
                                if (n % 16 == 0) co_await yield();
                            }
                        },
                        std::cref(where.where));
                    co_return;
                },
                std::ref(at), std::ref(incoming), std::ref(done));
            seen = incoming.counts();
            static_cast<void>(children);
        },
        std::ref(listener), std::ref(served), std::ref(counts));
    CHECK(served.load(relaxed) == takers * each);
    CHECK(counts.taken == takers * each);
    CHECK(counts.returned == 0);
    CHECK(entries_of("fd") <= before + 6); // a worker's own, opened in between
}

TEST_CASE("a taker that is stopped takes no connection along: the next one has it") {
    backend_runtime rt;
    auto const rounds = 300;
    auto const taken = rt->block_on(
        [](int count) -> task<int> {
            auto listener = listen_here();
            io::accept_stream incoming{listener.file.ref()};
            int have = 0;
            for (int round = 0; round < count; ++round) {
                auto const take = [](io::accept_stream& from, duration length) -> task<bool> {
                    auto const got = co_await timeout(from.next(), length);
                    co_return got.has_value();
                };
                auto const come = [](loopback const& to, int turns) -> task<io::fd> {
                    for (int i = 0; i < turns; ++i) co_await yield();
                    co_return connect_plainly(to);
                };
                auto const both = co_await when_all(take(incoming, std::chrono::microseconds{(round * 7) % 150}),
                                                    come(listener.where, round % 3));
                if (std::get<0>(both)) ++have;
                else {
                    auto const late = co_await timeout(incoming.next(), 5s);
                    have += late.has_value();
                }
            }
            CHECK(incoming.counts().returned == 0);
            co_return have;
        },
        rounds);
    CHECK(taken == rounds);
}

TEST_CASE("what was accepted and not taken is closed and counted at the end, and no descriptor is left") {
    backend_runtime rt;
    bool const explicitly = GENERATE(false, true);
    auto listener = listen_here();
    rt->block_on([]() -> task<> { co_return; });
    auto const before = entries_of("fd");
    {
        auto const clients = connect_many(listener.where, 20);
        rt->block_on(
            [](listening_socket const& at, bool says_so) -> task<> {
                io::accept_stream incoming{at.file.ref()};
                auto const first = co_await incoming.next();
                REQUIRE(first.has_value());
                static_cast<void>(co_await sleep_for(2ms));
                auto const accepted = incoming.counts();
                CHECK(accepted.taken == 1);
                CHECK(accepted.waiting <= 19);
                if (!says_so) co_return;
                incoming.close();
                incoming.close();
                CHECK(incoming.counts().waiting == 0);
                CHECK(incoming.counts().returned >= accepted.waiting);
                auto const none = co_await incoming.next();
                CHECK(none.error() == errc::closed);
                // The kernel hears of it with the next entry, and may accept one of these before.
                auto const late = connect_many(at.where, 3);
                static_cast<void>(co_await sleep_for(2ms));
            },
            std::ref(listener), explicitly);
        // Those whom it has not accepted wait in the listener's queue still.
        while (io::fd{::accept4(listener.file.number(), nullptr, nullptr, SOCK_CLOEXEC)}) {}
        int over = 0;
        for (auto const& each : clients) over += is_over(each);
        CHECK(over == 20);
    }
    // The kernel's side lets go when the worker has seen the cancellation.
    for (int i = 0; i < 200 && entries_of("fd") > before; ++i) std::this_thread::sleep_for(1ms);
    CHECK(entries_of("fd") == before);
}

TEST_CASE("closing ends who waits, also from another worker, and a listener that is gone is told as its error") {
    backend_runtime rt{2};
    bool const shut = GENERATE(false, true);
    rt->block_on(
        [](bool listener_goes) -> task<> {
            auto listener = listen_here();
            io::accept_stream incoming{listener.file.ref()};
            io::fd one;
            io::fd two;
            auto const end = [](io::accept_stream& of, io::fd_ref from, bool by_listener) -> task<> {
                static_cast<void>(co_await sleep_for(3ms));
                co_await yield();
                if (by_listener) ::shutdown(from.number(), SHUT_RDWR);
                else of.close();
            };
            auto const all = co_await when_all(take_one(incoming, one), take_one(incoming, two),
                                               end(incoming, listener.file.ref(), listener_goes));
            auto const expected = listener_goes ? std::make_error_code(std::errc::invalid_argument)
                                                : make_error_code(errc::closed);
            CHECK(std::get<0>(all).default_error_condition() == expected.default_error_condition());
            CHECK(std::get<1>(all).default_error_condition() == expected.default_error_condition());
            auto const later = co_await incoming.next();
            CHECK(!later.has_value());
        },
        shut);
}

TEST_CASE("a stream of what does not listen is an error, for everybody who asks") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto const plain = tcp_socket();
        io::accept_stream incoming{plain.ref()};
        for (int i = 0; i < 3; ++i) {
            auto const got = co_await incoming.next();
            REQUIRE(!got.has_value());
            CHECK(got.error() == std::errc::invalid_argument);
        }
    });
}

TEST_CASE("a stream that nobody takes from stops accepting: the kernel's queue keeps the rest") {
    backend_runtime rt;
    rt->block_on([]() -> task<> {
        auto listener = listen_here(16);
        io::accept_stream incoming{listener.file.ref(), backlog_of(4)};
        auto const first_client = connect_plainly(listener.where);
        auto const first = co_await incoming.next();
        REQUIRE(first.has_value());
        // One at a time, so that each is accepted before the next comes, until the bound is reached.
        std::vector<io::fd> clients;
        for (int i = 0; i < 12; ++i) {
            clients.push_back(connect_plainly(listener.where));
            static_cast<void>(co_await sleep_for(300us));
        }
        auto const paused_at = incoming.counts().waiting;
        CHECK(paused_at >= 4);
        CHECK(paused_at <= 6); // one or two may come before the entry is back
        for (int i = 0; i < 12; ++i) {
            auto const got = co_await timeout(incoming.next(), 5s);
            CHECK(got.has_value());
        }
        CHECK(incoming.counts().taken == 13);
    });
}

TEST_CASE("a stream that never was asked, or ends with its listener, leaves nothing behind") {
    backend_runtime rt{2};
    rt->block_on([]() -> task<> { co_return; });
    auto const before = entries_of("fd");
    for (int round = 0; round < 50; ++round)
        rt->block_on(
            [](int which) -> task<> {
                auto listener = listen_here();
                io::accept_stream incoming{listener.file.ref()};
                if (which % 3 == 0) co_return;
                auto const none = co_await timeout(incoming.next(), 100us);
                CHECK(none.error() == errc::timed_out);
                if (which % 3 == 1) listener.file.reset();
            },
            round);
    for (int i = 0; i < 200 && entries_of("fd") > before; ++i) std::this_thread::sleep_for(1ms);
    CHECK(entries_of("fd") == before);
}

TEST_CASE("a stream that another thread has ended is given up by its home driver at the latest when that ends") {
    test::watchdog const watched{patience};
    auto const name = GENERATE(from_range(std::begin(backend_names), std::end(backend_names)));
    std::string refusal;
    auto const home = io::open_driver(io::parse_backend(name).value(), 64, refusal);
    if (!refusal.empty()) SKIP("io_uring is refused here: " << refusal);
    auto const elsewhere = io::open_driver(io::backend_choice::epoll, 64, refusal);
    manual_executor runs;
    context const where{runs};
    auto listener = listen_here();
    auto const client = connect_plainly(listener.where);
    auto stream = std::make_unique<io::accept_stream>(listener.file.ref());
    {
        current_guard<io::driver> const installed{home.get()};
        io::fd server;
        started taking{take_one(*stream, server), where};
        while (!taking.done()) {
            home->wait_until(clock::now() + 10ms);
            runs.run_all();
        }
        CHECK(server);
    }
    {
        current_guard<io::driver> const installed{elsewhere.get()};
        stream.reset(); // by mail
    }
    if (name != std::string_view{"epoll"}) listener.file.reset(); // the kernel's accept keeps the socket
    current_guard<io::driver> const installed{home.get()};
    home->retire();
    listener.file.reset();
    CHECK(!connect_plainly(listener.where)); // nobody listens any more
}

TEST_CASE("without descriptors a stream waits and does not spin, and goes on when there are some again") {
    auto const name = GENERATE(from_range(std::begin(backend_names), std::end(backend_names)));
    auto const child = run_in_child([&]() -> std::string {
        runtime rt{backend_runtime::with(io::parse_backend(name).value(), 1)};
        if (!rt.backend_refusal().empty()) return "refused";
        return rt.block_on([]() -> task<std::string> {
            auto listener = listen_here();
            auto const clients = connect_many(listener.where, 4);
            auto const late = tcp_socket();
            // Four descriptors are left. Before the first accept: the kernel goes by the limit of when it was armed.
            rlimit const few{static_cast<rlim_t>(late.number() + 10), static_cast<rlim_t>(late.number() + 10)};
            ::setrlimit(RLIMIT_NOFILE, &few);
            std::vector<io::fd> fillers;
            do fillers.emplace_back(::dup(late.number()));
            while (fillers.back());
            fillers.resize(fillers.size() - 5); // the last one is none
            io::accept_stream incoming{listener.file.ref()};
            std::vector<io::fd> served;
            for (int i = 0; i < 4; ++i) {
                auto got = co_await incoming.next();
                if (!got) co_return "none was accepted";
                served.push_back(*std::move(got));
            }
            auto const* const to = reinterpret_cast<sockaddr const*>(&listener.where.storage);
            if (::connect(late.number(), to, listener.where.length) != 0) co_return "not connected";
            double const busy_before = cpu_seconds();
            auto const none = co_await timeout(incoming.next(), 300ms);
            double const busy = cpu_seconds() - busy_before;
            if (none.has_value()) co_return "there was a descriptor";
            if (none.error() != errc::timed_out) co_return none.error().message();
            auto const counts = incoming.counts();
            if (counts.postponed < 5 || counts.postponed > 60) co_return "postponed " + std::to_string(counts.postponed);
            if (busy > 0.1) co_return "spun for " + std::to_string(busy);
            served.pop_back();
            auto const recovered = co_await timeout(incoming.next(), 5s);
            co_return recovered ? "recovered" : recovered.error().message();
        });
    });
    CAPTURE(name);
    if (child.words == "refused") SKIP("io_uring is refused here");
    CHECK(child.words == "recovered");
}
