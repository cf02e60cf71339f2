// tests/gateway/search_collection.cpp: what is written is found, whole, at any time, and takes no more than it may.
#include "support/watchdog.hpp"

#include <gateway/search/collection.hpp>
#include <weir/base/atomic.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/runtime/runtime.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <functional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using gateway::written;

gateway::point make_point(std::string id, std::vector<float> vector, std::string json = {}) {
    gateway::point made;
    made.id = std::move(id);
    made.vector = std::move(vector);
    if (!json.empty()) made.about = std::make_shared<gateway::payload const>(std::move(json), std::vector<std::string>{});
    return made;
}

// A direction of its own for each number, among so many dimensions.
std::vector<float> direction(std::size_t n, std::size_t dimensions) {
    std::vector<float> made(dimensions, 0.01F);
    made[n % dimensions] = 1.0F + static_cast<float>(n / dimensions);
    return made;
}

// A collection on two workers, whose calls stop the thread.
class held {
public:
    explicit held(std::size_t dimensions, gateway::search_options options = {})
        : room{options.most_bytes}, all{dimensions, options, room, runs_.get_executor(), batch_sizes} {}
    ~held() {
        runs_.block_on([](gateway::collection* of) { return of->close(); }, &all);
        CHECK(room.taken() == 0);
    }

    written upsert(std::vector<gateway::point> points) {
        return runs_.block_on([](gateway::collection* of, std::vector<gateway::point> given) {
            return of->upsert(std::move(given));
        }, &all, std::move(points));
    }
    std::size_t remove(std::vector<std::string> ids) {
        return runs_.block_on([](gateway::collection* of, std::vector<std::string> given) {
            return of->remove(std::move(given));
        }, &all, std::move(ids)).value();
    }
    gateway::hits search(std::vector<float> vector, std::size_t most = 10) {
        gateway::query asked;
        asked.vector = std::move(vector);
        asked.most = most;
        return runs_.block_on([](gateway::collection* of, gateway::query given) { return of->search(std::move(given)); },
                              &all, std::move(asked)).value();
    }
    weir::runtime& runtime() noexcept { return runs_; }

private:
    static weir::runtime_options two_workers() {
        weir::runtime_options options;
        options.workers = 2;
        return options;
    }
    weir::test::watchdog const watched_{100};
    weir::runtime runs_{two_workers()};

public:
    weir::histogram batch_sizes;
    gateway::space room;
    gateway::collection all;
};

std::vector<gateway::point> numbered(std::size_t first, std::size_t count, std::size_t dimensions) {
    std::vector<gateway::point> points;
    for (std::size_t n = first; n < first + count; ++n)
        points.push_back(make_point("p" + std::to_string(n), direction(n, dimensions)));
    return points;
}

} // namespace

TEST_CASE("a point is found until it is replaced or removed") {
    held one{2};
    std::vector<gateway::point> points;
    points.push_back(make_point("east", {2.0F, 0.0F}, R"({"is":"east"})"));
    points.push_back(make_point("north", {0.0F, 3.0F}));
    REQUIRE(one.upsert(std::move(points)) == written::done);
    auto found = one.search({5.0F, 0.0F});
    REQUIRE(found.size() == 2);
    CHECK(found[0].id == "east");
    CHECK(found[0].score == 1.0);
    CHECK(found[0].about->json() == R"({"is":"east"})");
    CHECK(found[1].id == "north");
    CHECK(found[1].score == 0.0);
    CHECK(found[1].about == nullptr);

    points.clear();
    points.push_back(make_point("east", {-1.0F, 0.0F}));
    REQUIRE(one.upsert(std::move(points)) == written::done);
    found = one.search({5.0F, 0.0F});
    REQUIRE(found.size() == 2);
    CHECK(found[1].id == "east");
    CHECK(found[1].score == -1.0);
    CHECK(found[1].about == nullptr);
    CHECK(one.all.points() == 2);

    CHECK(one.remove({"east", "south"}) == 1);
    CHECK(one.search({5.0F, 0.0F}).size() == 1);
    CHECK(one.remove({"east"}) == 0);
    CHECK(one.all.points() == 1);
}

TEST_CASE("a collection that is full refuses what is new and takes what replaces") {
    gateway::search_options options;
    options.most_points = 10;
    held one{4, options};
    REQUIRE(one.upsert(numbered(0, 8, 4)) == written::done);
    CHECK(one.upsert(numbered(7, 4, 4)) == written::too_many_points);
    CHECK(one.all.points() == 8);
    CHECK(one.search(direction(0, 4), 100).size() == 8);
    CHECK(one.upsert(numbered(0, 10, 4)) == written::done);
    CHECK(one.upsert(numbered(0, 10, 4)) == written::done);
    CHECK(one.search(direction(0, 4), 100).size() == 10);
}

