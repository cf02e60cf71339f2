// tests/unit/coro/interleave.cpp: lookups take turns, each ends once, and their frames lie in one block of memory.
#include "support/allocations.hpp"
#include "support/forked.hpp"

#include <weir/coro/interleave.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <memory>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

using namespace weir;

namespace {

std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

// Waits as often as it is told.
interleaved<int> waits(int times, int gives, std::vector<std::string>* said = nullptr) {
    int const here = 0;
    for (int n = 0; n < times; ++n) {
        int const* const at = co_await prefetched(&here);
        if (at != &here) throw std::logic_error("another address came back");
        if (said) said->push_back(std::to_string(gives) + "." + std::to_string(n));
    }
    co_return gives;
}

static_assert(!std::is_copy_constructible_v<interleaved<int>>);
static_assert(std::is_nothrow_move_constructible_v<interleaved<int>>);

// Has a larger frame than waits.
interleaved<int> waits_with_luggage(int times, int gives) {
    int luggage[64] = {};
    for (int n = 0; n < times; ++n) {
        int* const at = co_await prefetched(luggage + n);
        *at = 1;
    }
    co_return gives + std::accumulate(luggage, luggage + 64, 0) - times;
}

struct counted {
    explicit counted(int& living) : living_{&living} { ++*living_; }
    counted(counted const&) = delete;
    counted& operator=(counted const&) = delete;
    ~counted() { --*living_; }
    int* living_;
};

} // namespace

TEST_CASE("every key is looked up once, whatever the width and however often each waits") {
    for (int const count : {0, 1, 2, 3, 4, 5, 17, 100}) {
        std::vector<int> given(static_cast<std::size_t>(count), -1);
        int calls = 0;
        interleave<4>(
            numbers(count), [](int key) { return waits(key % 5, key * 10); },
            [&](std::size_t n, int value) {
                given[n] = value;
                ++calls;
            });
        CHECK(calls == count);
        for (int n = 0; n < count; ++n) CHECK(given[static_cast<std::size_t>(n)] == n * 10);
    }
}

TEST_CASE("lookups go on in turns, and no more than the width at once") {
    std::vector<std::string> said;
    interleave<2>(numbers(3), [&](int key) { return waits(2, key, &said); }, [](std::size_t, int) {});
    CHECK(said == std::vector<std::string>{"0.0", "1.0", "0.1", "1.1", "2.0", "2.1"});
}

TEST_CASE("a width of one is a plain loop") {
    std::vector<std::string> said;
    interleave<1>(numbers(2), [&](int key) { return waits(2, key, &said); }, [](std::size_t, int) {});
    CHECK(said == std::vector<std::string>{"0.0", "0.1", "1.0", "1.1"});
}

TEST_CASE("lookups that never wait end at once and in order") {
    std::vector<std::size_t> order;
    interleave<8>(numbers(20), [](int key) { return waits(0, key); }, [&](std::size_t n, int) { order.push_back(n); });
    CHECK(std::ranges::is_sorted(order));
    CHECK(order.size() == 20);
}

TEST_CASE("a lookup may give nothing, and something that only moves") {
    int ended = 0;
    interleave<3>(
        numbers(7), [&](int) -> interleaved<> { co_await prefetched(&ended); }, [&](std::size_t) { ++ended; });
    CHECK(ended == 7);
    int sum = 0;
    interleave<3>(
        numbers(7),
        [&](int key) -> interleaved<std::unique_ptr<int>> {
            co_await prefetched(&sum);
            co_return std::make_unique<int>(key);
        },
        [&](std::size_t, std::unique_ptr<int> value) { sum += *value; });
    CHECK(sum == 21);
}

