// tests/unit/channel/source.cpp: channels, generators and ranges are read alike.
#include <weir/channel/broadcast.hpp>
#include <weir/channel/channel.hpp>
#include <weir/channel/chunks.hpp>
#include <weir/channel/oneshot.hpp>
#include <weir/channel/read_ahead.hpp>
#include <weir/channel/source.hpp>
#include <weir/channel/unbounded_channel.hpp>
#include <weir/channel/watch.hpp>
#include <weir/coro/async_generator.hpp>
#include <weir/coro/generator.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/timer/interval.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace weir;

namespace {

template <class S, class T>
constexpr bool reads = std::is_same_v<typename reader<S>::value_type, T>;

// Everything that is read from it, then the number of the error that ends it.
template <class S>
task<std::vector<int>> all_of(reader<S> from) {
    std::vector<int> got;
    for (;;) {
        auto const one = co_await from.read();
        got.push_back(one ? *one : -one.error().value());
        if (!one) co_return got;
    }
}
template <class S>
std::vector<int> read_all(S&& from) {
    return sync_wait(all_of(reader<S>{std::forward<S>(from)}));
}

generator<int> up_to(int last) {
    for (int n = 1; n <= last; ++n) co_yield int{n};
}
async_generator<int> up_to_with_waits(int last) {
    for (int n = 1; n <= last; ++n) {
        co_await yield();
        co_yield int{n};
    }
}

constexpr int at_end = -static_cast<int>(errc::closed);
std::vector<int> const one_to_three{1, 2, 3, at_end};

} // namespace

static_assert(reads<channel<std::string>&, std::string> && leavable_source<channel<int>&>);
static_assert(reads<unbounded_channel<int>&, int> && leavable_source<unbounded_channel<int>&>);
static_assert(reads<broadcast<int>::receiver, int> && leavable_source<broadcast<int>::receiver&>);
static_assert(reads<oneshot_receiver<int>, int> && reads<interval&, std::uint64_t>);
static_assert(reads<results<int>, int> && leavable_source<results<int>>);
static_assert(reads<chunks<channel<int>&>, std::vector<int>> && leavable_source<chunks<channel<int>&>>);
static_assert(reads<async_generator<int>, int> && !leavable_source<async_generator<int>>);
static_assert(reads<async_generator<int>&, int> && !leavable_source<async_generator<int>&>);
static_assert(reads<generator<int&>, int> && leavable_source<generator<int>&>);
static_assert(reads<std::vector<int> const&, int> && reads<std::list<std::string>&, std::string>);
static_assert(!source<std::vector<int>>, "its iterators need not survive a move");
static_assert(!source<watch<int>::receiver> && !source<int> && !source<child_value<int>>);

TEST_CASE("channels and their receivers are read to their close", "[source]") {
    channel<int> bounded{3};
    unbounded_channel<int> unbounded;
    broadcast<int> news{4};
    auto hears = news.subscribe();
    for (int n = 1; n <= 3; ++n) {
        REQUIRE(bounded.try_send(int{n}));
        REQUIRE(unbounded.send(int{n}));
        news.send(n);
    }
    bounded.close();
    unbounded.close();
    news.close();
    CHECK(read_all(bounded) == one_to_three);
    CHECK(read_all(unbounded) == one_to_three);
    CHECK(read_all(std::move(hears)) == one_to_three);
}

TEST_CASE("a oneshot is a source of one element", "[source]") {
    auto halves = oneshot<int>();
    REQUIRE(halves.first.send(1));
    CHECK(read_all(std::move(halves.second)) == std::vector{1, at_end});
}

TEST_CASE("generators and ranges are read to their end, named or moved in", "[source]") {
    CHECK(read_all(up_to(3)) == one_to_three);
    CHECK(read_all(up_to_with_waits(3)) == one_to_three);
    auto numbers = up_to(3);
    CHECK(read_all(numbers) == one_to_three);
    auto waits = up_to_with_waits(3);
    CHECK(read_all(waits) == one_to_three);
    CHECK(read_all(waits) == std::vector{at_end}); // stays at its end
    std::list<int> const list{1, 2, 3};
    CHECK(read_all(list) == one_to_three);
    std::istringstream text{"1 2 3"};
    CHECK(read_all(std::views::istream<int>(text)) == one_to_three);
}

TEST_CASE("what is read from an empty source again is its end again", "[source]") {
    auto none = up_to(0);
    reader<generator<int>&> from{none};
    auto const asks_twice = [&]() -> task<int> {
        auto const first = co_await from.read();
        auto const second = co_await from.read();
        co_return (first.error() == errc::closed) + (second.error() == errc::closed);
    };
    CHECK(sync_wait(asks_twice()) == 2);
}

TEST_CASE("elements of a named vector are copied, those of a generator are moved", "[source]") {
    std::vector<std::string> const kept{std::string(40, 'a')};
    std::vector<std::string> words = kept;
    auto const first_of_words = [&]() -> task<std::string> {
        reader<std::vector<std::string>&> from{words};
        auto word = co_await from.read();
        co_return *std::move(word);
    };
    CHECK(sync_wait(first_of_words()) == kept[0]);
    CHECK(words == kept);

    auto const owned = []() -> generator<std::unique_ptr<int>> { co_yield std::make_unique<int>(7); };
    auto const first_of_owned = [&]() -> task<int> {
        reader<generator<std::unique_ptr<int>>> from{owned()};
        auto const one = co_await from.read();
        co_return **one;
    };
    CHECK(sync_wait(first_of_owned()) == 7);
}

TEST_CASE("what a generator throws comes out of the read, and then it is at its end", "[source]") {
    auto const throws = []() -> generator<int> {
        co_yield 1;
        throw std::runtime_error("here");
    };
    auto const throws_late = []() -> async_generator<int> {
        co_yield 1;
        co_await yield();
        throw std::runtime_error("here");
    };
    auto const look = []<class S>(reader<S> from) -> task<std::string> {
        std::string seen;
        for (int n = 0; n < 4; ++n) {
            try {
                auto const one = co_await from.read();
                seen += one ? 'v' : 'e';
            } catch (std::runtime_error const&) {
                seen += 't';
            }
        }
        co_return seen;
    };
    CHECK(sync_wait(look(reader<generator<int>>{throws()})) == "vtee");
    CHECK(sync_wait(look(reader<async_generator<int>>{throws_late()})) == "vtee");
}
