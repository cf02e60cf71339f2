// tests/unit/memory/frame_pool.cpp: frames are recycled at home, wherever they are freed, and never outlive their use.
#include <weir/cpu/pause.hpp>
#include <weir/memory/frame_pool.hpp>
#include <weir/queue/spsc.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <barrier>
#include <coroutine>
#include <cstdint>
#include <cstring>
#include <exception>
#include <set>
#include <thread>
#include <vector>

using weir::frame_pool;
using weir::frame_pool_guard;
using weir::this_frame_pool;

// A sanitizer slows these down, and ends the program on a request that cannot be met.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if !defined(SANITIZED)
#define SANITIZED 0
#endif

namespace {

std::vector<void*> allocate_many(std::size_t count, std::size_t bytes) {
    std::vector<void*> frames(count);
    for (void*& frame : frames) {
        frame = frame_pool::allocate(bytes);
        std::memset(frame, 0x5a, bytes);
    }
    return frames;
}

void deallocate_many(std::vector<void*> const& frames, std::size_t bytes) {
    for (void* const frame : frames) frame_pool::deallocate(frame, bytes);
}

template <class F>
void elsewhere(F work) {
    std::thread(work).join();
}

} // namespace

TEST_CASE("a freed frame is the next one of its size class", "[frame_pool]") {
    frame_pool_guard const guard;
    void* const first = frame_pool::allocate(100);
    frame_pool::deallocate(first, 100);
    CHECK(this_frame_pool()->cached_bytes() == 128);
    void* const second = frame_pool::allocate(112); // the same class: 128 bytes with the header
    CHECK(second == first);
    CHECK(this_frame_pool()->cached_bytes() == 0);
    void* const other = frame_pool::allocate(113);
    CHECK(other != first);
    frame_pool::deallocate(second, 112);
    frame_pool::deallocate(other, 113);
    CHECK(this_frame_pool()->cached_bytes() == 128 + 192);
}

TEST_CASE("every size is whole, aligned and apart from its neighbours", "[frame_pool]") {
    frame_pool_guard const guard;
    for (int round = 0; round < 2; ++round) { // fresh, then recycled
        std::vector<unsigned char*> frames;
        for (std::size_t bytes = 1; bytes <= 1200; ++bytes) {
            auto* const frame = static_cast<unsigned char*>(frame_pool::allocate(bytes));
            REQUIRE(reinterpret_cast<std::uintptr_t>(frame) % __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 0);
            std::memset(frame, static_cast<int>(bytes % 251), bytes);
            frames.push_back(frame);
        }
        for (std::size_t bytes = 1; bytes <= 1200; ++bytes) {
            auto const* const frame = frames[bytes - 1];
            REQUIRE(std::all_of(frame, frame + bytes, [&](unsigned char c) { return c == bytes % 251; }));
            frame_pool::deallocate(frames[bytes - 1], bytes);
        }
    }
}

TEST_CASE("a frame above the largest class is not kept", "[frame_pool]") {
    frame_pool_guard const guard;
    frame_pool::deallocate(frame_pool::allocate(frame_pool::largest + 1), frame_pool::largest + 1);
    CHECK(this_frame_pool()->cached_bytes() == 0);
    frame_pool::deallocate(frame_pool::allocate(frame_pool::largest), frame_pool::largest);
    CHECK(this_frame_pool()->cached_bytes() == 1024);
}

TEST_CASE("without a pool a frame is plain memory, on both ends and across them", "[frame_pool]") {
    REQUIRE(this_frame_pool() == nullptr);
    void* const plain = frame_pool::allocate(64);
    frame_pool::deallocate(frame_pool::allocate(64), 64);
    frame_pool_guard const guard;
    frame_pool::deallocate(plain, 64);
    CHECK(this_frame_pool()->cached_bytes() == 0); // it was nobody's and joins no cache
}

