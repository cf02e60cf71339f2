// tests/unit/timer/wheel.cpp: never early, late by a tick at most, whatever is inserted, cancelled and jumped over.
#include "support/scale.hpp"

#include <weir/timer/wheel.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <random>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using std::chrono::nanoseconds;

namespace {

constexpr nanoseconds tick{1 << 16};

// Notes when it fired.
class alarm_clock : public timer {
public:
    alarm_clock() noexcept : timer{&decide, &ring} {}
    bool willing = true;
    int claims = 0;
    int rings = 0;
    std::vector<alarm_clock*>* order = nullptr;

private:
    static bool decide(timer& self) noexcept {
        auto& mine = static_cast<alarm_clock&>(self);
        ++mine.claims;
        return mine.willing;
    }
    static void ring(timer& self) noexcept {
        auto& mine = static_cast<alarm_clock&>(self);
        ++mine.rings;
        if (mine.order) mine.order->push_back(&mine);
    }
};

constexpr time_point begin{nanoseconds{1'000'000'000'000}};

} // namespace

TEST_CASE("an empty wheel has no next time, and advances over it") {
    timer_wheel wheel{begin};
    CHECK(wheel.next() == no_deadline);
    CHECK(wheel.advance(begin + std::chrono::hours{1}) == 0);
    CHECK(wheel.size() == 0);
}

