// tests/unit/coro/generator.cpp: values one at a time, lazily, and an end in the middle that leaves nothing behind.
#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/scale.hpp"

#include <weir/coro/generator.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <iterator>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

generator<int> numbers(int count) {
    for (int n = 0; n < count; ++n) co_yield n;
}

generator<int> throws_at(int place) {
    counted const held{1};
    for (int n = 0; n < place; ++n) co_yield n;
    throw std::runtime_error("here");
}

} // namespace

static_assert(std::input_iterator<generator<int>::iterator>);
static_assert(std::ranges::input_range<generator<std::unique_ptr<int>>>);
static_assert(std::is_same_v<std::ranges::range_reference_t<generator<std::string&>>, std::string&>);
static_assert(std::is_same_v<std::ranges::range_reference_t<generator<std::string>>, std::string&&>);
static_assert(!std::is_copy_constructible_v<generator<int>>);
static_assert(!std::copyable<generator<int>::iterator>);

TEST_CASE("nothing runs before the first value is asked for, and no further than the last that was") {
    int reached = 0;
    auto const steps = [](int& at) -> generator<int> {
        at = 1;
        co_yield 10;
        at = 2;
        co_yield 20;
        at = 3;
    };
    auto values = steps(reached);
    CHECK(reached == 0);
    auto at = values.begin();
    CHECK(*at == 10);
    CHECK(reached == 1);
    ++at;
    CHECK(*at == 20);
    CHECK(reached == 2);
    ++at;
    CHECK(at == values.end());
    CHECK(reached == 3);
}

TEST_CASE("one without values is at its end at once") {
    auto values = numbers(0);
    CHECK(values.begin() == values.end());
}

TEST_CASE("a million values cost one frame and no stack") {
    std::size_t const count = scaled(1'000'000);
    std::size_t sum = 0;
    auto const all = [](std::size_t up_to) -> generator<std::size_t> {
        for (std::size_t n = 0; n < up_to; ++n) co_yield n;
    };
    std::size_t const made = blocks_made_by([&] {
        for (auto const n : all(count)) sum += n;
    });
    CHECK(sum == count * (count - 1) / 2);
    CHECK(made <= 1);
}

TEST_CASE("a yielded variable is copied: who moves the value away leaves the variable alone") {
    auto const twice = []() -> generator<std::string> {
        std::string const fixed(50, 'f');
        std::string word(50, 'w');
        co_yield fixed;
        co_yield word;
        co_yield word + "!";
        co_yield std::move(word);
    };
    std::vector<std::string> got;
    for (auto&& word : twice()) got.push_back(std::move(word));
    std::string const word(50, 'w');
    CHECK(got == std::vector{std::string(50, 'f'), word, word + "!", word});
}

TEST_CASE("move-only values and references pass, and a reference is to the generator's own") {
    auto const pointers = []() -> generator<std::unique_ptr<int>> {
        for (int n = 0; n < 3; ++n) co_yield std::make_unique<int>(n);
    };
    int sum = 0;
    for (std::unique_ptr<int> held : pointers()) sum += *held;
    CHECK(sum == 3);
    std::vector<int> seen;
    auto const doubles = [](std::vector<int>& into) -> generator<int&> {
        for (int n = 1; n < 100;) {
            co_yield n;
            into.push_back(n);
        }
    };
    for (int& n : doubles(seen)) n *= 10;
    CHECK(seen == std::vector{10, 100});
}

TEST_CASE("an exception comes out where the value was asked for, and then it is the end") {
    auto at_once = throws_at(0);
    CHECK_THROWS_AS(at_once.begin(), std::runtime_error);
    {
        auto later = throws_at(2);
        auto at = later.begin();
        ++at;
        CHECK(*at == 1);
        CHECK_THROWS_AS(++at, std::runtime_error);
        CHECK(at == later.end());
        CHECK(counted::alive == 0); // its locals went with the exception
    }
}

TEST_CASE("an exception of a yielded value's copy is thrown inside the generator, which may go on") {
    class throws_when_copied {
    public:
        throws_when_copied() = default;
        throws_when_copied(throws_when_copied const&) { throw std::runtime_error("copy"); }
        throws_when_copied(throws_when_copied&&) noexcept {}
    };
    bool caught = false;
    auto const yields = [](bool& noticed) -> generator<throws_when_copied> {
        throws_when_copied const value;
        try {
            co_yield value;
        } catch (std::runtime_error const&) {
            noticed = true;
        }
        co_yield throws_when_copied{};
    };
    int got = 0;
    for (auto&& value : yields(caught)) {
        static_cast<void>(value);
        ++got;
    }
    CHECK(caught);
    CHECK(got == 1);
}

TEST_CASE("dropped before, in the middle of and after its values, it leaves nothing") {
    auto const holds = [](counted held) -> generator<counted> {
        counted const local{1};
        for (int n = 0; n < 3; ++n) co_yield counted{held.value};
    };
    CHECK(blocks_left_by([&] {
              for (int take = 0; take < 5; ++take) {
                  auto values = holds(counted{7});
                  if (take == 0) continue;
                  auto at = values.begin();
                  for (int n = 1; n < take && at != values.end(); ++n) ++at;
              }
          }) == 0);
    CHECK(counted::alive == 0);
}

TEST_CASE("it may be moved between two values, and takes the place of another, which is destroyed") {
    auto first = numbers(5);
    auto at = first.begin();
    ++at;
    auto second = std::move(first);
    ++at;
    CHECK(*at == 2);
    auto third = throws_at(4);
    static_cast<void>(third.begin());
    CHECK(counted::alive == 1);
    third = std::move(second);
    CHECK(counted::alive == 0);
    ++at;
    CHECK(*at == 3);
}

TEST_CASE("views take what they need of it") {
    std::vector<int> got;
    auto const odd = [](int n) { return n % 2 == 1; };
    for (int const n : numbers(1'000'000) | std::views::filter(odd) | std::views::take(3)) got.push_back(n);
    CHECK(got == std::vector{1, 3, 5});
}
