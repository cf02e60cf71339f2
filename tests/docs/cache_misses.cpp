// tests/docs/cache_misses.cpp: the code of docs/guide/cache_misses.md, run.
#include <weir/coro/interleave.hpp>
#include <weir/cpu/prefetch.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

//! [lookup]
struct entry {
    std::uint64_t key = 0;
    std::uint64_t value = 0;
    entry const* next = nullptr;
};

weir::interleaved<entry const*> look_up(std::vector<entry const*> const& buckets, std::uint64_t key) {
    entry const* const* const bucket = co_await weir::prefetched(&buckets[key % buckets.size()]);
    for (entry const* at = *bucket; at; at = at->next) {
        entry const* const here = co_await weir::prefetched(at); // the other look-ups go on meanwhile
        if (here->key == key) co_return here;
    }
    co_return nullptr;
}
//! [lookup]

} // namespace

TEST_CASE("interleaved look-ups find what a plain loop finds") {
    std::vector<entry> entries(10'000);
    std::vector<entry const*> buckets(1024, nullptr);
    for (std::size_t n = 0; n < entries.size(); ++n) {
        auto& bucket = buckets[(3 * n) % buckets.size()];
        entries[n] = entry{3 * n, n, bucket};
        bucket = &entries[n];
    }
    std::vector<std::uint64_t> wanted;
    for (std::uint64_t n = 0; n < 1000; ++n) wanted.push_back(n * 7);
    std::vector<entry const*> found(wanted.size(), nullptr);
    //! [interleave]
    weir::interleave<16>( // sixteen at a time, on this thread
        wanted, [&](std::uint64_t key) { return look_up(buckets, key); },
        [&](std::size_t n, entry const* at) { found[n] = at; });
    //! [interleave]
    for (std::size_t n = 0; n < wanted.size(); ++n) {
        bool const there = wanted[n] % 3 == 0;
        REQUIRE((found[n] != nullptr) == there);
        if (there) REQUIRE(found[n]->value == wanted[n] / 3);
    }
}

TEST_CASE("what is known beforehand needs no coroutine") {
    std::vector<std::uint64_t> table(4096);
    for (std::size_t n = 0; n < table.size(); ++n) table[n] = n;
    std::vector<std::size_t> const places{5, 1000, 77, 4095};
    std::uint64_t sum = 0;
    //! [known]
    weir::for_each_prefetched(
        places, [&](std::size_t at) { return &table[at]; }, [&](std::size_t at) { sum += table[at]; });
    //! [known]
    CHECK(sum == 5 + 1000 + 77 + 4095);
}