TEST_CASE("a timer fires once, not before its time and at most a tick after") {
    for (std::int64_t const length : {1L, 65'535L, 65'536L, 65'537L, 1'000'000L, 4'194'304L, 4'194'305L}) {
        timer_wheel wheel{begin};
        alarm_clock one;
        time_point const at = begin + nanoseconds{length};
        wheel.insert(one, at);
        wheel.advance(at - nanoseconds{1});
        CHECK(one.rings == 0);
        CHECK(wheel.next() <= at + tick);
        wheel.advance(at + tick);
        CHECK(one.rings == 1);
        wheel.advance(at + 2 * tick);
        CHECK(one.rings == 1);
        CHECK(wheel.size() == 0);
    }
}

TEST_CASE("a time that is over fires at the next advance, even one that does not move") {
    timer_wheel wheel{begin};
    wheel.advance(begin + 100 * tick);
    alarm_clock past, before_the_wheel, earliest;
    wheel.insert(past, begin + 50 * tick);
    wheel.insert(before_the_wheel, begin - std::chrono::hours{1});
    wheel.insert(earliest, time_point{});
    CHECK(wheel.next() <= begin + 100 * tick);
    CHECK(wheel.advance(begin + 100 * tick) == 3);
    CHECK(past.rings + before_the_wheel.rings + earliest.rings == 3);
}

TEST_CASE("timers cross every level boundary on time") {
    for (unsigned level = 0; level < 8; ++level)
        for (int const offset : {-1, 0, 1})
            for (std::uint64_t const start : {std::uint64_t{0}, std::uint64_t{63}, (std::uint64_t{1} << (6 * level)) - 1}) {
                std::uint64_t const length = (std::uint64_t{1} << (6 * level)) + static_cast<std::uint64_t>(offset);
                if (level > 7 || length + start >= (std::uint64_t{1} << 46)) continue;
                timer_wheel wheel{begin};
                wheel.advance(begin + static_cast<std::int64_t>(start) * tick);
                alarm_clock one;
                time_point const at = begin + static_cast<std::int64_t>(start + length) * tick;
                wheel.insert(one, at);
                // From one suggested time to the next, as a driver goes.
                int steps = 0;
                while (one.rings == 0 && steps < 100) {
                    time_point const next = wheel.next();
                    REQUIRE(next <= at);
                    wheel.advance(next);
                    ++steps;
                }
                CHECK(one.rings == 1);
                CHECK(steps <= 9); // one a level
            }
}

TEST_CASE("a jump over everything fires everything, in order of tick, and of insertion within one") {
    timer_wheel wheel{begin};
    std::vector<alarm_clock*> order;
    std::deque<alarm_clock> all(2000);
    std::multimap<std::int64_t, alarm_clock*> expected;
    std::mt19937_64 random{7};
    for (alarm_clock& one : all) {
        one.order = &order;
        auto const at = static_cast<std::int64_t>(random() >> (20 + random() % 40)) % (std::int64_t{1} << 44);
        std::int64_t const rounded = (at + tick.count() - 1) / tick.count();
        wheel.insert(one, begin + nanoseconds{at});
        expected.emplace(rounded, &one);
    }
    CHECK(wheel.advance(begin + nanoseconds{std::int64_t{1} << 45}) == all.size());
    std::vector<alarm_clock*> sorted;
    for (auto const& [at, one] : expected) sorted.push_back(one);
    CHECK(order == sorted);
}

TEST_CASE("cancel works at every level, before, and not after; twice is once") {
    timer_wheel wheel{begin};
    for (unsigned level = 0; level < 8; ++level) {
        alarm_clock one, never_added;
        CHECK(!wheel.cancel(never_added));
        wheel.insert(one, begin + static_cast<std::int64_t>(std::uint64_t{1} << (5 * level)) * tick);
        CHECK(wheel.size() == 1);
        CHECK(wheel.cancel(one));
        CHECK(!wheel.cancel(one));
        CHECK(wheel.size() == 0);
        CHECK(wheel.next() == no_deadline);
    }
    alarm_clock fired;
    wheel.insert(fired, begin);
    wheel.advance(begin);
    CHECK(fired.rings == 1);
    CHECK(!wheel.cancel(fired));
}

TEST_CASE("a cancelled timer may be inserted again, and one that fired too") {
    timer_wheel wheel{begin};
    alarm_clock one;
    wheel.insert(one, begin + 5 * tick);
    CHECK(wheel.cancel(one));
    wheel.insert(one, begin + 9 * tick);
    wheel.advance(begin + 8 * tick);
    CHECK(one.rings == 0);
    wheel.advance(begin + 9 * tick);
    CHECK(one.rings == 1);
    wheel.insert(one, begin + 10 * tick);
    wheel.advance(begin + 10 * tick);
    CHECK(one.rings == 2);
}

TEST_CASE("a timer that declines its claim is out of the wheel and does not fire") {
    timer_wheel wheel{begin};
    alarm_clock one;
    one.willing = false;
    wheel.insert(one, begin + tick);
    CHECK(wheel.advance(begin + tick) == 1);
    CHECK(one.claims == 1);
    CHECK(one.rings == 0);
    CHECK(!wheel.cancel(one));
}

TEST_CASE("insert_if links only what publish agreed to") {
    timer_wheel wheel{begin};
    alarm_clock one;
    CHECK(!wheel.insert_if(one, begin + tick, [] { return false; }));
    CHECK(wheel.size() == 0);
    CHECK(wheel.insert_if(one, begin + tick, [] { return true; }));
    CHECK(wheel.cancel(one));
}

TEST_CASE("the end of time never comes, and next says so, wherever the wheel began") {
    for (time_point const origin : {time_point{}, time_point{nanoseconds{1}}, begin, time_point{nanoseconds{65'536}}}) {
        timer_wheel wheel{origin};
        alarm_clock one;
        wheel.insert(one, no_deadline);
        CHECK(wheel.next() > origin + std::chrono::hours{24 * 365});
        CHECK(wheel.advance(origin + std::chrono::hours{24 * 365}) == 0);
        CHECK(wheel.next() > origin + std::chrono::hours{24 * 365});
        CHECK(one.rings == 0);
        CHECK(wheel.cancel(one));
    }
}

TEST_CASE("a step almost to the end of time is survived") {
    timer_wheel wheel{begin};
    alarm_clock early, late;
    wheel.insert(early, begin + 3 * tick);
    wheel.insert(late, no_deadline - nanoseconds{1});
    wheel.advance(no_deadline - std::chrono::hours{1});
    CHECK(early.rings == 1);
    CHECK(late.rings == 0);
    CHECK(wheel.next() > no_deadline - std::chrono::hours{2});
    wheel.cancel(late);
}

TEST_CASE("a clock that steps back fires nothing early and forgets nothing") {
    timer_wheel wheel{begin};
    wheel.advance(begin + 100 * tick);
    alarm_clock one;
    wheel.insert(one, begin + 110 * tick);
    CHECK(wheel.advance(begin + 10 * tick) == 0);
    CHECK(one.rings == 0);
    CHECK(wheel.advance(begin + 110 * tick) == 1);
}

TEST_CASE("a million random timers behave as an ordered map does") {
    std::size_t const count = scaled(1'000'000);
    std::size_t const at_once = 1000;
    std::mt19937_64 random{42};
    timer_wheel wheel{begin};
    std::deque<alarm_clock> clocks(at_once);
    struct entry {
        bool pending = false;
        time_point at;
    };
    std::vector<entry> entries(at_once);
    std::multimap<time_point, std::size_t> reference;
    std::vector<alarm_clock*> order;
    for (auto& one : clocks) one.order = &order;
    std::map<alarm_clock*, std::size_t> index;
    for (std::size_t n = 0; n < at_once; ++n) index[&clocks[n]] = n;

    time_point now = begin;
    std::size_t inserted = 0, fired = 0, cancelled = 0;
    std::size_t early = 0, late = 0, strange = 0;
    auto const forget = [&](std::size_t n) {
        auto [from, to] = reference.equal_range(entries[n].at);
        for (; from != to; ++from)
            if (from->second == n) {
                reference.erase(from);
                break;
            }
        entries[n].pending = false;
    };
    while (inserted < count) {
        for (int k = 0; k < 20; ++k) {
            std::size_t const n = random() % at_once;
            if (entries[n].pending) {
                if (random() % 3 != 0) continue;
                if (!wheel.cancel(clocks[n])) ++strange;
                forget(n);
                ++cancelled;
                continue;
            }
            // Lengths of every magnitude, from the past to days.
            auto const length = static_cast<std::int64_t>(random() >> (16 + random() % 46)) - 1000;
            entries[n] = {true, now + nanoseconds{length}};
            wheel.insert(clocks[n], entries[n].at);
            reference.emplace(entries[n].at, n);
            ++inserted;
        }
        if (wheel.size() != reference.size()) ++strange;
        if (!reference.empty() && wheel.next() > std::max(now, reference.begin()->first + tick)) ++strange;
        // Small steps, the suggested step, and now and then a jump.
        switch (random() % 4) {
            case 0: now += nanoseconds{static_cast<std::int64_t>(random() % 100'000)}; break;
            case 1: now += nanoseconds{static_cast<std::int64_t>(random() >> (24 + random() % 30))}; break;
            default: now = std::max(now, std::min(wheel.next(), now + std::chrono::hours{1})); break;
        }
        order.clear();
        wheel.advance(now);
        for (alarm_clock* const one : order) {
            std::size_t const n = index[one];
            if (!entries[n].pending) ++strange;
            if (entries[n].at > now) ++early;
            forget(n);
            ++fired;
        }
        if (!reference.empty() && reference.begin()->first + tick <= now) ++late;
    }
    for (std::size_t n = 0; n < at_once; ++n) wheel.cancel(clocks[n]);
    CHECK(early == 0);
    CHECK(late == 0);
    CHECK(strange == 0);
    CHECK(fired + cancelled > count / 2);
    CHECK(wheel.size() == 0);
}

TEST_CASE("another thread inserts and cancels while the owner advances") {
    std::size_t const turns = scaled(400'000);
    timer_wheel wheel{begin};
    atomic<bool> ends{false};
    std::size_t cancelled = 0;
    std::deque<alarm_clock> clocks(64);
    std::thread other{[&] {
        std::mt19937_64 random{3};
        std::vector<bool> in(clocks.size());
        for (std::size_t n = 0; n < turns; ++n) {
            std::size_t const at = n % clocks.size();
            if (in[at]) cancelled += wheel.cancel(clocks[at]);
            wheel.insert(clocks[at], begin + static_cast<std::int64_t>(random() % 5000) * tick);
            in[at] = true;
        }
        for (auto& one : clocks) cancelled += wheel.cancel(one);
        ends.store(true, release);
    }};
    time_point now = begin;
    while (!ends.load(acquire)) {
        now += tick;
        wheel.advance(now);
    }
    other.join();
    std::size_t rings = 0;
    for (auto const& one : clocks) rings += static_cast<std::size_t>(one.rings);
    CHECK(rings + cancelled == turns);
    CHECK(wheel.size() == 0);
}