TEST_CASE("a write for which there is no space changes nothing, and later ones may fit") {
    gateway::search_options options;
    options.most_bytes = 600 * 1024; // one block, and some text
    held one{8, options};
    REQUIRE(one.upsert(numbered(0, 20, 8)) == written::done);
    auto large = numbered(10, 20, 8); // replaces ten, adds ten
    std::string const too_long(2'000'000, 'x');
    large.back().about = std::make_shared<gateway::payload const>(too_long, std::vector<std::string>{});
    CHECK(one.upsert(std::move(large)) == written::no_space);
    CHECK(one.all.points() == 20);
    auto const found = one.search(direction(3, 8), 100);
    CHECK(found.size() == 20);
    CHECK(one.room.taken() <= options.most_bytes);
    CHECK(one.upsert(numbered(10, 20, 8)) == written::done);
    CHECK(one.all.points() == 30);
    CHECK(one.search(direction(3, 8), 100).size() == 30);
}

TEST_CASE("points that are replaced again and again take no more and more memory") {
    held one{1024}; // 64 rows a block
    for (std::size_t n = 0; n < 200; ++n) REQUIRE(one.upsert(numbered(0, 50, 1024)) == written::done);
    CHECK(one.all.points() == 50);
    CHECK(one.search(direction(0, 1024), 100).size() == 50);
    auto const a_block = gateway::block::vector_bytes + 64 * 128;
    CHECK(one.all.bytes() <= 5 * a_block); // 2 * 50 rows and a block more, and what one write adds to that
    CHECK(one.remove({"p0", "p1"}) == 2);
    CHECK(one.search(direction(0, 1024), 100).size() == 48);
}

TEST_CASE("whoever searches while points are replaced finds each of them once, all from one write") {
    std::size_t const dimensions = 1024, points = 50, rounds = 150;
    held one{dimensions};
    weir::atomic<bool> over{false};
    weir::atomic<int> searches{0}, torn{0}, short_ones{0};
    auto const write = [&]() -> weir::task<> {
        for (std::size_t round = 0; round < rounds; ++round) {
            std::vector<gateway::point> all;
            for (std::size_t n = 0; n < points; ++n)
                all.push_back(make_point("p" + std::to_string(n), direction(n, dimensions), std::to_string(round)));
            auto const became = co_await one.all.upsert(std::move(all));
            if (became != written::done) short_ones.fetch_add(1, weir::relaxed); // a tally
        }
        over.store(true, weir::relaxed); // no more than a hint to the readers
    };
    auto const read = [&](std::size_t seed) -> weir::task<> {
        while (!over.load(weir::relaxed)) { // a hint
            gateway::query asked;
            asked.vector = direction(seed, dimensions);
            asked.most = 2 * points;
            auto const found = co_await one.all.search(std::move(asked));
            std::set<std::string> ids, writes;
            for (auto const& each : *found) {
                ids.insert(each.id);
                writes.insert(each.about->json());
            }
            bool const whole = found->size() == points && ids.size() == points && writes.size() == 1;
            torn.fetch_add(!found->empty() && !whole, weir::relaxed); // a tally
            searches.fetch_add(1, weir::relaxed);                      // a tally
            co_await weir::yield();
        }
    };
    one.runtime().block_on([&]() -> weir::task<> {
        co_await weir::in_scope([&](weir::scope& all) -> weir::task<> {
            all.spawn(std::ref(write));
            for (std::size_t n = 0; n < 4; ++n) all.spawn(std::ref(read), n);
            co_return;
        });
    });
    CHECK(torn.load(weir::relaxed) == 0);
    CHECK(short_ones.load(weir::relaxed) == 0);
    CHECK(searches.load(weir::relaxed) > 10);
}

TEST_CASE("searches that come while one is under way share a pass") {
    held one{256};
    for (std::size_t n = 0; n < 20; ++n) REQUIRE(one.upsert(numbered(1000 * n, 1000, 256)) == written::done);
    weir::atomic<int> wrong{0};
    auto const ask = [&](std::size_t n) -> weir::task<> {
        gateway::query asked;
        asked.vector = direction(n, 256);
        asked.most = 1;
        auto const found = co_await one.all.search(std::move(asked));
        if (!found || found->size() != 1 || found->front().score < 0.99)
            wrong.fetch_add(1, weir::relaxed); // a tally
    };
    one.runtime().block_on([&]() -> weir::task<> {
        std::vector<weir::task<>> all;
        for (std::size_t n = 0; n < 64; ++n) all.push_back(ask(n));
        co_await weir::when_all(std::move(all));
    });
    CHECK(wrong.load(weir::relaxed) == 0);
    auto const seen = one.batch_sizes.snapshot();
    CHECK(seen.count() <= 64 / 16 + 3);
}

TEST_CASE("a collection that is closed refuses everything, and its memory is back") {
    held one{16};
    REQUIRE(one.upsert(numbered(0, 500, 16)) == written::done);
    one.runtime().block_on([](gateway::collection* of) { return of->close(); }, &one.all);
    CHECK(one.room.taken() == 0);
    CHECK(one.all.points() == 0);
    CHECK(one.upsert(numbered(0, 1, 16)) == written::closed);
    auto const ask = [](gateway::collection* of) -> weir::task<std::error_code> {
        gateway::query asked;
        asked.vector.assign(16, 1.0F);
        auto const found = co_await of->search(std::move(asked));
        co_return found ? std::error_code{} : found.error();
    };
    CHECK(one.runtime().block_on(ask, &one.all) == weir::errc::closed);
}
