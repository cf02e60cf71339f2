// tests/unit/flow/entry_policy.cpp: bounds hold, what is asked for often stays, what is asked for once passes through.
#include "support/scale.hpp"

#include <weir/flow/entry_policy.hpp>
#include <weir/flow/mix_hash.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <random>
#include <set>
#include <utility>
#include <vector>

using weir::detail::entry_policy;
using weir::detail::flight_table;
using weir::detail::kept_node;
using weir::mix_hash;

namespace {

constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

// A cache of numbers: the policy and who is in it.
class cache {
public:
    cache(std::size_t keys, std::size_t entries, std::size_t weight = unbounded)
        : nodes_(keys), in_(keys), policy_{entries, weight} {
        for (std::size_t key = 0; key < keys; ++key) table_.insert(nodes_[key], mix_hash(key)); // gives it its hash
    }
    ~cache() {
        for (std::size_t key = 0; key < nodes_.size(); ++key)
            if (in_[key]) policy_.remove(nodes_[key]);
        REQUIRE(policy_.entries() == 0);
        REQUIRE(policy_.weight() == 0);
    }
    // Whether it was there; if not, it comes.
    bool ask(std::size_t key, std::size_t weight = 1) {
        if (!in_[key] || !policy_.settled(nodes_[key])) policy_.saw(nodes_[key].hash());
        if (in_[key]) {
            policy_.touch(nodes_[key]);
            return true;
        }
        in_[key] = true;
        policy_.add(nodes_[key], weight);
        while (kept_node* const gone = policy_.excess()) {
            std::size_t const at = index_of(*gone);
            lost_twice_ += !in_[at];
            in_[at] = false;
        }
        return false;
    }
    bool has(std::size_t key) const { return in_[key]; }
    bool settled(std::size_t key) const { return policy_.settled(nodes_[key]); }
    int lost_twice() const { return lost_twice_; }
    entry_policy const& policy() const { return policy_; }

private:
    struct node : kept_node {
        node() = default;
        node(node&&) noexcept {} // for the vector, which never moves one
        node& operator=(node&&) = delete;
    };
    std::size_t index_of(kept_node& one) { return static_cast<std::size_t>(&static_cast<node&>(one) - nodes_.data()); }

    std::vector<node> nodes_;
    std::vector<bool> in_;
    flight_table table_;
    entry_policy policy_;
    int lost_twice_ = 0;
};

class zipf {
public:
    zipf(std::size_t keys, double exponent) : shares_(keys) {
        double sum = 0;
        for (std::size_t n = 0; n < keys; ++n) shares_[n] = sum += 1 / std::pow(static_cast<double>(n + 1), exponent);
        for (double& share : shares_) share /= sum;
    }
    std::size_t draw(std::mt19937_64& random) const {
        double const at = static_cast<double>(random() >> 11) * 0x1.0p-53;
        auto const found = std::lower_bound(shares_.begin(), shares_.end(), at) - shares_.begin();
        return std::min(static_cast<std::size_t>(found), shares_.size() - 1);
    }

private:
    std::vector<double> shares_;
};

double lru_hits(std::vector<std::size_t> const& trace, std::size_t keys, std::size_t room) {
    std::list<std::size_t> order;
    std::vector<std::list<std::size_t>::iterator> at(keys, order.end());
    std::size_t hits = 0;
    for (std::size_t n = 0; n < trace.size(); ++n) {
        std::size_t const key = trace[n];
        if (at[key] != order.end()) {
            order.splice(order.begin(), order, at[key]);
            hits += n >= trace.size() / 2;
            continue;
        }
        order.push_front(key);
        at[key] = order.begin();
        if (order.size() <= room) continue;
        at[order.back()] = order.end();
        order.pop_back();
    }
    return static_cast<double>(hits) / static_cast<double>(trace.size() / 2);
}

// With exact counts of every key that was ever met: no policy without foresight does better on a steady trace.
double lfu_hits(std::vector<std::size_t> const& trace, std::size_t keys, std::size_t room) {
    std::vector<std::size_t> met(keys);
    std::set<std::pair<std::size_t, std::size_t>> order;
    std::size_t hits = 0;
    for (std::size_t n = 0; n < trace.size(); ++n) {
        std::size_t const key = trace[n];
        bool const there = order.erase({met[key], key}) != 0;
        hits += there && n >= trace.size() / 2;
        order.insert({++met[key], key});
        if (order.size() > room) order.erase(order.begin());
    }
    return static_cast<double>(hits) / static_cast<double>(trace.size() / 2);
}

} // namespace

