// tests/unit/flow/flight_table.cpp: the table finds what is in it at every size, and gives its memory back.
#include "support/allocations.hpp"

#include <weir/flow/flight_table.hpp>
#include <weir/flow/mix_hash.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <new>
#include <random>
#include <vector>

using weir::detail::flight_table;
using weir::mix_hash;
using weir::detail::table_node;

namespace {

struct item : table_node {
    explicit item(std::uint64_t number) : key{number} {}
    std::uint64_t key;
};

void insert(flight_table& table, item& one, std::uint64_t hash) {
    table.insert(one, hash);
    if (std::size_t const length = table.wanted()) {
        auto fresh = flight_table::make(length);
        table.adopt(fresh, length);
        REQUIRE(table.wanted() == 0);
    }
}
void insert(flight_table& table, item& one) { insert(table, one, mix_hash(one.key)); }

item* find(flight_table& table, std::uint64_t key) {
    return static_cast<item*>(
        table.find(mix_hash(key), [&](table_node& one) { return static_cast<item&>(one).key == key; }));
}

} // namespace

TEST_CASE("S15: what was inserted is found at every size, and an empty table owns nothing", "[flight_table]") {
    constexpr std::uint64_t count = 20'000;
    std::deque<item> items;
    for (std::uint64_t n = 0; n < count; ++n) items.emplace_back(n);
    std::vector<std::uint64_t> order(count);
    for (std::uint64_t n = 0; n < count; ++n) order[n] = n;
    std::shuffle(order.begin(), order.end(), std::mt19937_64{5});

    std::vector<bool> gone(count);
    flight_table table;
    auto const before = weir::test::blocks_alive.load();
    std::size_t lost = 0;
    for (item& one : items) {
        insert(table, one);
        if (one.key % 997 == 0)
            for (std::uint64_t n = 0; n < count; ++n) lost += (find(table, n) != nullptr) != (n <= one.key);
    }
    CHECK(lost == 0);
    CHECK(table.size() == count);
    CHECK(table.buckets() == (count + flight_table::load - 1) / flight_table::load);
    for (std::uint64_t const n : order) {
        auto const unused = table.erase(items[n]);
        gone[n] = true;
        if (n % 997 == 0)
            for (std::uint64_t k = 0; k < count; ++k) lost += (find(table, k) == nullptr) != gone[k];
    }
    CHECK(lost == 0);
    CHECK(table.size() == 0);
    CHECK(table.buckets() == 2);
    CHECK(weir::test::blocks_alive.load() == before);
}

TEST_CASE("S16: members whose hashes collide are told apart", "[flight_table]") {
    std::deque<item> items;
    flight_table table;
    for (std::uint64_t n = 0; n < 500; ++n) insert(table, items.emplace_back(n), 42);
    for (std::uint64_t n = 0; n < 500; ++n) {
        auto* const found = table.find(42, [&](table_node& one) { return static_cast<item&>(one).key == n; });
        REQUIRE(found == &items[n]);
    }
    CHECK(table.find(43, [](table_node&) { return true; }) == nullptr);
    for (item& one : items) static_cast<void>(table.erase(one));
    CHECK(table.size() == 0);
}

TEST_CASE("a table that gets no memory still holds everything, and catches up when it does", "[flight_table]") {
    std::deque<item> items;
    flight_table table;
    for (std::uint64_t n = 0; n < 100; ++n) table.insert(items.emplace_back(n), mix_hash(n));
    CHECK(table.buckets() == 2);
    CHECK(find(table, 99) == &items[99]);
    for (std::uint64_t n = 100; n < 400; ++n) insert(table, items.emplace_back(n));
    CHECK(table.buckets() == 134);
    for (std::uint64_t n = 0; n < 400; ++n) REQUIRE(find(table, n) == &items[n]);
    for (item& one : items) static_cast<void>(table.erase(one));
}

TEST_CASE("a walk meets everybody who is there all the time, however the table grows and shrinks meanwhile",
          "[flight_table]") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        std::mt19937_64 random{seed};
        std::deque<item> staying;
        std::deque<item> passing;
        flight_table table;
        std::uint64_t next = 0;
        for (int n = 0; n < 40; ++n) insert(table, staying.emplace_back(next++));
        std::vector<item*> visitors;
        auto comes = [&] {
            insert(table, passing.emplace_back(next++));
            visitors.push_back(&passing.back());
        };
        auto goes = [&] {
            if (visitors.empty()) return;
            static_cast<void>(table.erase(*visitors.back()));
            visitors.pop_back();
        };
        for (std::uint64_t n = random() % 300; n > 0; --n) comes();
        std::vector<bool> met(staying.size());
        std::size_t steps = 0;
        std::size_t cursor = 0;
        do {
            cursor = table.scan(cursor, [&](table_node& one) {
                if (auto const key = static_cast<item&>(one).key; key < met.size()) met[key] = true;
            });
            bool const grows = random() % 2;
            for (std::uint64_t n = random() % 40; n > 0; --n) grows ? comes() : goes();
        } while (cursor != 0 && ++steps < 100'000);
        CHECK(std::find(met.begin(), met.end(), false) == met.end());
        CHECK(steps < 5000);
        while (!visitors.empty()) goes();
        for (item& one : staying) static_cast<void>(table.erase(one));
    }
}
