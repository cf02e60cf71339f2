// tests/stress/blocking_pool.cpp: a pool whose threads come and go all the time, under those who offer, take back, stop
// and shut down.
#include "support/scale.hpp"
#include "support/watchdog.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/runtime/worker_local.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;

namespace {

class dice {
public:
    explicit dice(std::uint64_t seed) : state_{seed * 0x9E3779B97F4A7C15u + 1} {}
    std::uint64_t operator()(std::uint64_t sides) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17; // G. Marsaglia, "Xorshift RNGs", 2003
        return state_ % sides;
    }

private:
    std::uint64_t state_;
};

// A job that must run exactly as often as was taken.
class tally : public job {
public:
    tally() : job{[](job& self) noexcept { static_cast<tally&>(self).runs.fetch_add(1, std::memory_order_release); }} {}
    std::atomic<int> runs{0};
};

template <class Body>
void on_threads(int count, Body body) {
    std::vector<std::thread> all;
    for (int n = 0; n < count; ++n) all.emplace_back(body, n);
    for (auto& each : all) each.join();
}

blocking_options restless(unsigned threads) {
    blocking_options options;
    options.threads = threads;
    options.keep_alive = 50us; // about as long as a thread needs to fall asleep, so that all races happen
    return options;
}

} // namespace

