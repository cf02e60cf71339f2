// tests/stress/streams.cpp: chunks and concurrent tasks between the workers of a runtime, with timeouts and early ends:
// what goes in comes out once, in the order that was promised, and nothing is left under way.
#include "support/scale.hpp"
#include "support/watchdog.hpp"

#include <weir/base/atomic.hpp>
#include <weir/channel/channel.hpp>
#include <weir/channel/chunks.hpp>
#include <weir/channel/for_each_concurrent.hpp>
#include <weir/channel/map_concurrent.hpp>
#include <weir/channel/read_ahead.hpp>
#include <weir/coro/async_generator.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

using parcel = std::unique_ptr<std::uint64_t>;
parcel parcel_of(std::uint64_t value) { return std::make_unique<std::uint64_t>(value); }

// Runs `body(scope&)` and everything that it has spawned, on two workers.
template <class Body>
void run(Body& body) {
    runtime_options options;
    options.workers = 2;
    runtime workers{options};
    workers.block_on([&]() -> task<> { co_await in_scope(body); });
}

// No time at all, too little, about enough, or plenty.
duration some_time(std::uint64_t random) {
    constexpr std::array times{duration{0}, duration{2us}, duration{30us}, duration{1h}};
    return times[random % times.size()];
}

// Gives way a different number of times for each value.
task<> dawdle(std::uint64_t value) {
    for (std::uint64_t n = value * 2654435761u % 4; n > 0; --n) co_await yield();
}

async_generator<parcel> parcels(std::uint64_t count) {
    for (std::uint64_t n = 0; n < count; ++n) {
        if (n % 3 == 0) {
            co_await yield();
        }
        co_yield parcel_of(n);
    }
}

task<> sends(channel<parcel>& to, std::uint64_t first, std::uint64_t count, atomic<int>& sending) {
    for (std::uint64_t n = 0; n < count; ++n) {
        static_cast<void>(co_await to.send(parcel_of(first + n)));
        co_await dawdle(n);
    }
    if (sending.fetch_sub(1, acq_rel) == 1) to.close();
}

} // namespace

