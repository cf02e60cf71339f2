// tests/stress/channel.cpp: the channels between the workers of a runtime, with timeouts that meet sends and receives:
// what went in comes out once. Values are allocated, so that the address sanitizer sees one that is lost or doubled.
#include "support/scale.hpp"
#include "support/watchdog.hpp"

#include <weir/channel.hpp>
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
#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

// The queue of the unbounded channel orders by fences, which the thread sanitizer does not see.
extern "C" char const* __tsan_default_suppressions() { return "race:moodycamel::\n"; }

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

using parcel = std::unique_ptr<std::uint64_t>;

// What went in and what came out, by number and by sum.
class ledger {
public:
    void add(std::uint64_t value) noexcept {
        count_.fetch_add(1, relaxed); // a tally, looked at when all is over
        sum_.fetch_add(value, relaxed);
    }
    std::uint64_t count() const noexcept { return count_.load(relaxed); }
    bool operator==(ledger const& other) const noexcept {
        return count() == other.count() && sum_.load(relaxed) == other.sum_.load(relaxed);
    }

private:
    atomic<std::uint64_t> count_{0};
    atomic<std::uint64_t> sum_{0};
};

class crew_of_three {
public:
    crew_of_three() { options_.workers = 3; }
    // Runs `body(scope&)` and everything that it has spawned.
    template <class Body>
    void run(Body& body) {
        runtime workers{options_};
        workers.block_on([&]() -> task<> { co_await in_scope(body); });
    }

private:
    runtime_options options_;
};

// No time at all, too little, about enough, or plenty.
duration some_time(std::minstd_rand& random) {
    constexpr std::array times{duration{0}, duration{2us}, duration{30us}, duration{1h}};
    return times[random() % times.size()];
}

} // namespace