TEST_CASE("every job runs once or is taken back, however threads come and go") {
    test::watchdog const watched{120};
    blocking_pool pool{restless(3)};
    std::atomic<std::uint64_t> ran{0}, withdrawn{0};
    std::uint64_t const rounds = test::scaled(20'000, 10);
    on_threads(3, [&](int who) {
        dice roll{static_cast<std::uint64_t>(who) + 1};
        for (std::uint64_t n = 0; n < rounds; ++n) {
            std::array<tally, 4> jobs;
            std::array<bool, 4> back{};
            for (auto& each : jobs)
                while (pool.offer(each)) std::this_thread::yield();
            for (std::size_t i = 0; i < jobs.size(); ++i) back[i] = roll(4) == 0 && pool.withdraw(jobs[i]);
            for (std::size_t i = 0; i < jobs.size(); ++i)
                while (!back[i] && jobs[i].runs.load(std::memory_order_acquire) == 0) std::this_thread::yield();
            for (std::size_t i = 0; i < jobs.size(); ++i) {
                if (back[i]) ++withdrawn;
                ran += static_cast<std::uint64_t>(jobs[i].runs.load());
            }
            if (roll(64) == 0) std::this_thread::sleep_for(std::chrono::microseconds{roll(120)}); // they expire
        }
    });
    CHECK(ran + withdrawn == 3 * 4 * rounds);
    CHECK(pool.counts().queued == 0);
}

TEST_CASE("P13: very many tiny jobs pass through, and all of them") {
    test::watchdog const watched{120};
    constexpr std::size_t batch = 1000;
    std::size_t const batches = test::scaled(10'000, 20);
    blocking_options options;
    options.threads = 2;
    blocking_pool pool{options};
    std::vector<tally> jobs(batch);
    for (std::size_t n = 0; n < batches; ++n) {
        for (auto& each : jobs)
            if (pool.offer(each)) FAIL("a job was refused");
        for (auto& each : jobs)
            while (each.runs.load(std::memory_order_acquire) <= static_cast<int>(n)) std::this_thread::yield();
    }
    int wrong = 0;
    for (auto& each : jobs) wrong += each.runs != static_cast<int>(batches);
    CHECK(wrong == 0);
    CHECK(pool.counts().started <= 2);
}

TEST_CASE("a wait has its value exactly when the call has happened, whenever it is stopped") {
    test::watchdog const watched{120};
    blocking_pool pool{restless(2)};
    std::size_t const rounds = test::scaled(6'000, 10);
    std::atomic<std::size_t> values{0}, stops{0}, wrong{0};
    on_threads(2, [&](int who) {
        dice roll{static_cast<std::uint64_t>(who) + 77};
        std::atomic<stop_source*> next{nullptr};
        std::atomic<bool> stopped{false}, over{false};
        std::thread stopper{[&] {
            dice mine{static_cast<std::uint64_t>(who) + 99};
            while (!over) {
                stop_source* const one = next.exchange(nullptr);
                if (!one) {
                    std::this_thread::yield();
                    continue;
                }
                for (auto spins = mine(2000); spins > 0; --spins) weir::pause();
                one->request_stop();
                stopped = true; // done with it
            }
        }};
        for (std::size_t n = 0; n < rounds; ++n) {
            stop_source stop;
            next.store(&stop);
            bool happened = false;
            auto const wait = [](blocking_pool& there, bool& sees, std::uint64_t spins) -> task<bool> {
                auto const got = co_await blocking(there, [](bool* of, std::uint64_t length) {
                    for (; length > 0; --length) weir::pause();
                    *of = true;
                }, &sees, spins);
                co_return got.has_value();
            };
            bool const value = sync_wait(wait(pool, happened, roll(500)), stop.token());
            (value ? values : stops) += 1;
            wrong += value != happened;
            if (!next.exchange(nullptr)) { // the stopper has it, which ends after it
                while (!stopped) std::this_thread::yield();
                stopped = false;
            }
        }
        over = true;
        stopper.join();
    });
    CHECK(wrong == 0);
    CHECK(values + stops == 2 * rounds);
    CHECK(stops > 0);
    CHECK(values > 0);
}

TEST_CASE("pools are shut down in the middle of offers, and every job that was taken has run") {
    test::watchdog const watched{120};
    std::size_t const rounds = test::scaled(400, 8);
    for (std::size_t n = 0; n < rounds; ++n) {
        std::array<std::array<tally, 20>, 2> jobs;
        std::array<std::array<bool, 20>, 2> taken{};
        auto pool = std::make_unique<blocking_pool>(restless(static_cast<unsigned>(1 + n % 3)));
        std::thread ends{[&] {
            for (std::size_t spins = n * 97 % 3000; spins > 0; --spins) weir::pause();
            pool->shutdown();
        }};
        on_threads(2, [&](int who) {
            auto const me = static_cast<std::size_t>(who);
            for (std::size_t i = 0; i < 20; ++i) taken[me][i] = !pool->offer(jobs[me][i]);
        });
        ends.join();
        pool.reset();
        for (std::size_t who = 0; who < 2; ++who)
            for (std::size_t i = 0; i < 20; ++i)
                if (jobs[who][i].runs != (taken[who][i] ? 1 : 0)) FAIL("taken and did not run, or the other way round");
    }
}

TEST_CASE("resources are made, used and ended at home, while threads and worker_locals come and go") {
    test::watchdog const watched{120};
    struct resource {
        explicit resource(std::atomic<int>* away, std::atomic<int>* alive) : away_{away}, alive_{alive} { ++*alive_; }
        resource(resource const&) = delete;
        resource& operator=(resource const&) = delete;
        ~resource() {
            use();
            --*alive_;
        }
        void use() {
            if (home_ != std::this_thread::get_id()) ++*away_;
            ++uses_; // plain: two users at a time are a race
        }
        std::thread::id const home_ = std::this_thread::get_id();
        std::atomic<int>* away_;
        std::atomic<int>* alive_;
        int uses_ = 0;
    };
    std::atomic<int> away{0}, alive{0};
    {
        blocking_pool pool{restless(3)};
        on_threads(3, [&](int who) {
            dice roll{static_cast<std::uint64_t>(who) + 5};
            std::size_t const rounds = test::scaled(150, 5);
            for (std::size_t n = 0; n < rounds; ++n) {
                worker_local_options options;
                options.pool = &pool;
                options.max_uses = 1 + roll(5);
                bool const bad = roll(3) == 0;
                worker_local<resource> locals{[&] { return resource{&away, &alive}; }, [bad](resource&) { return !bad; },
                                              options};
                for (auto uses = roll(12); uses > 0; --uses)
                    sync_wait([](worker_local<resource>& of) -> task<> {
                        static_cast<void>(co_await of.with([](resource& it) { it.use(); }));
                    }(locals));
                auto const seen = locals.counts();
                if (seen.destroyed > seen.made) ++away;
            }
        });
    }
    CHECK(alive == 0);
    CHECK(away == 0);
}
