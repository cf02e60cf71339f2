// tests/unit/memory/free_list.cpp: which entry comes next, and which call is told that it was the last. The interleavings
// are explored in tests/model/buffer_pool.cpp.
#include <weir/base/atomic.hpp>
#include <weir/memory/free_list.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <set>
#include <vector>

namespace {

struct entry {
    weir::atomic<std::uint16_t> next_free{0};
};
using list = weir::free_list<entry>;

} // namespace

TEST_CASE("every entry is free at first, from the front on, and each is had once", "[free_list]") {
    std::vector<entry> table(100);
    list free{table.data(), table.size()};
    CHECK(free.size() == 100);
    for (entry& each : table) CHECK(free.try_pop() == &each);
    CHECK(free.size() == 0);
    CHECK(free.try_pop() == nullptr);
    CHECK(free.try_pop() == nullptr);
}

TEST_CASE("the entry that was pushed last is popped first", "[free_list]") {
    std::vector<entry> table(5);
    list free{table.data(), table.size()};
    while (free.try_pop()) {}
    for (std::size_t const n : {3u, 0u, 4u}) CHECK_FALSE(free.push(table[n]));
    CHECK(free.size() == 3);
    CHECK(free.try_pop() == &table[4]);
    CHECK_FALSE(free.push(table[1]));
    for (std::size_t const n : {1u, 0u, 3u}) CHECK(free.try_pop() == &table[n]);
    CHECK(free.try_pop() == nullptr);
}

TEST_CASE("the largest table keeps all its entries apart", "[free_list]") {
    std::vector<entry> table(list::most);
    list free{table.data(), table.size()};
    std::set<entry*> popped;
    while (entry* const one = free.try_pop()) popped.insert(one);
    CHECK(popped.size() == list::most);
    for (entry* const one : popped) free.push(*one);
    CHECK(free.size() == list::most);
    for (auto one = popped.rbegin(); one != popped.rend(); ++one) REQUIRE(free.try_pop() == *one);
    for (entry* const one : popped) free.push(*one);
    CHECK(free.leave());
}

TEST_CASE("who leaves or pushes last is told so, and nobody else", "[free_list]") {
    std::vector<entry> table(3);
    {
        list never_used{table.data(), table.size()};
        CHECK(never_used.leave());
    }
    for (std::size_t out = 1; out <= 3; ++out) {
        list free{table.data(), table.size()};
        std::vector<entry*> popped;
        for (std::size_t n = 0; n < out; ++n) popped.push_back(free.try_pop());
        CHECK_FALSE(free.leave());
        for (std::size_t n = 0; n + 1 < out; ++n) CHECK_FALSE(free.push(*popped[n]));
        CHECK(free.push(*popped.back()));
    }
}