TEST_CASE("results of two workers come in order, or each once, to one who waits with timeouts (T7)",
          "[stress][results]") {
    test::watchdog const dog{60};
    std::uint64_t const count = scaled(240'000);
    for (bool const ordered : {true, false}) {
        std::uint64_t taken = 0;
        std::uint64_t sum = 0;
        std::size_t out_of_order = 0;
        atomic<int> at_once{0};
        atomic<int> too_many{0};
        auto const passes = [&](parcel one, std::uint64_t added) -> task<parcel> {
            if (at_once.fetch_add(1, relaxed) >= 7) too_many.fetch_add(1, relaxed); // tallies
            co_await dawdle(*one);
            *one += added;
            at_once.fetch_sub(1, relaxed); // a tally
            co_return std::move(one);
        };
        auto body = [&](scope& children) -> task<> {
            auto from = ordered ? map_concurrent(children, parcels(count), 7, passes, std::uint64_t{5})
                                : unordered(children, parcels(count), 7, passes, std::uint64_t{5});
            std::minstd_rand random{1};
            for (;;) {
                auto const got = co_await timeout(from.recv(), some_time(random()));
                if (!got && got.error() == errc::closed) break;
                if (!got) continue;
                out_of_order += **got != taken + 5;
                sum += **got;
                ++taken;
            }
        };
        run(body);
        CHECK(taken == count);
        CHECK(sum == count * (count - 1) / 2 + 5 * count);
        CHECK(too_many.load(relaxed) == 0);
        if (ordered) CHECK(out_of_order == 0);
    }
}

TEST_CASE("results that are dropped or closed at any moment leave no task, and no element that is lost (T1)",
          "[stress][results]") {
    test::watchdog const dog{60};
    std::size_t const rounds = scaled(40'000);
    std::size_t wrong = 0;
    auto const passes = [](parcel one, atomic<std::size_t>& begun, atomic<std::size_t>& ended,
                           std::shared_ptr<int> const&) -> task<parcel> {
        begun.fetch_add(1, relaxed); // tallies, looked at when the scope has joined
        co_await dawdle(*one);
        ended.fetch_add(1, relaxed);
        if (*one % 13 == 12) throw std::runtime_error("thirteen");
        co_return std::move(one);
    };
    auto const round = [&](scope& children, std::size_t n, channel<parcel>* jobs, atomic<std::size_t>* begun,
                           atomic<std::size_t>* ended) -> task<> {
        auto const held = std::make_shared<int>(0);
        auto from =
            n % 2 ? unordered(children, *jobs, 1 + n % 5, passes, std::ref(*begun), std::ref(*ended), held)
                  : map_concurrent(children, *jobs, 1 + n % 5, passes, std::ref(*begun), std::ref(*ended), held);
        bool thrown = false;
        try {
            for (std::size_t taken = 0; taken < n % 11; ++taken) {
                auto const got = co_await timeout(from.recv(), some_time(n + taken));
                if (!got && got.error() == errc::closed) break;
            }
        } catch (std::runtime_error const&) {
            thrown = true;
        }
        if (n % 3 == 0) {
            co_await from.close();
            if (begun->load(relaxed) != ended->load(relaxed)) ++wrong; // joined
            if (held.use_count() != 1) ++wrong; // and what the tasks were given has ended
        }
        if (thrown && begun->load(relaxed) != ended->load(relaxed)) ++wrong; // the same
    };
    auto body = [&](scope&) -> task<> {
        for (std::size_t n = 0; n < rounds; ++n) {
            channel<parcel> jobs{16};
            for (std::uint64_t value = 0; value < 16; ++value) static_cast<void>(jobs.try_send(parcel_of(value + n % 7)));
            if (n % 4) jobs.close();
            atomic<std::size_t> begun{0};
            atomic<std::size_t> ended{0};
            co_await in_scope(round, n, &jobs, &begun, &ended);
            if (begun.load(relaxed) != ended.load(relaxed)) ++wrong; // joined
            if (begun.load(relaxed) + jobs.size() != 16) ++wrong;
        }
    };
    run(body);
    CHECK(wrong == 0);
}

TEST_CASE("chunks by number, weight and time of what two workers send, with timeouts: each element comes once (T7)",
          "[stress][chunks]") {
    test::watchdog const dog{60};
    std::uint64_t const count = scaled(300'000);
    for (int kind = 0; kind < 3; ++kind) {
        channel<parcel> jobs{8};
        atomic<int> sending{2};
        std::uint64_t taken = 0;
        std::uint64_t sum = 0;
        std::size_t wrong = 0;
        auto const collect = [&](auto& some) -> task<> {
            std::minstd_rand random{1};
            for (;;) {
                auto const got = co_await timeout(some.recv(), some_time(random()));
                if (!got && got.error() == errc::closed) break;
                if (!got) continue;
                wrong += got->empty() || got->size() > 6;
                std::uint64_t weight = 0;
                for (auto const& each : *got) {
                    ++taken;
                    sum += *each;
                    weight += *each % 8;
                }
                wrong += kind == 1 && got->size() > 1 && weight > 20;
            }
        };
        auto body = [&](scope& children) -> task<> {
            children.spawn(sends, std::ref(jobs), std::uint64_t{0}, count / 2, std::ref(sending));
            children.spawn(sends, std::ref(jobs), count / 2, count / 2, std::ref(sending));
            auto const weighs = [](parcel const& one) noexcept { return static_cast<std::size_t>(*one % 8); };
            if (kind == 0) {
                auto some = chunks{jobs, 6, 20us};
                co_await collect(some);
            } else if (kind == 1) {
                auto some = chunks{jobs, 6, weight_limit{20, weighs}, 20us};
                co_await collect(some);
            } else {
                auto some = ready_chunks(read_ahead(children, jobs, 5), 6);
                co_await collect(some);
            }
        };
        run(body);
        CHECK(wrong == 0);
        CHECK(taken == count);
        CHECK(sum == count * (count - 1) / 2);
    }
}

TEST_CASE("tasks for each element under timeouts: what was read had its task, and all have ended (T1, T7)",
          "[stress][for_each_concurrent]") {
    test::watchdog const dog{60};
    std::uint64_t const count = scaled(300'000);
    channel<parcel> jobs{8};
    atomic<int> sending{2};
    atomic<std::uint64_t> begun{0};
    atomic<std::uint64_t> sum{0};
    atomic<int> under_way{0};
    std::size_t wrong = 0;
    auto const adds = [&](parcel one) -> task<> {
        under_way.fetch_add(1, relaxed); // tallies, looked at when all are joined
        begun.fetch_add(1, relaxed);
        co_await dawdle(*one);
        sum.fetch_add(*one, relaxed);
        under_way.fetch_sub(1, relaxed);
        if (*one % 101 == 100) throw std::runtime_error("hundred");
    };
    auto body = [&](scope& children) -> task<> {
        children.spawn(sends, std::ref(jobs), std::uint64_t{0}, count / 2, std::ref(sending));
        children.spawn(sends, std::ref(jobs), count / 2, count / 2, std::ref(sending));
        std::minstd_rand random{1};
        for (bool goes_on = true; goes_on;) {
            try {
                auto const end = co_await timeout(for_each_concurrent(jobs, 4, adds), some_time(random()));
                goes_on = !end && end.error() != errc::closed;
            } catch (std::runtime_error const&) {
            }
            wrong += under_way.load(relaxed) != 0; // joined
        }
    };
    run(body);
    CHECK(wrong == 0);
    CHECK(begun.load(relaxed) == count);
    CHECK(sum.load(relaxed) == count * (count - 1) / 2);
}
