// tests/unit/runtime/await_chain.cpp: a suspended coroutine's awaiters are found from its frame, and nothing else is
// taken for one.
#include <weir/coro/context.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/task.hpp>
#include <weir/runtime/await_chain.hpp>
#include <weir/runtime/place_text.hpp>
#include <weir/runtime/symbols.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <span>
#include <string>
#include <vector>

using namespace weir;

namespace chained {

std::vector<frame_sight> seen; // the innermost first
std::array<std::uintptr_t, 2> nearest{};
std::size_t followed = 0;
std::vector<std::uintptr_t> functions;

void look_from(std::coroutine_handle<> self) {
    symbols names;
    functions = names.coroutines();
    await_chain const chain{functions};
    auto const frame = reinterpret_cast<std::uintptr_t>(self.address());
    for (auto at = chain.look(frame); at.function != 0; at = chain.look(at.awaiter)) seen.push_back(at);
    followed = chain.follow(frame, nearest);
}

[[gnu::noinline]] task<> inner() {
    auto const self = co_await this_coroutine();
    look_from(self);
}
constexpr auto line_of_middle = std::source_location::current().line() + 2;
[[gnu::noinline]] task<> middle() {
    co_await inner();
}
constexpr auto line_of_outer = std::source_location::current().line() + 2;
[[gnu::noinline]] task<> outer() {
    co_await middle();
}
[[gnu::noinline]] task<> opens() {
    co_await in_scope([](scope& children) -> task<> {
        children.spawn(inner);
        co_return;
    });
}

} // namespace chained

TEST_CASE("each awaiter follows, with the line where it awaits") {
    chained::seen.clear();
    sync_wait(chained::outer());
    if (chained::functions.empty()) SKIP("this program has no table of symbols");
    auto const& seen = chained::seen;
    REQUIRE(seen.size() >= 3);
    symbols names;
    CHECK(names.name_of(seen[0].function) == "chained::inner");
    CHECK(names.name_of(seen[1].function) == "chained::middle");
    CHECK(names.name_of(seen[2].function) == "chained::outer");
    CHECK(seen[0].awaiter == seen[1].frame);
    CHECK(place_text(seen[0].where) == "runtime/await_chain.cpp:" + std::to_string(chained::line_of_middle));
    CHECK(place_text(seen[1].where) == "runtime/await_chain.cpp:" + std::to_string(chained::line_of_outer));
    REQUIRE(chained::followed == 2); // as many as there was room for
    CHECK(chained::nearest[0] == seen[1].function);
    CHECK(chained::nearest[1] == seen[2].function);
}

TEST_CASE("behind a child of a scope comes who has opened the scope") {
    chained::seen.clear();
    sync_wait(chained::opens());
    if (chained::functions.empty()) SKIP("this program has no table of symbols");
    symbols names;
    auto const& seen = chained::seen;
    REQUIRE(seen.size() >= 3);
    CHECK(names.name_of(seen[0].function) == "chained::inner");
    CHECK(names.name_of(seen[1].function).find("open_scope") != std::string::npos);
    CHECK(names.name_of(seen[2].function) == "chained::opens");
    CHECK(place_text(seen[0].where).empty()); // a child is awaited nowhere
}

TEST_CASE("what is no frame is no coroutine, wherever it points") {
    std::vector<std::uintptr_t> const functions{0x1000, 0x2000};
    await_chain const chain{functions};
    alignas(16) std::array<std::uintptr_t, 6> words{0x1000, 0, 0, 0, 0, 0};
    auto const at = reinterpret_cast<std::uintptr_t>(words.data());
    CHECK(chain.look(at).function == 0x1000);
    CHECK(chain.look(at).awaiter == 0);
    words[0] = 0x1008; // inside of a function
    CHECK(chain.look(at).function == 0);
    words[1] = 0x2000;
    CHECK(chain.look(at + 8).function == 0); // no frame begins there
    CHECK(chain.look(0).function == 0);
    CHECK(chain.look(16).function == 0);
    CHECK(chain.look(~std::uintptr_t{15}).function == 0);
    words[0] = 0x1000;
    words[2] = at; // awaits itself: a chain without an end is cut off
    std::array<std::uintptr_t, 8> into{};
    CHECK(chain.follow(at, into) == into.size());
}

TEST_CASE("memory that is not there is not read") {
    std::array<std::uintptr_t, 2> words{};
    std::uintptr_t const value = 42;
    CHECK(read_words(reinterpret_cast<std::uintptr_t>(&value), std::span{words}.first(1)));
    CHECK(words[0] == 42);
    CHECK_FALSE(read_words(8, words));
    CHECK_FALSE(read_words(~std::uintptr_t{0} - 64, words));
}
