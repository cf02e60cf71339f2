// tests/unit/runtime/worker.cpp: no wake-up is lost, turns are fair, timers wake sleepers, and work is shared.
#include "support/backends.hpp"
#include "support/scale.hpp"
#include "support/sockets.hpp"

#include <weir/coro/yield.hpp>
#include <weir/io/op/recv.hpp>
#include <weir/io/op/send.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/semaphore.hpp>
#include <weir/timer/sleep.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

TEST_CASE("a post from outside is never lost, whether the workers sleep, wake, or are about to sleep") {
    unsigned const workers = GENERATE(1u, 2u, 4u, 8u);
    backend_runtime rt{workers};
    auto const posts = static_cast<int>(scaled(10'000));
    class note : public job {
    public:
        explicit note(atomic<int>& n)
            : job{[](job& self) noexcept { static_cast<note&>(self).n_.fetch_add(1, acq_rel); }}, n_{n} {}

    private:
        atomic<int>& n_;
    };
    atomic<int> ran{0};
    executor& on = rt->get_executor();
    for (int i = 0; i < posts; ++i) {
        note one{ran};
        on.post(one);
        while (ran.load(acquire) != i + 1) std::this_thread::yield(); // the watchdog ends this when a post is lost
        for (int volatile spin = 0; spin < (i * 61) % 3000;) spin = spin + 1; // they sleep again, more or less
        if (i % 64 == 0) std::this_thread::sleep_for(200us);                  // and now for certain
    }
    CHECK(ran.load(relaxed) == posts);
}

TEST_CASE("posts of several threads at once are not lost either") {
    unsigned const workers = GENERATE(1u, 2u, 4u);
    backend_runtime rt{workers};
    constexpr int posts = static_cast<int>(scaled(10'000));
    executor& on = rt->get_executor();
    std::vector<std::thread> posters;
    for (int t = 0; t < 3; ++t)
        posters.emplace_back([&on, t] {
            class note : public job {
            public:
                note() : job{[](job& self) noexcept { static_cast<note&>(self).ran.store(true, release); }} {}
                atomic<bool> ran{false};
            };
            for (int i = 0; i < posts / 3; ++i) {
                note one;
                on.post(one);
                while (!one.ran.load(acquire)) std::this_thread::yield();
                for (int volatile spin = 0; spin < (i * (41 + t)) % 2000;) spin = spin + 1;
            }
        });
    for (auto& each : posters) each.join();
    SUCCEED();
}

TEST_CASE("workers that spin before they sleep lose nothing, and end at a shutdown") {
    test::watchdog const watched{patience};
    auto const choice = GENERATE(io::backend_choice::io_uring, io::backend_choice::epoll);
    auto options = backend_runtime::with(choice, 2);
    options.spin = GENERATE(1us, 50us, 20'000us);
    runtime rt{options};
    auto const rounds = static_cast<int>(scaled(2000));
    atomic<int> ran{0};
    for (int i = 0; i < rounds; ++i) {
        rt.spawn([](atomic<int>& n) -> task<> {
            co_await in_scope([](scope& children, atomic<int>& to) -> task<> {
                for (int k = 0; k < 3; ++k)
                    children.spawn([](atomic<int>& each) -> task<> {
                        each.fetch_add(1, acq_rel);
                        co_return;
                    }, std::ref(to));
                co_return;
            }, std::ref(n));
        }, std::ref(ran));
        if (i % 8 != 0) continue;
        while (ran.load(acquire) < 3 * i + 3) std::this_thread::yield();
        for (int volatile spin = 0; spin < (i * 61) % 3000;) spin = spin + 1;
    }
    rt.block_on([]() -> task<> { static_cast<void>(co_await sleep_for(1ms)); }); // a timer ends a spin, too
    rt.shutdown(shutdown_mode::drain);
    CHECK(ran.load(relaxed) == 3 * rounds);
}

TEST_CASE("a wait that is ended inside wakes its task, back and forth between two tasks") {
    unsigned const workers = GENERATE(1u, 2u, 4u);
    backend_runtime rt{workers};
    auto const rounds = static_cast<int>(scaled(10'000));
    semaphore ping{0};
    semaphore pong{0};
    rt.run(
        [](scope& children, semaphore& there, semaphore& back, int count) -> task<> {
            auto const play = [](semaphore& waits, semaphore& tells, int n) -> task<> {
                for (int i = 0; i < n; ++i) {
                    static_cast<void>((co_await waits.acquire()).value());
                    tells.release();
                }
            };
            children.spawn(play, std::ref(there), std::ref(back), count);
            children.spawn(play, std::ref(back), std::ref(there), count);
            there.release();
            co_return;
        },
        std::ref(ping), std::ref(pong), rounds);
    SUCCEED();
}

TEST_CASE("a job that is posted behind a task that runs for long is taken by a worker that sleeps") {
    // Two jobs and more are shared; the task does not end before all of them have run elsewhere.
    backend_runtime rt{2};
    atomic<int> ran{0};
    rt.run(
        [](scope& children, atomic<int>& n) -> task<> {
            for (int round = 1; round <= 200; ++round) {
                for (int i = 0; i < 4; ++i)
                    children.spawn([](atomic<int>& counter) -> task<> {
                        counter.fetch_add(1, acq_rel);
                        co_return;
                    }, std::ref(n));
                // This worker is busy; only the other one can run them. The last pushed may be kept.
                while (n.load(acquire) < 4 * round - 1) std::this_thread::yield();
                while (n.load(acquire) < 4 * round) co_await yield();
            }
        },
        std::ref(ran));
    CHECK(ran.load(relaxed) == 800);
}

TEST_CASE("many busy children run on both workers") {
    backend_runtime rt{2};
    atomic<int> inside{0};
    atomic<int> most{0};
    rt.run(
        [](scope& children, atomic<int>& in, atomic<int>& peak) -> task<> {
            for (int i = 0; i < 64; ++i)
                children.spawn([](atomic<int>& n, atomic<int>& top) -> task<> {
                    int const now = n.fetch_add(1, acq_rel) + 1;
                    int seen = top.load(relaxed);
                    while (seen < now && !top.compare_exchange_weak(seen, now, relaxed, relaxed)) {}
                    // Until another child is inside at the same time, which takes another worker.
                    while (top.load(relaxed) < 2) std::this_thread::yield();
                    n.fetch_sub(1, acq_rel);
                    co_return;
                }, std::ref(in), std::ref(peak));
            co_return;
        },
        std::ref(inside), std::ref(most));
    CHECK(most.load(relaxed) >= 2);
}

TEST_CASE("tasks that yield take turns on one worker") {
    backend_runtime rt;
    constexpr int tasks = 10;
    constexpr int turns = 1000;
    std::vector<int> order;
    rt.run(
        [](scope& children, std::vector<int>& log) -> task<> {
            for (int name = 0; name < tasks; ++name)
                children.spawn([](int self, std::vector<int>& written) -> task<> {
                    for (int i = 0; i < turns; ++i) {
                        written.push_back(self);
                        co_await yield();
                    }
                }, name, std::ref(log));
            co_return;
        },
        std::ref(order));
    REQUIRE(order.size() == tasks * turns);
    // Not in lockstep, since the worker looks around every 61 turns; but nobody gets a tenth more than another.
    std::array<int, tasks> done{};
    int widest = 0;
    for (int const name : order) {
        ++done[static_cast<std::size_t>(name)];
        auto const [least, most] = std::minmax_element(done.begin(), done.end());
        if (*least > 0 && *most < turns) widest = std::max(widest, *most - *least);
    }
    CAPTURE(widest);
    CHECK(widest <= turns / 10);
}

TEST_CASE("a task that spawns without end does not starve one that waits its turn, nor timers, nor the kernel") {
    unsigned const workers = GENERATE(1u, 2u);
    backend_runtime rt{workers};
    auto ends = make_pair_of();
    rt.run(
        [](scope& children, socket_pair& pair) -> task<> {
            class chain {
            public:
                // Each link spawns the next: the newest job is always ready.
                static task<> link(scope& on, atomic<bool>& over) {
                    if (!over.load(relaxed)) on.spawn(&chain::link, std::ref(on), std::ref(over));
                    co_return;
                }
            };
            atomic<bool> over{false};
            co_await in_scope([](scope& inner, atomic<bool>& end, socket_pair& both) -> task<> {
                inner.spawn(&chain::link, std::ref(inner), std::ref(end));
                inner.spawn(&chain::link, std::ref(inner), std::ref(end));
                for (int i = 0; i < 20; ++i) co_await yield();
                static_cast<void>(co_await sleep_for(1ms));
                std::array<std::byte, 4> into{};
                [[maybe_unused]] auto const sent = ::send(both.far.number(), "x", 1, 0);
                static_cast<void>(co_await io::recv(both.near.ref(), into));
                end.store(true, relaxed);
            }, std::ref(over), std::ref(pair));
            static_cast<void>(children);
        },
        std::ref(ends));
    SUCCEED();
}

TEST_CASE("timers wake workers that sleep, on time and in order") {
    unsigned const workers = GENERATE(1u, 2u, 4u);
    backend_runtime rt{workers};
    atomic<int> early{0};
    atomic<int> woken{0};
    rt.run(
        [](scope& children, atomic<int>& too_soon, atomic<int>& n) -> task<> {
            for (int i = 0; i < 100; ++i)
                children.spawn([](duration length, atomic<int>& before, atomic<int>& count) -> task<> {
                    auto const at = clock::now() + length;
                    auto const slept = co_await sleep_until(at);
                    if (!slept || clock::now() < at) before.fetch_add(1, relaxed);
                    count.fetch_add(1, relaxed);
                }, std::chrono::microseconds{(i * 997) % 20'000}, std::ref(too_soon), std::ref(n));
            co_return;
        },
        std::ref(early), std::ref(woken));
    CHECK(early.load(relaxed) == 0);
    CHECK(woken.load(relaxed) == 100);
}

TEST_CASE("a task may go on with a socket on another worker than it began on") {
    backend_runtime rt{4};
    auto ends = make_pair_of();
    auto const rounds = static_cast<int>(scaled(4000));
    int echoed = 0;
    rt.run(
        [](scope& children, socket_pair& pair, int count, int& right) -> task<> {
            children.spawn([](io::fd_ref far, int n) -> task<> {
                std::array<std::byte, 8> into{};
                for (int i = 0; i < n; ++i) {
                    auto const got = co_await io::recv(far, into);
                    if (!got) co_return;
                    static_cast<void>(co_await io::send(far, std::span{into}.first(*got)));
                    if (i % 7 == 0) co_await yield();
                }
            }, pair.far.ref(), count);
            for (int i = 0; i < 3; ++i) // keeps the others awake, so that jobs move
                children.spawn([](int n) -> task<> {
                    for (int k = 0; k < n; ++k) co_await yield();
                }, count);
            std::array<std::byte, 8> into{};
            for (int i = 0; i < count; ++i) {
                static_cast<void>(co_await io::send(pair.near.ref(), bytes_of("x")));
                auto const got = co_await io::recv(pair.near.ref(), into);
                if (got && *got == 1) ++right;
                if (i % 5 == 0) co_await yield();
            }
        },
        std::ref(ends), rounds, std::ref(echoed));
    CHECK(echoed == rounds);
}