TEST_CASE("a nested guard keeps the outer pool, and the outermost takes it away", "[frame_pool]") {
    {
        frame_pool_guard const outer;
        frame_pool* const pool = this_frame_pool();
        REQUIRE(pool != nullptr);
        {
            frame_pool_guard const inner;
            CHECK(this_frame_pool() == pool);
            frame_pool::deallocate(frame_pool::allocate(40), 40);
        }
        CHECK(this_frame_pool() == pool);
        CHECK(pool->cached_bytes() == 64);
    }
    CHECK(this_frame_pool() == nullptr);
}

TEST_CASE("what a class keeps is bounded", "[frame_pool]") {
    frame_pool_guard const guard;
    for (std::size_t const bytes : {40u, 200u, 1000u}) {
        auto const before = this_frame_pool()->cached_bytes();
        deallocate_many(allocate_many(5000, bytes), bytes);
        auto const kept = this_frame_pool()->cached_bytes() - before;
        CHECK(kept <= frame_pool::kept_bytes);
        CHECK(kept > frame_pool::kept_bytes - 1024);
    }
}

TEST_CASE("a frame freed on another thread comes home when its class runs dry", "[frame_pool]") {
    bool const freed_under_a_pool = GENERATE_COPY(false, true);
    frame_pool_guard const guard;
    auto const small = allocate_many(20, 48);
    auto const large = allocate_many(20, 500);
    elsewhere([&] {
        if (freed_under_a_pool) {
            frame_pool_guard const theirs;
            deallocate_many(small, 48);
            deallocate_many(large, 500);
            CHECK(this_frame_pool()->cached_bytes() == 0); // it did not adopt them
        } else {
            deallocate_many(small, 48);
            deallocate_many(large, 500);
        }
    });
    CHECK(this_frame_pool()->cached_bytes() == 0);
    auto const again = allocate_many(20, 48); // the first one takes both classes home
    CHECK(this_frame_pool()->cached_bytes() == 20 * 576);
    auto const large_again = allocate_many(20, 500);
    CHECK(std::set(again.begin(), again.end()) == std::set(small.begin(), small.end()));
    CHECK(std::set(large_again.begin(), large_again.end()) == std::set(large.begin(), large.end()));

    deallocate_many(again, 48); // home again, so these are the owner's own
    CHECK(this_frame_pool()->cached_bytes() == 20 * 64);
    deallocate_many(large_again, 500);
}

TEST_CASE("what waits for an owner that does not come is bounded", "[frame_pool]") {
    frame_pool_guard const guard;
    constexpr std::size_t count = 3 * frame_pool::kept_remote;
    auto const frames = allocate_many(count, 48);
    elsewhere([&] { deallocate_many(frames, 48); });
    void* const one = frame_pool::allocate(48); // takes home what waited
    CHECK(this_frame_pool()->cached_bytes() == (frame_pool::kept_remote - 1) * 64);
    frame_pool::deallocate(one, 48);

    // The account is settled, so the next ones wait again.
    auto const more = allocate_many(2 * frame_pool::kept_remote, 48);
    CHECK(this_frame_pool()->cached_bytes() == 0);
    elsewhere([&] { deallocate_many(more, 48); });
    frame_pool::deallocate(frame_pool::allocate(48), 48);
    CHECK(this_frame_pool()->cached_bytes() == frame_pool::kept_remote * 64);
}

TEST_CASE("frames of another pool go home by parcels, and the last one when this pool is left", "[frame_pool]") {
    constexpr std::size_t parcel = weir::frame_parcel::capacity;
    std::barrier turn{2};
    std::vector<void*> frames;
    std::size_t home_before = 0;
    std::size_t home_after = 0;
    std::thread owner([&] {
        frame_pool_guard const guard;
        frames = allocate_many(2 * parcel + 1, 300);
        auto const count_home = [] {
            void* const one = frame_pool::allocate(300); // takes home what there is
            auto const rest = this_frame_pool()->cached_bytes() / 320;
            frame_pool::deallocate(one, 300);
            return rest;
        };
        turn.arrive_and_wait(); // made
        turn.arrive_and_wait(); // freed
        home_before = count_home();
        auto const all = allocate_many(2 * parcel, 300); // so that it looks again
        turn.arrive_and_wait(); // counted
        turn.arrive_and_wait(); // left
        home_after = count_home();
        deallocate_many(all, 300);
    });
    {
        frame_pool_guard const guard;
        turn.arrive_and_wait(); // made
        deallocate_many(frames, 300);
        turn.arrive_and_wait(); // freed
        turn.arrive_and_wait(); // counted
    }
    turn.arrive_and_wait(); // left
    owner.join();
    CHECK(home_before == 2 * parcel - 1); // and the one that asked
    CHECK(home_after == 0);               // it asked and got the last one
}

