// tests/unit/flow/coalescer_bounds.cpp: how much is kept, by number and by weight, and who goes.
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"
#include "unit/flow/told_time.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <memory>
#include <string>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

coalescer_options keeping() {
    coalescer_options options;
    options.time_to_live = 10s;
    options.jitter = 0;
    options.now = &told_time::now;
    return options;
}

struct by_length {
    std::size_t operator()(int, std::string const& text) const noexcept { return text.size(); }
};

} // namespace

TEST_CASE("no more entries are kept than the bound says, and none is freed under its handle", "[coalescer]") {
    told_time const time;
    for (std::size_t const bound : {1u, 5u, 100u, 3000u}) {
        auto options = keeping();
        options.max_entries = bound;
        coalescer<int, std::unique_ptr<int>> c{
            [](int const& key) -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(key); }, options};
        std::size_t most = 0;
        int wrong = 0;
        int const count = static_cast<int>(scaled(5000));
        for (int key = 0; key < count; ++key) {
            auto const got = sync_wait(c.get(key));
            wrong += ***got != key;
            most = std::max(most, c.figures().entries);
        }
        auto const figures = c.figures();
        CHECK(wrong == 0);
        CHECK(most <= bound);
        CHECK(figures.entries > std::min<std::size_t>(bound, static_cast<std::size_t>(count)) * 3 / 4);
        CHECK(figures.entries + figures.evictions == static_cast<std::size_t>(count));
        CHECK(figures.weight == figures.entries);
    }
}

TEST_CASE("who is asked for often stays, though many come and go", "[coalescer]") {
    told_time const time;
    auto options = keeping();
    options.max_entries = 1000;
    int loads = 0;
    coalescer<int, int> c{[&](int const& key) -> task<int> {
                              loads += key < 100;
                              co_return key;
                          },
                          options};
    for (int n = 0; n < 20'000; ++n) {
        static_cast<void>(sync_wait(c.get(n % 100)));
        static_cast<void>(sync_wait(c.get(1000 + n)));
    }
    CHECK(loads < 150);
    CHECK(c.figures().entries <= 1000);
}

TEST_CASE("weight is what the coalescer's Weight says, and what is too heavy is handed out but not kept", "[coalescer]") {
    told_time const time;
    auto options = keeping();
    options.max_weight = 1000;
    options.shards = 1;
    coalescer<int, std::string, std::hash<int>, equal_keys, by_length> c{
        [](int const& key) -> task<std::string> { co_return std::string(static_cast<std::size_t>(key), 'x'); }, options};
    for (int key = 1; key < 200; ++key) {
        CHECK((**sync_wait(c.get(key))).size() == static_cast<std::size_t>(key));
        CHECK(c.figures().weight <= 1000);
    }
    CHECK(c.figures().weight > 700);
    auto const before = c.figures();
    CHECK((**sync_wait(c.get(1001))).size() == 1001);
    CHECK(!c.peek(1001));
    CHECK(c.figures().weight == before.weight);
    CHECK(c.figures().evictions == before.evictions);
    c.clear();
    CHECK(c.figures().weight == 0);
}

TEST_CASE("a value that has grown too heavy does not leave its elder in its place", "[coalescer]") {
    told_time const time;
    auto options = keeping();
    options.max_weight = 10;
    options.shards = 1;
    std::size_t length = 5;
    coalescer<int, std::string, std::hash<int>, equal_keys, by_length> c{
        [&](int const&) -> task<std::string> { co_return std::string(length, 'x'); }, options};
    static_cast<void>(sync_wait(c.get(1)));
    CHECK(c.peek(1));
    length = 11;
    CHECK((**sync_wait(c.refresh(1))).size() == 11);
    CHECK(!c.peek(1));
    CHECK(c.figures().entries == 0);
    CHECK(c.figures().weight == 0);
}

TEST_CASE("entries and weight are counted right through refreshes, failures, invalidation and time", "[coalescer]") {
    told_time time;
    manual_executor loop;
    auto options = keeping();
    options.max_entries = 64;
    options.stale_if_error = 5s;
    bool fails = false;
    coalescer<int, int> c{[&](int const& key) -> task<result<int>> {
                              if (fails) co_return errc::too_long;
                              co_return key;
                          },
                          options};
    std::uint64_t random = 1;
    for (int n = 0; n < 20'000; ++n) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int const key = static_cast<int>(random >> 33) % 150;
        fails = (random >> 20) % 5 == 0;
        switch ((random >> 40) % 8) {
            case 0: c.invalidate(key); break;
            case 1: static_cast<void>(sync_wait(c.refresh(key))); break;
            case 2: time.pass(100ms); break;
            default: static_cast<void>(sync_wait(c.get(key)));
        }
        if (c.figures().entries > 64 || c.figures().weight != c.figures().entries) FAIL("the bound or the count is off");
    }
    CHECK(c.figures().evictions > 100);
    CHECK(c.figures().in_flight == 0);
    c.clear();
    CHECK(c.figures().entries == 0);
    CHECK(c.figures().weight == 0);
}
