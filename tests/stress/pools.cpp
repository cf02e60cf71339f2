// tests/stress/pools.cpp: pools under threads that come and go: what they give is whole, in one place, and ends once.
#include "support/scale.hpp"

#include <weir/cpu/pause.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/memory/frame_pool.hpp>
#include <weir/memory/object_pool.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

// Things that threads leave for one another, in no order.
template <class T>
class exchange_table {
public:
    // Puts `mine` at a place and gives what lay there.
    T swap(std::size_t place, T mine) {
        auto& there = places_[place % places_.size()];
        spin_guard const locked{there.lock};
        return std::exchange(there.thing, std::move(mine));
    }
    std::size_t size() const noexcept { return places_.size(); }

private:
    struct alignas(cache_line) slot {
        spin_lock lock;
        T thing{};
    };
    std::array<slot, 61> places_{};
};

// A frame that says of itself how long it is, at both ends.
class frame {
public:
    frame() = default;
    explicit frame(std::size_t bytes)
        : memory_{static_cast<unsigned char*>(frame_pool::allocate(bytes))}, bytes_{bytes} {
        std::memset(memory_, static_cast<int>(bytes % 251), bytes);
    }
    explicit operator bool() const noexcept { return memory_ != nullptr; }
    // True when it was whole.
    bool end() noexcept {
        bool whole = true;
        for (std::size_t n = 0; n < bytes_; n += 15) whole = whole && memory_[n] == bytes_ % 251;
        whole = whole && memory_[bytes_ - 1] == bytes_ % 251;
        frame_pool::deallocate(std::exchange(memory_, nullptr), bytes_);
        return whole;
    }

private:
    unsigned char* memory_ = nullptr;
    std::size_t bytes_ = 0;
};

constexpr std::size_t frame_sizes[] = {24, 48, 112, 112, 112, 300, 900, 1008, 1009, 2000};

// One generation of threads after the other.
template <class F>
void generations(std::size_t count, F work) {
    constexpr std::size_t at_once = 4;
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < count; ++n) {
        if (threads.size() == at_once) {
            threads.front().join();
            threads.erase(threads.begin());
        }
        threads.emplace_back(work, n);
    }
    for (std::thread& thread : threads) thread.join();
}

// An object that its user marks, and that wears out.
struct part {
    part() noexcept { living.fetch_add(1, relaxed); } // a number; judged after the join
    part(part const&) = delete;
    part& operator=(part const&) = delete;
    ~part() { living.fetch_sub(1, relaxed); } // the same
    // Every thirty-second time it is not to be used again.
    bool reset() noexcept {
        if (user != content) wrong.fetch_add(1, relaxed); // the same
        user = content = 0;
        return ++uses % 32 != 0;
    }

    static inline atomic<int> living{0};
    static inline atomic<int> wrong{0};
    std::uint64_t user = 0;
    std::uint64_t content = 0;
    unsigned uses = 0;
};

} // namespace

TEST_CASE("frames that wander between threads that come and go are whole") {
    exchange_table<frame> table;
    atomic<std::size_t> broken{0};
    generations(scaled(400, 4), [&](std::size_t number) {
        std::minstd_rand random{static_cast<unsigned>(number + 1)};
        std::optional<frame_pool_guard> guard;
        if (number % 5 != 4) guard.emplace(); // some have no pool
        std::size_t bad = 0;
        for (std::size_t turn = 0; turn < scaled(12'000, 6); ++turn) {
            frame mine{frame_sizes[random() % std::size(frame_sizes)]};
            if (random() % 4 == 0) bad += !mine.end(); // never left here
            else if (frame other = table.swap(random(), mine)) bad += !other.end();
        }
        broken.fetch_add(bad, relaxed); // judged after the join
    });
    for (std::size_t n = 0; n < table.size(); ++n)
        if (frame left = table.swap(n, {})) broken.fetch_add(!left.end(), relaxed);
    CHECK(broken.load(relaxed) == 0);
}

TEST_CASE("frames that flow from one thread to the next come home while their owner works") {
    constexpr std::size_t batch = 64;
    using frames = std::array<void*, batch>;
    exchange_table<std::unique_ptr<frames>> table;
    atomic<bool> ends{false};
    std::thread frees([&] {
        frame_pool_guard const guard;
        for (std::size_t n = 0; !ends.load(acquire); ++n) // [ends]
            if (auto const full = table.swap(n, nullptr))
                for (void* const one : *full) frame_pool::deallocate(one, 112);
    });
    std::size_t most = 0;
    {
        frame_pool_guard const guard;
        for (std::size_t n = 0; n < scaled(200'000, 10); ++n) {
            auto full = std::make_unique<frames>();
            for (void*& one : *full) std::memset(one = frame_pool::allocate(112), 0x5a, 112);
            if (auto const back = table.swap(n, std::move(full)))
                for (void* const one : *back) frame_pool::deallocate(one, 112);
            most = std::max(most, this_frame_pool()->cached_bytes());
        }
        ends.store(true, release); // [ends]
        frees.join();
        for (std::size_t n = 0; n < table.size(); ++n)
            if (auto const back = table.swap(n, nullptr))
                for (void* const one : *back) frame_pool::deallocate(one, 112);
    }
    CHECK(most <= frame_pool::kept_bytes);
}

TEST_CASE("objects and leases that wander between threads that come and go are in one place each") {
    {
        object_pool<part> pool{object_pool_options{.kept = 8, .kept_per_thread = 2}};
        exchange_table<object_pool<part>::lease> table;
        generations(scaled(300, 4), [&](std::size_t number) {
            std::minstd_rand random{static_cast<unsigned>(number + 1)};
            for (std::size_t turn = 0; turn < scaled(20'000, 10); ++turn) {
                auto lease = pool.acquire();
                auto const name = (number << 32) + turn + 1;
                if (lease->user != 0 || lease->content != 0) part::wrong.fetch_add(1, relaxed); // judged after the join
                lease->user = name;
                if (random() % 8 == 0) {
                    lease->content = name;
                    lease = table.swap(random(), std::move(lease)); // ends another one's lease, or none
                    if (!lease) continue;
                }
                lease->content = lease->user;
                if (random() % 64 == 0) lease.discard();
            }
        });
        for (std::size_t n = 0; n < table.size(); ++n) table.swap(n, {}).release();
        auto const stats = pool.stats();
        CHECK(stats.made - stats.discarded == pool.idle());
        CHECK(static_cast<std::size_t>(part::living.load(relaxed)) == pool.idle());
        CHECK(pool.idle() <= 8 + 2 * shard_count());
        CHECK(stats.reused > stats.made);
    }
    CHECK(part::wrong.load(relaxed) == 0);
    CHECK(part::living.load(relaxed) == 0);
}

TEST_CASE("pools that come and go between threads that stay share nothing with their successors") {
    atomic<int> lost{0};
    generations(2, [&](std::size_t number) {
        for (std::size_t round = 0; round < scaled(30'000, 10); ++round) {
            object_pool<part> pool;
            {
                auto one = pool.acquire();
                auto two = pool.acquire();
                one->user = one->content = number + round + 1;
                std::thread elsewhere;
                if (round % 64 == 0) elsewhere = std::thread([taken = std::move(two)]() mutable { taken.release(); });
                one.release();
                if (elsewhere.joinable()) elsewhere.join();
            }
            if (pool.idle() != 2 || pool.stats().made != 2) lost.fetch_add(1, relaxed); // judged after the join
        }
    });
    CHECK(lost.load(relaxed) == 0);
    CHECK(part::living.load(relaxed) == 0);
}