TEST_CASE("a thread that frees frames of several owners mixes them up neither with pools nor without", "[frame_pool]") {
    std::vector<void*> of_one;
    std::vector<void*> of_other;
    frame_pool_guard const guard;
    auto const own = allocate_many(30, 100);
    std::barrier turn{2};
    std::thread other([&] {
        frame_pool_guard const theirs;
        of_other = allocate_many(30, 100);
        turn.arrive_and_wait();
        turn.arrive_and_wait();
        auto const again = allocate_many(30, 100);
        CHECK(std::set(again.begin(), again.end()) == std::set(of_other.begin(), of_other.end()));
        deallocate_many(again, 100);
    });
    elsewhere([&] {
        frame_pool_guard const theirs;
        of_one = allocate_many(30, 100);
    }); // its pool was left
    turn.arrive_and_wait();
    elsewhere([&] {
        frame_pool_guard const theirs;
        for (std::size_t n = 0; n < 30; ++n)
            for (void* const frame : {own[n], of_one[n], of_other[n]}) frame_pool::deallocate(frame, 100);
    });
    turn.arrive_and_wait();
    other.join();
    auto const again = allocate_many(30, 100);
    CHECK(std::set(again.begin(), again.end()) == std::set(own.begin(), own.end()));
    deallocate_many(again, 100);
}

TEST_CASE("a coroutine that goes on elsewhere uses the pool of where it is", "[frame_pool]") {
    struct walker {
        struct promise_type {
            walker get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
            std::suspend_always initial_suspend() noexcept { return {}; }
            std::suspend_always final_suspend() noexcept { return {}; }
            void return_void() noexcept {}
            void unhandled_exception() noexcept { std::terminate(); }
        };
        std::coroutine_handle<promise_type> handle;
    };
    std::vector<frame_pool*> seen;
    auto const walk = [&]() -> walker {
        frame_pool* const first = this_frame_pool();
        for (int n = 0; n < 3; ++n) {
            co_await std::suspend_always{};
            seen.push_back(this_frame_pool());
        }
        seen.push_back(first);
    };
    frame_pool_guard const guard;
    auto const walker = walk();
    walker.handle.resume();
    frame_pool* const here = this_frame_pool();
    frame_pool* there = nullptr;
    elsewhere([&] {
        walker.handle.resume(); // where there is none
        frame_pool_guard const theirs;
        there = this_frame_pool();
        walker.handle.resume();
    });
    walker.handle.resume();
    REQUIRE(walker.handle.done());
    walker.handle.destroy();
    CHECK(seen == std::vector<frame_pool*>{nullptr, there, here, here});
}

#if WEIR_ASAN
TEST_CASE("under an address sanitizer a frame that waits for its next use is poisoned", "[frame_pool]") {
    frame_pool_guard const guard;
    auto const frames = allocate_many(3, 100);
    frame_pool::deallocate(frames[0], 100); // the hot one
    frame_pool::deallocate(frames[1], 100);
    frame_pool_guard const nested;
    CHECK(__asan_address_is_poisoned(frames[0]));
    CHECK(__asan_address_is_poisoned(frames[1]));
    CHECK(!__asan_address_is_poisoned(frames[2]));
    deallocate_many(allocate_many(2, 100), 100);
    frame_pool::deallocate(frames[2], 100);
    CHECK(__asan_address_is_poisoned(frames[2]));

    auto const foreign = allocate_many(2, 500);
    elsewhere([&] {
        frame_pool_guard const theirs;
        deallocate_many(foreign, 500);
        CHECK(__asan_address_is_poisoned(foreign[0])); // in the parcel
    });
    auto const again = frame_pool::allocate(500); // one came home and is in use, the other waits
    CHECK(__asan_address_is_poisoned(foreign[0]) != __asan_address_is_poisoned(foreign[1]));
    frame_pool::deallocate(again, 500);
}
#endif

