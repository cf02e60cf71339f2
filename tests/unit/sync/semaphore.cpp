// tests/unit/sync/semaphore.cpp: permits are neither lost nor doubled, and go out in the order of asking.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/semaphore.hpp>

#include <catch2/catch_test_macros.hpp>

#include <deque>
#include <random>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

// Acquires, notes its name, and keeps the permits until `let_go` is called.
struct holder {
    std::vector<int>& order;
    std::vector<permit> kept{};
    task<> takes(semaphore& from, std::size_t count, int name) {
        auto got = co_await from.acquire(count);
        order.push_back(got ? name : -name);
        if (got) kept.push_back(std::move(*got));
    }
};

} // namespace

TEST_CASE("permits are taken at once while they last") {
    semaphore permits{3};
    auto one = permits.try_acquire();
    auto two = permits.try_acquire(2);
    CHECK(one.count() == 1);
    CHECK(two.count() == 2);
    CHECK(permits.available() == 0);
    CHECK(!permits.try_acquire());
    CHECK(permits.try_acquire(0)); // nothing is always there
    two.release();
    CHECK(permits.available() == 2);
    CHECK(two.count() == 0);
    two.release();
    CHECK(permits.available() == 2);
}

TEST_CASE("a large request at the head is not overtaken by small ones (T8)") {
    manual_executor runs;
    context const where{runs};
    semaphore permits{2};
    std::vector<int> order;
    holder held{order};
    auto taken = permits.try_acquire(1);
    started large{held.takes(permits, 3, 1), where};
    started small{held.takes(permits, 1, 2), where};
    CHECK(!permits.try_acquire(1)); // one is free, but others wait
    taken.release();
    runs.run_all();
    CHECK(order.empty()); // two are free, three are wanted
    permits.release(1);
    runs.run_all();
    CHECK(order == std::vector<int>{1});
    permits.release(1);
    runs.run_all();
    CHECK(order == std::vector<int>{1, 2});
    held.kept.clear();
    CHECK(permits.available() == 4);
}

TEST_CASE("one release wakes as many as it suffices for") {
    manual_executor runs;
    context const where{runs};
    semaphore permits{0};
    std::vector<int> order;
    holder held{order};
    started a{held.takes(permits, 1, 1), where};
    started b{held.takes(permits, 2, 2), where};
    started c{held.takes(permits, 3, 3), where};
    permits.release(4);
    CHECK(order.empty());
    runs.run_all();
    CHECK(order == std::vector<int>{1, 2});
    permits.release(2);
    runs.run_all();
    CHECK(order == std::vector<int>{1, 2, 3});
    held.kept.clear();
    CHECK(permits.available() == 6);
}

TEST_CASE("a stopped waiter at the head lets those behind it pass (T7)") {
    manual_executor runs;
    stop_source stop;
    semaphore permits{1};
    std::vector<int> order;
    holder held{order};
    started large{held.takes(permits, 5, 1), context{runs}.with_stop(stop.token())};
    started small{held.takes(permits, 1, 2), context{runs}};
    runs.run_all();
    CHECK(order.empty());
    stop.request_stop();
    runs.run_all();
    CHECK(order.size() == 2);
    CHECK(held.kept.size() == 1);
    held.kept.clear();
    CHECK(permits.available() == 1);
}

TEST_CASE("a stop after the permits were handed over comes too late, and none is lost (T7)") {
    manual_executor runs;
    stop_source stop;
    semaphore permits{0};
    std::vector<int> order;
    holder held{order};
    started work{held.takes(permits, 1, 1), context{runs}.with_stop(stop.token())};
    permits.release();
    stop.request_stop();
    runs.run_all();
    CHECK(order == std::vector<int>{1});
    held.kept.clear();
    CHECK(permits.available() == 1);
}

TEST_CASE("a permit that nobody looks at goes back by itself") {
    manual_executor runs;
    semaphore permits{0};
    auto const careless = [](semaphore& from) -> task<> { static_cast<void>(co_await from.acquire(2)); };
    started work{careless(permits), context{runs}};
    permits.release(2);
    runs.run_all();
    CHECK(work.done());
    CHECK(permits.available() == 2);
}

TEST_CASE("a request that no number of permits can meet waits, and does not take what it cannot hold") {
    manual_executor runs;
    stop_source stop;
    semaphore permits{1};
    std::vector<int> order;
    holder held{order};
    CHECK(!permits.try_acquire(std::size_t{1} << 63));
    CHECK(!permits.try_acquire((std::size_t{1} << 63) + 1));
    started work{held.takes(permits, std::size_t{1} << 63, 1), context{runs}.with_stop(stop.token())};
    CHECK(!work.done());
    stop.request_stop();
    runs.run_all();
    CHECK(order == std::vector<int>{-1});
    CHECK(permits.available() == 1);
}

TEST_CASE("permits move, and the one assigned to gives back first") {
    semaphore permits{3};
    auto first = permits.try_acquire(1);
    auto second = permits.try_acquire(2);
    first = std::move(second);
    CHECK(permits.available() == 1);
    CHECK(first.count() == 2);
    CHECK(second.count() == 0);
}

TEST_CASE("random requests, stops and releases keep the sum of permits (T7)") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        std::mt19937_64 random{seed};
        manual_executor runs{seed};
        semaphore permits{3};
        std::vector<int> order;
        holder held{order};
        std::deque<stop_source> stops;
        {
            std::deque<started<task<>>> all;
            for (int n = 0; n < 40; ++n) {
                switch (random() % 4) {
                    case 0:
                    case 1:
                        stops.emplace_back();
                        all.emplace_back(held.takes(permits, random() % 4, n + 1), context{runs}.with_stop(stops.back().token()));
                        break;
                    case 2:
                        if (!stops.empty()) stops[random() % stops.size()].request_stop();
                        break;
                    default:
                        if (!held.kept.empty()) held.kept.erase(held.kept.begin());
                        break;
                }
                if (random() % 2) runs.run_one();
            }
            for (auto& stop : stops) stop.request_stop();
            runs.run_all();
            for (auto& one : all) REQUIRE(one.done());
        }
        held.kept.clear();
        REQUIRE(permits.available() == 3);
    }
}
