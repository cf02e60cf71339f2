// bench/interleave/tables.hpp: a hash table and a sorted row, both far larger than any cache, and the keys to look up.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include <sys/mman.h>

namespace bench {

using key = std::uint64_t;

// Twice its own number and one, so that a lookup that finds the wrong place is noticed.
inline constexpr key key_number(std::uint64_t n) { return 2 * n + 1; }

// Keys that are there, in random order, every contender's the same; more of them than the caches have room for.
inline std::vector<key> random_keys(std::size_t among) {
    std::mt19937_64 random{20};
    std::uniform_int_distribution<std::uint64_t> number{0, among - 1};
    std::vector<key> all(std::size_t{1} << 21);
    for (key& one : all) one = key_number(number(random));
    return all;
}

// Asks for pages of 2 MiB, as tables of this size should: with small ones it is the walks through page tables that are
// measured, and a prefetch waits for those like any load.
template <class T>
struct large_pages {
    using value_type = T;

    T* allocate(std::size_t count) {
        constexpr std::size_t page = std::size_t{2} << 20;
        std::size_t const bytes = (count * sizeof(T) + page - 1) / page * page;
        void* const memory = std::aligned_alloc(page, bytes);
        if (!memory) throw std::bad_alloc{};
        madvise(memory, bytes, MADV_HUGEPAGE);
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, std::size_t) noexcept { std::free(memory); }
    bool operator==(large_pages const&) const = default;
};

// Chains of nodes that lie in memory in no order: 256 MiB of them, and 32 MiB of heads. Two nodes a bucket on average, so
// that a lookup visits its head and two nodes.
class chained_table {
public:
    struct node {
        bench::key key;
        std::uint64_t value;
        node const* next;
        std::uint64_t rest; // of half a cache line
    };
    static constexpr std::size_t nodes = std::size_t{1} << 23;
    static constexpr std::size_t buckets = nodes / 2;

    chained_table() : heads_(buckets), nodes_(nodes) {
        std::vector<std::uint32_t> order(nodes);
        std::iota(order.begin(), order.end(), 0u);
        std::shuffle(order.begin(), order.end(), std::mt19937_64{7});
        for (std::size_t n = 0; n < nodes; ++n) {
            node& one = nodes_[order[n]];
            node const*& head = heads_[place_of(key_number(n))];
            one = {key_number(n), n, head, 0};
            head = &one;
        }
    }

    node const* const* head_of(bench::key wanted) const { return &heads_[place_of(wanted)]; }
    static std::size_t size() { return nodes; }
    static std::uint64_t found(bench::key wanted) { return wanted / 2; }

private:
    // Mixed well, so that the lengths of chains are those of chance: the multiplication alone would even them out.
    static std::size_t place_of(bench::key wanted) {
        wanted = (wanted ^ (wanted >> 33)) * 0xff51afd7ed558ccd;
        wanted = (wanted ^ (wanted >> 33)) * 0xc4ceb9fe1a85ec53;
        return (wanted ^ (wanted >> 33)) % buckets;
    }

    std::vector<node const*, large_pages<node const*>> heads_;
    std::vector<node, large_pages<node>> nodes_;
};

// 2^25 keys, in order: 256 MiB. A search takes 25 steps, of which the later ones miss the caches.
class sorted_row {
public:
    static constexpr unsigned steps = 25;

    sorted_row() : keys_(size()) {
        for (std::size_t n = 0; n < size(); ++n) keys_[n] = key_number(n);
    }

    std::span<bench::key const> keys() const { return keys_; }
    static std::size_t size() { return std::size_t{1} << steps; }
    static std::uint64_t found(bench::key wanted) { return wanted / 2; }

private:
    std::vector<bench::key, large_pages<bench::key>> keys_;
};

} // namespace bench