// The next ones state what the address and leak sanitizers see: no access to a pool that is gone, and none left behind.

TEST_CASE("a frame outlives its pool's scope and is freed by the same thread", "[frame_pool]") {
    std::vector<void*> frames;
    {
        frame_pool_guard const guard;
        frames = allocate_many(10, 300);
        deallocate_many(allocate_many(10, 300), 300);
    }
    for (void* const frame : frames) {
        auto const* const bytes = static_cast<unsigned char*>(frame);
        CHECK(std::all_of(bytes, bytes + 300, [](unsigned char c) { return c == 0x5a; }));
    }
    frame_pool_guard const another;
    deallocate_many(frames, 300);
    CHECK(this_frame_pool()->cached_bytes() == 0);
}

TEST_CASE("a frame outlives its pool's thread", "[frame_pool]") {
    std::vector<void*> frames;
    elsewhere([&] {
        frame_pool_guard const guard;
        frames = allocate_many(10, 300);
        frame_pool::deallocate(frames.back(), 300);
        frames.pop_back();
        elsewhere([&] { // one on its way home when the owner leaves
            frame_pool::deallocate(frames.back(), 300);
            frames.pop_back();
        });
    });
    REQUIRE(frames.size() == 8);
    deallocate_many(frames, 300);
}

TEST_CASE("threads that free while the owner leaves agree on who deletes the pool", "[frame_pool]") {
    constexpr int rounds = SANITIZED ? 300 : 2000;
    for (int round = 0; round < rounds; ++round) {
        std::vector<void*> left;
        std::vector<void*> right;
        std::thread one;
        std::thread two;
        {
            frame_pool_guard const guard;
            left = allocate_many(static_cast<std::size_t>(1 + round % 7), 64);
            right = allocate_many(static_cast<std::size_t>(round % 5), 640);
            one = std::thread([&] { deallocate_many(left, 64); });
            two = std::thread([&] { deallocate_many(right, 640); });
            if (round % 3 == 0) deallocate_many(allocate_many(4, 64), 64); // may take some of them home
        }
        one.join();
        two.join();
    }
    SUCCEED("no sanitizer spoke");
}

TEST_CASE("frames that stream from one thread to another are reused without a mix-up", "[frame_pool]") {
    constexpr std::size_t count = 100'000;
    constexpr std::size_t sizes[] = {40, 120, 700, 1500};
    weir::spsc<void*> stream{256};
    bool intact = true;
    std::thread consumer([&] {
        frame_pool_guard const guard;
        for (std::size_t n = 0; n < count; ++n) {
            auto frame = stream.try_pop();
            for (weir::backoff wait; !frame; frame = stream.try_pop()) wait();
            auto const bytes = sizes[n % 4];
            auto const* const content = static_cast<unsigned char*>(*frame);
            intact = intact && content[0] == n % 251 && content[bytes - 1] == n % 251;
            frame_pool::deallocate(*frame, bytes);
        }
    });
    {
        frame_pool_guard const guard;
        for (std::size_t n = 0; n < count; ++n) {
            auto const bytes = sizes[n % 4];
            void* const frame = frame_pool::allocate(bytes);
            std::memset(frame, static_cast<int>(n % 251), bytes);
            for (weir::backoff wait; !stream.try_push(frame);) wait();
        }
    }
    consumer.join(); // the pool was left while its frames were still on their way
    CHECK(intact);
}

#if WEIR_EXCEPTIONS && !SANITIZED
TEST_CASE("a frame that cannot be had throws bad_alloc", "[frame_pool]") {
    frame_pool_guard const guard;
    std::size_t volatile too_much = std::size_t{1} << 62;
    CHECK_THROWS_AS(frame_pool::allocate(too_much), std::bad_alloc);
}
#endif
