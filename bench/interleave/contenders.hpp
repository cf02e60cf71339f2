// bench/interleave/contenders.hpp: ways to look up many keys. Each gives the sum of what it has found.
#pragma once

#include "tables.hpp"

#include <weir/coro/interleave.hpp>
#include <weir/cpu/prefetch.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace bench {

struct plain_loop {
    static constexpr auto name = "plain loop";

    static std::uint64_t run(chained_table const& table, std::span<key const> keys) {
        std::uint64_t sum = 0;
        for (key const wanted : keys) {
            chained_table::node const* at = *table.head_of(wanted);
            while (at->key != wanted) at = at->next;
            sum += at->value;
        }
        return sum;
    }
    static std::uint64_t run(sorted_row const& row, std::span<key const> keys) {
        std::uint64_t sum = 0;
        for (key const wanted : keys) {
            auto const at = std::lower_bound(row.keys().begin(), row.keys().end(), wanted);
            sum += static_cast<std::uint64_t>(at - row.keys().begin());
        }
        return sum;
    }
};

// By hand, after S. Chen, A. Ailamaki, P. Gibbons, T. Mowry, "Improving Hash Join Performance through Prefetching", ICDE
// 2004. Searches of equal length go in step. Chains do not, so that their states take turns, each beginning with the next
// key when it is done: O. Kocberber, B. Falsafi, B. Grot, "Asynchronous Memory Access Chaining", VLDB 2015.
struct by_hand {
    static constexpr auto name = "by hand, 16";
    static constexpr std::size_t width = 16;

    static std::uint64_t run(chained_table const& table, std::span<key const> keys);
    static std::uint64_t run(sorted_row const& row, std::span<key const> keys);
};

template <std::size_t Width>
struct weir_interleave {
    static constexpr std::array<char, 16> letters = [] {
        std::array<char, 16> all{'i', 'n', 't', 'e', 'r', 'l', 'e', 'a', 'v', 'e', '<'};
        std::size_t at = 11;
        if (Width >= 10) all[at++] = static_cast<char>('0' + Width / 10);
        all[at++] = static_cast<char>('0' + Width % 10);
        all[at] = '>';
        return all;
    }();
    static constexpr char const* name = letters.data();

    static weir::interleaved<std::uint64_t> find(chained_table const& table, key wanted) {
        chained_table::node const* at = *co_await weir::prefetched(table.head_of(wanted));
        for (;;) {
            co_await weir::prefetched(at);
            if (at->key == wanted) co_return at->value;
            at = at->next;
        }
    }
    static weir::interleaved<std::uint64_t> find(sorted_row const& row, key wanted) {
        key const* at = row.keys().data();
        for (std::size_t half = row.size() / 2; half > 0; half /= 2) {
            key const* const middle = co_await weir::prefetched(at + half);
            at += half * (*middle <= wanted); // a product, because a branch would be guessed wrong every other time
        }
        co_return static_cast<std::uint64_t>(at - row.keys().data());
    }
    static std::uint64_t run(auto const& table, std::span<key const> keys) {
        std::uint64_t sum = 0;
        weir::interleave<Width>(
            keys, [&](key wanted) { return find(table, wanted); },
            [&](std::size_t, std::uint64_t found) { sum += found; });
        return sum;
    }
};

inline std::uint64_t by_hand::run(chained_table const& table, std::span<key const> keys) {
    using node = chained_table::node;
    struct state {
        key wanted;
        node const* const* head; // null once `at` is known
        node const* at;
    };
    std::array<state, width> states;
    std::uint64_t sum = 0;
    std::size_t next = 0;
    std::size_t live = std::min(width, keys.size());
    auto const begin = [&](state& one) {
        one = {keys[next], table.head_of(keys[next]), nullptr};
        weir::prefetch_read(one.head);
        ++next;
    };
    for (std::size_t n = 0; n < live; ++n) begin(states[n]);
    while (live > 0) {
        for (std::size_t n = 0; n < live;) {
            state& one = states[n];
            if (one.head) {
                one.at = *one.head;
                one.head = nullptr;
            } else if (one.at->key != one.wanted) {
                one.at = one.at->next;
            } else {
                sum += one.at->value;
                if (next < keys.size()) begin(one), ++n;
                else one = states[--live];
                continue;
            }
            weir::prefetch_read(one.at);
            ++n;
        }
    }
    return sum;
}

inline std::uint64_t by_hand::run(sorted_row const& row, std::span<key const> keys) {
    std::uint64_t sum = 0;
    for (std::size_t first = 0; first < keys.size(); first += width) {
        std::size_t const count = std::min(width, keys.size() - first);
        std::array<key const*, width> at;
        at.fill(row.keys().data());
        for (std::size_t half = row.size() / 2; half > 0; half /= 2) {
            for (std::size_t n = 0; n < count; ++n) weir::prefetch_read(at[n] + half);
            for (std::size_t n = 0; n < count; ++n)
                at[n] += half * (at[n][half] <= keys[first + n]);
        }
        for (std::size_t n = 0; n < count; ++n) sum += static_cast<std::uint64_t>(at[n] - row.keys().data());
    }
    return sum;
}

} // namespace bench
