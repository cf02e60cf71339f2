// tests/unit/flow/coalescer_get_with.cpp: a loader for one call only, with its arguments.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <stdexcept>
#include <string>

using namespace weir;
using namespace weir::test;

namespace {

task<std::string> ordinary(std::string const& key) { co_return "ordinary " + key; }

task<std::string> with_suffix(std::string const& key, std::string suffix) { co_return key + suffix; }

task<std::string> with_box(std::string const& key, std::unique_ptr<int> box) {
    co_return key + std::to_string(*box);
}

task<result<std::string>> fails(std::string const&) { co_return errc::too_long; }

} // namespace

TEST_CASE("get_with calls its function in the loader's place, with its arguments", "[coalescer]") {
    coalescer<std::string, std::string> c{&ordinary};
    auto ask = [&]() -> task<std::string> {
        auto const first = co_await c.get_with(std::string{"a"}, with_suffix, std::string{" and b"});
        auto const second = co_await c.get_with(std::string{"a"}, with_box, std::make_unique<int>(5));
        auto const third = co_await c.get(std::string{"a"});
        auto const fourth = co_await c.get_with(std::string{"a"}, fails);
        co_return **first + ", " + **second + ", " + **third + ", " + fourth.error().message();
    };
    CHECK(sync_wait(ask()) == "a and b, a5, ordinary a, longer than the limit");
    CHECK(c.figures().leads == 4);
}

TEST_CASE("who joins gets what is in the air, and its own function is not called", "[coalescer]") {
    manual_executor loop;
    event open;
    int calls = 0;
    coalescer<int, int> c{[](int const& key) -> task<int> { co_return key; }};
    auto slow = [&](int const& key, int more) -> task<int> {
        ++calls;
        static_cast<void>(co_await open.wait());
        co_return key + more;
    };
    started leader{c.get_with(1, slow, 100), context{loop}};
    started joiner{c.get_with(1, slow, 200), context{loop}};
    started plain{c.get(1), context{loop}};
    open.set();
    loop.run_all();
    CHECK(**leader.take() == 101);
    CHECK(**joiner.take() == 101);
    CHECK(**plain.take() == 101);
    CHECK(calls == 1);
}

TEST_CASE("S20: arguments that throw when they are moved leave nothing behind", "[coalescer]") {
    struct bomb {
        explicit bomb(int left) { fuse() = left; }
        bomb(bomb&&) {
            if (--fuse() == 0) throw std::runtime_error("moved");
        }
        static int& fuse() {
            static int left = 0;
            return left;
        }
    };
    auto takes = [](int const& key, bomb) -> task<int> { co_return key; };
    coalescer<int, int> c{[](int const& key) -> task<int> { co_return key; }};
    int thrown = 0;
    for (int left = 1; left < 20; ++left) {
        try {
            int const got = **sync_wait(c.get_with(1, takes, bomb{left}));
            CHECK(got == 1);
        } catch (std::runtime_error const&) { ++thrown; }
        CHECK(c.figures().in_flight == 0);
    }
    CHECK(thrown > 2);
    CHECK(thrown < 19);
}