TEST_CASE("the number of entries is never above its bound, and nothing is lost twice", "[policy]") {
    std::mt19937_64 random{7};
    for (std::size_t const room : {1u, 2u, 3u, 10u, 200u}) {
        cache c{1000, room};
        std::size_t most = 0;
        for (int n = 0; n < 20'000; ++n) {
            c.ask(random() % 1000);
            most = std::max(most, c.policy().entries());
        }
        CHECK(most == room);
        CHECK(c.lost_twice() == 0);
    }
}

TEST_CASE("weight is bounded too, alone and together with the number", "[policy]") {
    std::mt19937_64 random{8};
    for (std::size_t const room : {unbounded, std::size_t{30}}) {
        cache c{1000, room, 1000};
        std::size_t heaviest = 0;
        std::size_t most = 0;
        for (int n = 0; n < 20'000; ++n) {
            std::size_t const key = random() % 1000;
            c.ask(key, key % 100);
            heaviest = std::max(heaviest, c.policy().weight());
            most = std::max(most, c.policy().entries());
        }
        CHECK(heaviest <= 1000);
        CHECK(heaviest > 800);
        CHECK(most <= room);
        CHECK(!c.policy().fits(1001));
        CHECK(c.policy().fits(1000));
    }
}

TEST_CASE("a crowd of keys that are asked for once does not drive out who is asked for often", "[policy]") {
    cache c{100'000, 1000};
    for (int round = 0; round < 5; ++round)
        for (std::size_t key = 0; key < 900; ++key) c.ask(key);
    for (std::size_t key = 1000; key < 9000; ++key) c.ask(key);
    std::size_t stayed = 0;
    for (std::size_t key = 0; key < 900; ++key) stayed += c.has(key);
    CHECK(stayed > 880);
}

TEST_CASE("who was asked for again is settled until as many as an eighth of all have come behind it", "[policy]") {
    cache c{1000, 1000};
    for (int round = 0; round < 2; ++round)
        for (std::size_t key = 0; key < 800; ++key) c.ask(key);
    CHECK(!c.settled(0));
    c.ask(0);
    CHECK(c.settled(0));
    for (int n = 0; n < 1000; ++n) c.ask(0); // which moves nobody
    for (std::size_t key = 1; key < 100; ++key) c.ask(key);
    CHECK(c.settled(0));
    c.ask(100);
    CHECK(!c.settled(0));
    CHECK(!c.settled(999)); // who is not there
}

TEST_CASE("who is popular now takes the place of who was", "[policy]") {
    cache c{4000, 1000};
    for (int round = 0; round < 12; ++round)
        for (std::size_t key = 0; key < 1000; ++key) c.ask(key);
    for (int round = 0; round < 60; ++round)
        for (std::size_t key = 2000; key < 2900; ++key) c.ask(key);
    std::size_t arrived = 0;
    for (std::size_t key = 2000; key < 2900; ++key) arrived += c.has(key);
    CHECK(arrived > 850);
}

TEST_CASE("on a steady Zipf trace the hits are within a point of exact LFU, and far above LRU", "[policy]") {
    std::size_t const keys = 1'000'000;
    std::size_t const room = 10'000;
    zipf const popular{keys, 0.99};
    std::mt19937_64 random{1};
    std::vector<std::size_t> trace(weir::test::scaled(1'000'000));
    for (std::size_t& key : trace) key = popular.draw(random);
    cache c{keys, room};
    std::size_t hits = 0;
    for (std::size_t n = 0; n < trace.size(); ++n) hits += c.ask(trace[n]) && n >= trace.size() / 2;
    double const ours = static_cast<double>(hits) / static_cast<double>(trace.size() / 2);
    double const lfu = lfu_hits(trace, keys, room);
    double const lru = lru_hits(trace, keys, room);
    INFO("ours " << ours << ", LFU " << lfu << ", LRU " << lru);
    CHECK(ours > lfu - 0.01);
    if (trace.size() >= 1'000'000) CHECK(ours > lru + 0.05);
}
