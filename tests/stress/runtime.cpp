// tests/stress/runtime.cpp: fork and join on four workers, with tasks that yield, sleep, and wake each other at random.
#include "support/backends.hpp"
#include "support/scale.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/mutex.hpp>
#include <weir/sync/semaphore.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <array>
#include <memory>
#include <random>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

struct tree {
    // The sum of 1 over all leaves of a tree; on the way each node does something that suspends.
    static task<> grow(scope& here, unsigned depth, unsigned seed, atomic<long>& leaves) {
        std::mt19937 random{seed};
        switch (random() % 5) {
            case 0: co_await yield(); break;
            case 1: static_cast<void>(co_await sleep_for(std::chrono::microseconds{random() % 200})); break;
            default: break;
        }
        if (depth == 0) {
            leaves.fetch_add(1, relaxed); // read after the joins
            co_return;
        }
        for (unsigned i = 0; i < 4; ++i) {
            auto const next = static_cast<unsigned>(random());
            if (i % 2) here.spawn(&tree::grow, std::ref(here), depth - 1, next, std::ref(leaves));
            else here.spawn(&tree::grow_inside, depth - 1, next, std::ref(leaves));
        }
    }
    static task<> grow_inside(unsigned depth, unsigned seed, atomic<long>& leaves) {
        co_await in_scope(&tree::grow, depth, seed, std::ref(leaves));
    }
};

} // namespace

TEST_CASE("trees of scopes count every leaf, on both backends and any number of workers") {
    unsigned const workers = GENERATE(1u, 2u, 4u);
    backend_runtime rt{workers};
    unsigned const depth = sanitized ? 7 : 8;
    atomic<long> leaves{0};
    rt->block_on(&tree::grow_inside, depth, 42u, std::ref(leaves));
    CHECK(leaves.load(relaxed) == 1L << (2 * depth));
}

TEST_CASE("events that any worker or a thread outside sets wake each of their waiters once") {
    unsigned const workers = GENERATE(2u, 4u);
    backend_runtime rt{workers};
    auto const rounds = static_cast<int>(scaled(100'000));
    constexpr std::size_t many = 64;
    std::vector<std::unique_ptr<event>> events(static_cast<std::size_t>(rounds));
    for (auto& each : events) each = std::make_unique<event>();
    atomic<int> woken{0};
    std::thread outside{[&] {
        for (std::size_t i = 0; i < events.size(); i += 3) {
            events[i]->set();
            if (i % 64 == 0) std::this_thread::sleep_for(50us);
        }
    }};
    rt.run(
        [](scope& children, std::vector<std::unique_ptr<event>>& all, atomic<int>& count) -> task<> {
            for (std::size_t lane = 0; lane < many; ++lane) {
                children.spawn([](std::size_t first, std::vector<std::unique_ptr<event>>& of, atomic<int>& n) -> task<> {
                    for (std::size_t i = first; i < of.size(); i += many) {
                        auto const waited = co_await of[i]->wait();
                        if (waited) n.fetch_add(1, relaxed);
                    }
                }, lane, std::ref(all), std::ref(count));
                children.spawn([](std::size_t first, std::vector<std::unique_ptr<event>>& of) -> task<> {
                    std::mt19937 random{static_cast<unsigned>(first)};
                    for (std::size_t i = first; i < of.size(); i += many) {
                        if (i % 3 != 0) of[i]->set();
                        if (random() % 8 == 0) co_await yield();
                        if (random() % 64 == 0) static_cast<void>(co_await sleep_for(100us));
                    }
                }, lane, std::ref(all));
            }
            co_return;
        },
        std::ref(events), std::ref(woken));
    outside.join();
    CHECK(woken.load(relaxed) == rounds);
}

TEST_CASE("a mutex and a semaphore under timeouts lose no permit on four workers") {
    backend_runtime rt{4};
    auto const rounds = static_cast<int>(scaled(40'000));
    mutex lock;
    semaphore permits{3};
    long plain = 0; // guarded by `lock`
    atomic<long> locked{0};
    rt.run(
        [](scope& children, mutex& guard, semaphore& few, long& value, atomic<long>& times, int count) -> task<> {
            for (unsigned who = 0; who < 16; ++who)
                children.spawn([](unsigned self, mutex& m, semaphore& s, long& v, atomic<long>& n, int turns) -> task<> {
                    std::mt19937 random{self};
                    for (int i = 0; i < turns; ++i) {
                        auto permit = co_await timeout(s.acquire(), std::chrono::microseconds{random() % 500});
                        if (!permit) continue;
                        auto held = co_await timeout(m.lock(), std::chrono::microseconds{random() % 500});
                        if (held) {
                            ++v;
                            n.fetch_add(1, relaxed);
                            if (random() % 4 == 0) co_await yield();
                        }
                        if (random() % 2) co_await yield();
                    }
                }, who, std::ref(guard), std::ref(few), std::ref(value), std::ref(times), count / 16);
            co_return;
        },
        std::ref(lock), std::ref(permits), std::ref(plain), std::ref(locked), rounds);
    CHECK(plain == locked.load(relaxed));
    CHECK(permits.available() == 3);
    CHECK(locked.load(relaxed) > 0);
}

TEST_CASE("runtimes that come and go among threads that spawn into them") {
    test::watchdog const watched{patience};
    int const rounds = sanitized ? 20 : 100;
    for (int round = 0; round < rounds; ++round) {
        auto const choice = round % 2 ? io::backend_choice::epoll : io::backend_choice::automatic;
        runtime rt{backend_runtime::with(choice, 1 + static_cast<unsigned>(round) % 4, 64)};
        atomic<int> admitted{0};
        atomic<int> ended{0};
        std::vector<std::thread> others;
        for (int t = 0; t < 2; ++t)
            others.emplace_back([&rt, &admitted, &ended] {
                auto const work = [](atomic<int>& n) -> task<> {
                    static_cast<void>(co_await timeout(sleep_for(1h), 100us));
                    n.fetch_add(1, relaxed);
                };
                for (int i = 0; i < 500 && rt.spawn(work, std::ref(ended)); ++i) admitted.fetch_add(1, relaxed);
            });
        std::this_thread::sleep_for(std::chrono::microseconds{round * 37 % 1500});
        rt.shutdown();
        for (auto& each : others) each.join();
        CHECK(admitted.load(relaxed) == ended.load(relaxed));
    }
}