TEST_CASE("all frames cost one allocation, however many keys there are") {
    auto const keys = numbers(1'000);
    long long sum = 0;
    auto const made = test::blocks_made_by([&] {
        interleave<16>(keys, [](int key) { return waits(3, key); }, [&](std::size_t, int value) { sum += value; });
    });
    if (!WEIR_TSAN) CHECK(made == 1);
    CHECK(sum == 499'500);
}

TEST_CASE("an exception of a lookup ends all of them, and what they held is destroyed") {
    int living = 0;
    int used = 0;
    auto const lookup = [&](int key) -> interleaved<int> {
        counted const held{living};
        co_await prefetched(&living);
        if (key == 5) throw std::runtime_error("the fifth");
        co_return key;
    };
    CHECK_THROWS_AS(interleave<4>(numbers(20), lookup, [&](std::size_t, int) { ++used; }), std::runtime_error);
    CHECK(used == 5);
    CHECK(living == 0);
}

TEST_CASE("an exception before the first wait ends all, too, and the next use of lookups is as if nothing had been") {
    int living = 0;
    auto const lookup = [&](int key) -> interleaved<int> {
        counted const held{living};
        if (key == 2) throw std::runtime_error("the second");
        co_await prefetched(&living);
        co_return key;
    };
    for (int turn = 0; turn < 2; ++turn) {
        CHECK_THROWS_AS(interleave<4>(numbers(20), lookup, [](std::size_t, int) {}), std::runtime_error);
        CHECK(living == 0);
    }
    int sum = 0;
    interleave<4>(numbers(2), lookup, [&](std::size_t, int key) { sum += key; });
    CHECK(sum == 1);
}

TEST_CASE("lookups that are called and dropped, or are larger than the first, get memory of their own and give it back") {
    auto const keys = numbers(50);
    int sum = 0;
    auto const left = test::blocks_left_by([&] {
        interleave<4>(
            keys,
            [](int key) {
                auto first = waits(2, key);
                auto second = waits_with_luggage(key % 7, key);
                return key % 2 == 0 ? std::move(first) : std::move(second);
            },
            [&](std::size_t, int value) { sum += value; });
    });
    CHECK(sum == 49 * 50 / 2);
    CHECK(left == 0);
}

TEST_CASE("the failures of two lookups, of which one was dropped, are one exception") {
    auto const fails = [](int) -> interleaved<int> {
        throw std::runtime_error("at once");
        co_return 0;
    };
    auto const both = [&](int key) {
        static_cast<void>(fails(key));
        return fails(key);
    };
    CHECK_THROWS_AS(interleave<2>(numbers(3), both, [](std::size_t, int) {}), std::runtime_error);
}

TEST_CASE("a lookup outside of interleave ends the program, and so does one that outlives it") {
    auto const outside = test::run_in_child([] {
        std::vector<interleaved<int>> kept; // clang gives a lookup that goes nowhere no frame of its own
        kept.push_back(waits(1, 1));
        return std::string{};
    });
    CHECK(!outside.well);
    CHECK(outside.words.find("outside of interleave") != std::string::npos);
#if !defined(NDEBUG)
    auto const outliving = test::run_in_child([] {
        std::vector<interleaved<int>> kept;
        interleave<2>(
            numbers(1),
            [&](int key) {
                kept.push_back(waits(1, key));
                return waits(1, key);
            },
            [](std::size_t, int) {});
        return std::string{};
    });
    CHECK(!outliving.well);
    CHECK(outliving.words.find("outlived") != std::string::npos);
#endif
}

#if WEIR_GCC_BEFORE_13
namespace {
int const somewhere = 1;
// No local variable, and a condition that waits: what these compilers lay out wrongly.
interleaved<bool> is_laid_out_wrongly() {
    if (co_await prefetched(&somewhere)) // trap on purpose
        co_return true;
    co_return false;
}
} // namespace

TEST_CASE("a lookup whose frame the compiler has laid out wrongly ends the program before it runs") {
    auto const how = test::run_in_child([] {
        interleave<2>(numbers(1), [](int) { return is_laid_out_wrongly(); }, [](std::size_t, bool) {});
        return std::string{};
    });
    CHECK(!how.well);
    CHECK(how.words.find("laid a coroutine's frame out wrongly") != std::string::npos);
}
#endif

TEST_CASE("an exception of who uses the values, or of the call that begins a lookup, does the same") {
    int living = 0;
    auto const lookup = [&](int key) -> interleaved<int> {
        counted const held{living};
        co_await prefetched(&living);
        co_return key;
    };
    CHECK_THROWS_AS(interleave<4>(numbers(20), lookup,
                                  [](std::size_t n, int) {
                                      if (n == 9) throw std::runtime_error("the ninth");
                                  }),
                    std::runtime_error);
    CHECK(living == 0);
    auto const picky = [&](int key) {
        if (key == 6) throw std::runtime_error("not this one");
        return lookup(key);
    };
    CHECK_THROWS_AS(interleave<4>(numbers(20), picky, [](std::size_t, int) {}), std::runtime_error);
    CHECK(living == 0);
}

TEST_CASE("lookups may be interleaved inside the use of others") {
    int sum = 0;
    interleave<2>(numbers(3), [](int key) { return waits(1, key); }, [&](std::size_t, int outer) {
        interleave<2>(numbers(3), [](int key) { return waits(2, key); },
                      [&](std::size_t, int inner) { sum += 10 * outer + inner; });
    });
    CHECK(sum == 3 * 30 + 3 * 3);
}

TEST_CASE("lookups may be interleaved inside a lookup, whose exceptions it may catch") {
    int caught = 0;
    int sum = 0;
    auto const inner = [](int key) -> interleaved<int> {
        int const here = co_await prefetched(&key) ? key : 0;
        if (here == 2) throw std::runtime_error("inside");
        co_return here;
    };
    auto const outer = [&](int key) -> interleaved<int> {
        co_await prefetched(&sum);
        try {
            interleave<2>(numbers(key), inner, [](std::size_t, int) {});
        } catch (std::runtime_error const&) {
            ++caught;
        }
        co_await prefetched(&sum);
        co_return key;
    };
    interleave<3>(numbers(6), outer, [&](std::size_t, int value) { sum += value; });
    CHECK(sum == 15);
    CHECK(caught == 3);
}

TEST_CASE("keys may come from any range, one at a time") {
    std::vector<int> given;
    interleave<2>(
        std::views::iota(0, 10) | std::views::filter([](int n) { return n % 3 == 0; }),
        [](int key) { return waits(1, key); }, [&](std::size_t, int value) { given.push_back(value); });
    std::ranges::sort(given);
    CHECK(given == std::vector<int>{0, 3, 6, 9});
}
