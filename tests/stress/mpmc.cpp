// tests/stress/mpmc.cpp: the ring of tickets between real threads: nothing lost or doubled, each producer's order kept.
// Threads only note what they see, the test's own thread judges it.
#include "support/scale.hpp"

#include <weir/cpu/pause.hpp>
#include <weir/queue/mpmc.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

using weir::atomic;
using weir::backoff;
using weir::mpmc;
using weir::relaxed;
using weir::test::scaled;

namespace {

// Joins them all at the end of the scope.
using crew = std::vector<std::jthread>;

// What a value is: the serial number of one of a producer's, which owns memory when it should.
struct tag {
    std::uint32_t producer;
    std::uint32_t serial;
};
using plain_value = tag;
using owning_value = std::unique_ptr<tag>;

void make(plain_value& value, tag of) { value = of; }
void make(owning_value& value, tag of) { value = std::make_unique<tag>(of); }
tag tag_of(plain_value const& value) { return value; }
tag tag_of(owning_value const& value) { return *value; }

enum class manner { single, bulk, mixed };

constexpr std::size_t longest = 13; // a run

// Sends `each` values one by one or in runs.
template <class Value>
void produce(mpmc<Value>& queue, std::uint32_t producer, std::uint32_t each, manner how) {
    std::minstd_rand random{producer + 1};
    std::array<Value, longest> some;
    backoff wait;
    for (std::uint32_t next = 0; next < each;) {
        bool const alone = how == manner::single || (how == manner::mixed && random() % 2);
        auto const count = alone ? 1 : std::min<std::size_t>(1 + random() % longest, each - next);
        for (std::size_t n = 0; n < count; ++n) make(some[n], {producer, next++});
        for (std::span left{some.data(), count}; !left.empty();) {
            auto const went = alone ? std::size_t{queue.try_push(std::move(left[0]))} : queue.try_push_n(left);
            left = left.subspan(went);
            if (went == 0) wait();
            else wait.reset();
        }
    }
}

// Takes until nothing is left of what all send; gives what it took, in its order.
template <class Value>
std::vector<tag> consume(mpmc<Value>& queue, atomic<std::size_t>& left, unsigned seed, manner how) {
    std::minstd_rand random{seed + 100};
    std::array<Value, longest> some;
    std::vector<tag> taken;
    for (backoff wait; left.load(relaxed) != 0;) { // relaxed: only a count, the queue orders
        std::size_t count = 0;
        if (how == manner::single || (how == manner::mixed && random() % 2)) {
            if (auto got = queue.try_pop()) some[count++] = *std::move(got);
        } else {
            count = queue.try_pop_n(std::span{some}.first(1 + random() % longest));
        }
        for (Value const& value : std::span{some}.first(count)) taken.push_back(tag_of(value));
        left.fetch_sub(count, relaxed); // relaxed: only a count
        if (count == 0) wait();
        else wait.reset();
    }
    return taken;
}

// Each value was taken once, and each taker saw those of a producer rise.
void judge(std::vector<std::vector<tag>> const& takers, std::uint32_t producers, std::uint32_t each) {
    std::vector<int> times(std::size_t{producers} * each);
    bool in_order = true;
    for (auto const& taken : takers) {
        std::vector<std::int64_t> last(producers, -1);
        for (tag const one : taken) {
            if (one.producer >= producers || one.serial >= each) {
                FAIL("a value was never sent");
            }
            ++times[std::size_t{one.producer} * each + one.serial];
            in_order = std::exchange(last[one.producer], one.serial) < one.serial && in_order;
        }
    }
    CHECK(in_order);
    CHECK(std::all_of(times.begin(), times.end(), [](int n) { return n == 1; }));
}

template <class Value>
void race(std::uint32_t pairs, std::size_t capacity, std::uint32_t each, manner how) {
    mpmc<Value> queue{capacity};
    std::vector<std::vector<tag>> takers(pairs);
    atomic<std::size_t> left{std::size_t{pairs} * each};
    {
        crew threads;
        for (std::uint32_t n = 0; n < pairs; ++n) {
            threads.emplace_back([&, n] { produce(queue, n, each, how); });
            threads.emplace_back([&, n] { takers[n] = consume(queue, left, n, how); });
        }
    }
    judge(takers, pairs, each);
    CHECK(queue.empty());
}

} // namespace

TEST_CASE("two producers and two consumers: each value comes out once, each producer's in order", "[stress][mpmc]") {
    for (manner const how : {manner::single, manner::bulk, manner::mixed}) {
        race<plain_value>(2, 1, scaled(4'000), how); // each push waits for the pop before it
        race<plain_value>(2, 2, scaled(10'000), how);
        race<plain_value>(2, 16, scaled(120'000), how);
        race<plain_value>(2, 1024, scaled(200'000), how);
    }
}

TEST_CASE("four producers and four consumers: more threads than cores are stopped inside their calls", "[stress][mpmc]") {
    race<plain_value>(4, 4, scaled(30'000), manner::mixed);
    race<plain_value>(4, 64, scaled(60'000), manner::single);
    race<plain_value>(4, 64, scaled(60'000), manner::mixed);
}

TEST_CASE("a queue hands over what its values own", "[stress][mpmc]") {
    race<owning_value>(2, 8, scaled(30'000), manner::mixed);
    race<owning_value>(3, 256, scaled(40'000), manner::mixed);
}

TEST_CASE("who pushes first and then pops gets a value in the end", "[stress][mpmc]") {
    // There are never fewer values than threads that want one, though a push under way may hide them for a while.
    constexpr std::uint32_t threads = 4;
    auto const rounds = static_cast<std::uint32_t>(scaled(400'000));
    mpmc<std::uint32_t> queue{threads};
    std::array<std::uint64_t, threads> sums{};
    {
        crew all;
        for (std::uint64_t& sum : sums)
            all.emplace_back([&] {
                for (std::uint32_t n = 1; n <= rounds; ++n) {
                    for (backoff wait; !queue.try_push(n);) wait();
                    backoff wait;
                    auto got = queue.try_pop();
                    for (; !got; got = queue.try_pop()) wait();
                    sum += *got;
                }
            });
    }
    std::uint64_t total = 0;
    for (std::uint64_t const sum : sums) total += sum;
    CHECK(total == threads * (std::uint64_t{rounds} * (rounds + 1) / 2));
    CHECK(queue.empty());
}
