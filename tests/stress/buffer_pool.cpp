// tests/stress/buffer_pool.cpp: real threads lease, write, freeze, slice, hand over and drop: no block has two users,
// none is lost, and what a slice shows never changes. The sanitizers look on.
#include "support/scale.hpp"

#include <weir/base/atomic.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/memory/buffer_pool.hpp>
#include <weir/memory/bytes_chain.hpp>
#include <weir/queue/spsc.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

using weir::acquire;
using weir::backoff;
using weir::block_lease;
using weir::buffer_pool;
using weir::bytes;
using weir::relaxed;
using weir::release;

namespace {

using crew = std::vector<std::jthread>;

weir::buffer_pool_options blocks_of(std::size_t size, std::size_t blocks) {
    weir::buffer_pool_options wanted;
    wanted.block_size = size;
    wanted.blocks = blocks;
    return wanted;
}

// A block is filled with one value, so that any part of it tells whether another user was there.
bool is_whole(bytes const& slice, std::byte value) {
    return std::all_of(slice.begin(), slice.end(), [&](std::byte b) { return b == value; });
}

} // namespace

TEST_CASE("blocks go round between threads and nobody meets another in one", "[stress][buffer_pool]") {
    constexpr std::size_t threads = 4;
    std::size_t const rounds = weir::test::scaled(200'000, 6);
    buffer_pool pool{blocks_of(128, 4)}; // fewer than one of them wants at once, so that it runs empty
    weir::atomic<std::size_t> wrong{0};
    weir::atomic<std::size_t> refused{0};
    {
        crew all;
        for (std::size_t me = 0; me < threads; ++me)
            all.emplace_back([&, me] {
                std::minstd_rand random{static_cast<unsigned>(me + 1)};
                std::vector<std::pair<bytes, std::byte>> held;
                std::size_t bad = 0;
                std::size_t none = 0;
                for (std::size_t n = 0; n < rounds;) {
                    if (block_lease lease = pool.try_lease()) {
                        auto const value = static_cast<std::byte>(n++ * threads + me);
                        std::ranges::fill(lease.room(), value);
                        switch (random() % 4) {
                            case 0: break; // back at once
                            case 1: held.emplace_back(std::move(lease).freeze(100).slice(10, 50), value); break;
                            case 2: {
                                weir::buffer in = std::move(lease).into_buffer(128);
                                held.emplace_back(in.split(30), value);
                                held.emplace_back(in.split(30), value);
                                held.emplace_back(in.freeze(), value);
                                break;
                            }
                            case 3: held.emplace_back(pool.adopt(std::move(lease).release()).freeze(128), value); break;
                        }
                    } else {
                        ++none;
                    }
                    while (held.size() > random() % 5) {
                        bad += !is_whole(held.front().first, held.front().second);
                        held.erase(held.begin());
                    }
                }
                wrong.fetch_add(bad, relaxed);    // read after the join
                refused.fetch_add(none, relaxed); // the same
            });
    }
    CHECK(wrong.load(relaxed) == 0);
    CHECK(refused.load(relaxed) > 0);
    CHECK(pool.available() == 4);
    std::vector<block_lease> rest;
    while (block_lease one = pool.try_lease()) rest.push_back(std::move(one));
    CHECK(rest.size() == 4);
}

TEST_CASE("slices of one block are dropped by many threads and the block comes back once", "[stress][buffer_pool]") {
    std::size_t const rounds = weir::test::scaled(12'000, 4);
    constexpr std::size_t readers = 3;
    buffer_pool pool{blocks_of(256, 2)};
    struct portion {
        bytes slice;
        std::byte value{};
    };
    std::vector<std::unique_ptr<weir::spsc<portion>>> lanes;
    for (std::size_t n = 0; n < readers; ++n) lanes.push_back(std::make_unique<weir::spsc<portion>>(2));
    weir::atomic<std::size_t> wrong{0};
    {
        crew all;
        for (auto& lane : lanes)
            all.emplace_back([&] {
                std::size_t bad = 0;
                for (std::size_t n = 0; n < rounds; ++n) {
                    auto got = lane->try_pop();
                    for (backoff wait; !got; got = lane->try_pop()) wait();
                    bytes const again = got->slice.slice(1);
                    got->slice = {};
                    bad += !is_whole(again, got->value);
                }
                wrong.fetch_add(bad, relaxed); // read after the join
            });
        for (std::size_t n = 0; n < rounds; ++n) {
            block_lease lease = pool.try_lease();
            for (backoff wait; !lease; lease = pool.try_lease()) wait(); // until a block is back
            auto const value = static_cast<std::byte>(n);
            std::ranges::fill(lease.room(), value);
            bytes const whole = std::move(lease).freeze(256);
            for (std::size_t k = 0; k < readers; ++k) {
                portion one{whole.slice(k * 80, 80), value};
                for (backoff wait; !lanes[k]->try_push(std::move(one));) wait();
            }
        }
    }
    CHECK(wrong.load(relaxed) == 0);
    CHECK(pool.available() == 2);
}

TEST_CASE("a pool that ends while its blocks are elsewhere is ended by whoever is last", "[stress][buffer_pool]") {
    std::size_t const rounds = weir::test::scaled(8000, 5);
    std::size_t wrong = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
        std::optional<buffer_pool> pool;
        pool.emplace(blocks_of(64, 4));
        std::vector<bytes> slices;
        for (std::size_t n = 0; n < 3; ++n) {
            block_lease lease = pool->try_lease();
            std::ranges::fill(lease.room(), static_cast<std::byte>(round));
            slices.push_back(std::move(lease).freeze(64));
            slices.push_back(slices.back().slice(5));
        }
        std::vector<bytes> others{slices[1], slices[3], slices[4]};
        slices.erase(slices.begin() + 3, slices.begin() + 5);
        weir::atomic<bool> start{false};
        std::size_t bad = 0;
        {
            std::jthread const reader([&, mine = std::move(others)]() mutable {
                for (backoff wait; !start.load(acquire);) wait(); // [start]
                for (bytes& each : mine) {
                    bad += !is_whole(each, static_cast<std::byte>(round));
                    each = {};
                }
            });
            start.store(true, release); // [start]
            if (round % 2) slices.clear();
            pool.reset();
        }
        wrong += bad;
        for (bytes const& each : slices) wrong += !is_whole(each, static_cast<std::byte>(round));
    }
    CHECK(wrong == 0);
}

TEST_CASE("chains of pooled pieces go from thread to thread", "[stress][buffer_pool]") {
    std::size_t const rounds = weir::test::scaled(60'000, 5);
    buffer_pool pool{blocks_of(64, 64)};
    weir::spsc<weir::bytes_chain> lane{4};
    std::size_t wrong = 0;
    {
        std::jthread const reader([&] {
            for (std::size_t n = 0; n < rounds; ++n) {
                auto got = lane.try_pop();
                for (backoff wait; !got; got = lane.try_pop()) wait();
                weir::bytes_chain front = got->split_to(got->size() / 3);
                for (auto const* chain : {&front, &*got})
                    for (std::size_t k = 0; k < chain->pieces(); ++k)
                        wrong += !is_whole(chain->piece(k), static_cast<std::byte>(n));
            }
        });
        std::minstd_rand random{5};
        for (std::size_t n = 0; n < rounds; ++n) {
            weir::bytes_chain chain;
            for (auto pieces = 1 + random() % 9; pieces > 0; --pieces) {
                block_lease lease = pool.try_lease();
                for (backoff wait; !lease; lease = pool.try_lease()) wait();
                std::ranges::fill(lease.room(), static_cast<std::byte>(n));
                chain.push_back(std::move(lease).freeze(1 + random() % 64));
            }
            for (backoff wait; !lane.try_push(std::move(chain));) wait();
        }
    }
    CHECK(wrong == 0);
    CHECK(pool.available() == 64);
}