TEST_CASE("four send and three receive through a small channel, with timeouts, places and batches (T7)",
          "[stress][channel]") {
    test::watchdog const dog{60};
    std::size_t const turns = scaled(100'000);
    for (std::size_t const capacity : {std::size_t{1}, std::size_t{5}}) {
        channel<parcel> values{capacity};
        ledger in;
        ledger out;
        atomic<int> sending{4};
        auto const sends = [&](std::uint64_t seed) -> task<> {
            std::minstd_rand random{static_cast<std::uint32_t>(seed)};
            for (std::size_t n = 0; n < turns; ++n) {
                std::uint64_t const value = seed * turns + n;
                if (random() % 4 == 0) {
                    auto got = co_await timeout(values.reserve(), some_time(random));
                    if (!got || random() % 4 == 0) continue;
                    in.add(value);
                    got->send(std::make_unique<std::uint64_t>(value));
                } else if (random() % 4 == 0) {
                    auto own = std::make_unique<std::uint64_t>(value);
                    if (values.try_send(std::move(own))) in.add(value);
                } else {
                    auto own = std::make_unique<std::uint64_t>(value);
                    auto const sent = co_await timeout(values.send(std::move(own)), some_time(random));
                    if (sent) in.add(value);
                }
            }
            if (sending.fetch_sub(1, acq_rel) == 1) values.close();
        };
        auto const receives = [&](std::uint64_t seed) -> task<> {
            std::minstd_rand random{static_cast<std::uint32_t>(seed)};
            std::array<parcel, 3> some;
            for (;;) {
                if (random() % 2) {
                    auto const got = co_await timeout(values.recv(), some_time(random));
                    if (got) out.add(**got);
                    else if (got.error() == errc::closed) co_return;
                } else {
                    auto const got = co_await timeout(values.recv_many(some), some_time(random));
                    if (!got && got.error() == errc::closed) co_return;
                    for (std::size_t n = 0; got && n < *got; ++n) out.add(*some[n]);
                }
                if (random() % 64 == 0) co_await yield();
            }
        };
        auto body = [&](scope& children) -> task<> {
            for (std::uint64_t n = 1; n <= 4; ++n) children.spawn(sends, n);
            for (std::uint64_t n = 5; n <= 7; ++n) children.spawn(receives, n);
            co_return;
        };
        crew_of_three{}.run(body);
        CHECK(in == out);
        CHECK(out.count() > turns / 2);
        CHECK(values.size() == 0);
    }
}

TEST_CASE("four send and three receive without a bound, with timeouts and batches (T7)", "[stress][unbounded_channel]") {
    test::watchdog const dog{60};
    std::size_t const turns = scaled(200'000);
    unbounded_channel<parcel> values;
    ledger in;
    ledger out;
    atomic<int> sending{4};
    auto const sends = [&](std::uint64_t seed) -> task<> {
        std::minstd_rand random{static_cast<std::uint32_t>(seed)};
        unbounded_channel<parcel>::sender lane{values};
        for (std::size_t n = 0; n < turns; ++n) {
            std::uint64_t const value = seed * turns + n;
            auto own = std::make_unique<std::uint64_t>(value);
            bool const sent = random() % 2 ? lane.send(std::move(own)) : values.send(std::move(own));
            if (sent) in.add(value);
            if (random() % 16 == 0) co_await yield();
        }
        if (sending.fetch_sub(1, acq_rel) == 1) values.close();
    };
    auto const receives = [&](std::uint64_t seed) -> task<> {
        std::minstd_rand random{static_cast<std::uint32_t>(seed)};
        std::array<parcel, 3> some;
        for (;;) {
            if (random() % 8 == 0) {
                if (auto const got = values.try_recv()) out.add(**got);
            } else if (random() % 2) {
                auto const got = co_await timeout(values.recv(), some_time(random));
                if (got) out.add(**got);
                else if (got.error() == errc::closed) co_return;
            } else {
                auto const got = co_await timeout(values.recv_many(some), some_time(random));
                if (!got && got.error() == errc::closed) co_return;
                for (std::size_t n = 0; got && n < *got; ++n) out.add(*some[n]);
            }
        }
    };
    auto body = [&](scope& children) -> task<> {
        for (std::uint64_t n = 1; n <= 4; ++n) children.spawn(sends, n);
        for (std::uint64_t n = 5; n <= 7; ++n) children.spawn(receives, n);
        co_return;
    };
    crew_of_three{}.run(body);
    CHECK(in == out);
    CHECK(in.count() == 4 * turns);
    CHECK(values.size() == 0);
}

TEST_CASE("a oneshot whose halves leave in the same instant: the value is had by one side (T7)", "[stress][oneshot]") {
    test::watchdog const dog{60};
    std::size_t const turns = scaled(30'000);
    std::size_t received = 0;
    std::size_t wrong = 0;
    atomic<std::size_t> sent{0};
    atomic<std::size_t> kept{0};
    auto const sends = [&](oneshot_sender<parcel> to, std::size_t n) -> task<> {
        if (n % 7 == 0) co_return;
        if (n % 5 == 0) static_cast<void>(co_await timeout(to.closed(), duration{2us}));
        auto own = std::make_unique<std::uint64_t>(n);
        bool const went = to.send(std::move(own));
        (went ? sent : kept).fetch_add(1, relaxed); // a tally
        if (went == (own != nullptr)) std::abort();
    };
    auto body = [&](scope& children) -> task<> {
        std::minstd_rand random{1};
        for (std::size_t n = 0; n < turns; ++n) {
            auto halves = oneshot<parcel>();
            auto receiver = std::move(halves.second);
            children.spawn(sends, std::move(halves.first), n);
            auto const got = co_await timeout(receiver.recv(), some_time(random));
            if (got) {
                ++received;
                wrong += **got != n;
            } else {
                wrong += got.error() == errc::closed && n % 7 != 0;
                if (n % 2) receiver.close();
                if (auto late = receiver.try_recv()) wrong += **late != n;
            }
        }
    };
    crew_of_three{}.run(body);
    CHECK(wrong == 0);
    CHECK(received > 0);
    CHECK(received <= sent.load(relaxed));
    CHECK(sent.load(relaxed) + kept.load(relaxed) == turns - (turns + 6) / 7);
}

TEST_CASE("listeners of several speeds: what each saw and what it missed add up to what was sent",
          "[stress][broadcast]") {
    test::watchdog const dog{60};
    std::uint64_t const turns = scaled(200'000);
    broadcast<std::shared_ptr<std::uint64_t const>> news{16};
    std::array<std::uint64_t, 3> seen{};
    std::array<std::uint64_t, 3> missed{};
    atomic<std::size_t> wrong{0};
    atomic<unsigned> listening{0};
    auto const listens = [&](std::size_t which) -> task<> {
        std::minstd_rand random{static_cast<std::uint32_t>(which + 1)};
        auto from = news.subscribe();
        listening.fetch_add(1, release); // [listening]
        std::uint64_t next = 0;
        for (;;) {
            auto const got = co_await timeout(from.recv(), some_time(random));
            if (got) {
                if (**got != next++) wrong.fetch_add(1, relaxed); // a tally
                ++seen[which];
            } else if (got.error() == errc::overloaded) {
                next = seen[which] + from.missed();
            } else if (got.error() == errc::closed) {
                break;
            }
            if (random() % (8 + which * 40) == 0) co_await yield();
        }
        missed[which] = from.missed();
    };
    auto const sends = [&]() -> task<> {
        while (listening.load(acquire) < 3) co_await yield(); // [listening]
        for (std::uint64_t n = 0; n < turns; ++n) {
            news.send(std::make_shared<std::uint64_t const>(n));
            if (n % 4 == 0) co_await yield();
        }
        news.close();
    };
    auto body = [&](scope& children) -> task<> {
        for (std::size_t n = 0; n < 3; ++n) children.spawn(listens, n);
        children.spawn(sends);
        co_return;
    };
    crew_of_three{}.run(body);
    CHECK(wrong.load(relaxed) == 0);
    for (std::size_t n = 0; n < 3; ++n) CHECK(seen[n] + missed[n] == turns);
}

TEST_CASE("watchers see values that only go up, and the last one before the close (A2)", "[stress][watch]") {
    test::watchdog const dog{60};
    std::uint64_t const turns = scaled(200'000);
    watch<std::uint64_t> config{0};
    atomic<std::size_t> wrong{0};
    std::array<std::uint64_t, 3> last{};
    auto const follows = [&](std::size_t which) -> task<> {
        std::minstd_rand random{static_cast<std::uint32_t>(which + 1)};
        auto from = config.subscribe();
        last[which] = *from.borrow();
        for (;;) {
            auto const changed = co_await timeout(from.changed(), some_time(random));
            if (!changed && changed.error() == errc::closed) break;
            if (!changed) continue;
            auto const now = *from.borrow();
            if (now < last[which]) wrong.fetch_add(1, relaxed); // a tally
            last[which] = now;
        }
    };
    auto const sends = [&]() -> task<> {
        for (std::uint64_t n = 1; n <= turns; ++n) {
            config.send(n);
            if (n % 4 == 0) co_await yield();
        }
        config.close();
    };
    auto body = [&](scope& children) -> task<> {
        for (std::size_t n = 0; n < 3; ++n) children.spawn(follows, n);
        children.spawn(sends);
        co_return;
    };
    crew_of_three{}.run(body);
    CHECK(wrong.load(relaxed) == 0);
    CHECK(last == std::array{turns, turns, turns});
}
