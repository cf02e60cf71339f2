// tests/unit/coro/when_all_settled.cpp: how each one ended, whatever became of the others.
#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"

#include <weir/coro/sync_wait.hpp>
#include <weir/coro/when_all_settled.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

task<int> number_after_yield(int number) {
    co_await yield();
    co_return number;
}
task<int> throws_after_yield(char const* what) {
    co_await yield();
    throw std::runtime_error(what);
}
task<errc> reason_of_the_stop(event& never) {
    auto const waited = co_await never.wait();
    co_return waited ? errc::closed : static_cast<errc>(waited.error().value());
}

template <class T>
std::string what_failed(outcome<T>& end) {
    try {
        static_cast<void>(end.take());
    } catch (std::runtime_error const& error) {
        return error.what();
    }
    return "nothing";
}

} // namespace

TEST_CASE("each has an outcome of its own: a value, nothing, or what it threw") {
    auto const nothing = []() -> task<> { co_await yield(); };
    auto const move_only = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
    auto ends = sync_wait(when_all_settled(number_after_yield(1), throws_after_yield("second"), nothing(), move_only()));
    auto& [number, thrown, none, pointer] = ends;
    static_assert(std::is_same_v<std::remove_reference_t<decltype(none)>, outcome<std::monostate>>);
    CHECK(!number.failed());
    CHECK(number.take() == 1);
    REQUIRE(thrown.failed());
    CHECK(what_failed(thrown) == "second");
    CHECK(none.ready());
    CHECK(!none.failed());
    CHECK(*pointer.take() == 3);
}

TEST_CASE("nobody is stopped because another failed") {
    manual_executor runs;
    event flag;
    started work{when_all_settled(throws_after_yield("x"), reason_of_the_stop(flag)), context{runs}};
    runs.run_all();
    REQUIRE(!work.done());
    flag.set();
    runs.run_all();
    REQUIRE(work.done());
    auto ends = work.take();
    CHECK(std::get<0>(ends).failed());
    CHECK(std::get<1>(ends).take() == errc::closed); // not stopped
}

TEST_CASE("a vector's outcomes stand in its order, failures among them") {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        manual_executor runs{seed};
        std::vector<task<int>> members;
        for (int n = 0; n < 12; ++n)
            members.push_back(n % 3 == 0 ? throws_after_yield("third") : number_after_yield(n));
        started work{when_all_settled(std::move(members)), context{runs}};
        runs.run_all();
        REQUIRE(work.done());
        auto ends = work.take();
        REQUIRE(ends.size() == 12);
        for (std::size_t n = 0; n < 12; ++n) {
            REQUIRE(ends[n].failed() == (n % 3 == 0));
            if (n % 3 != 0) REQUIRE(ends[n].take() == static_cast<int>(n));
        }
    }
}

TEST_CASE("nothing at all is settled at once") {
    static_cast<void>(sync_wait(when_all_settled()));
    CHECK(sync_wait(when_all_settled(std::vector<task<int>>{})).empty());
}

TEST_CASE("a stop from above reaches all, before they begin or while they wait (T6)") {
    for (bool const before : {true, false}) {
        manual_executor runs;
        event never;
        stop_source stop;
        if (before) stop.request_stop(errc::shut_down);
        started work{when_all_settled(reason_of_the_stop(never), reason_of_the_stop(never)),
                     context{runs}.with_stop(stop.token())};
        stop.request_stop(errc::shut_down);
        runs.run_all();
        REQUIRE(work.done());
        auto ends = work.take();
        CHECK(std::get<0>(ends).take() == errc::shut_down);
        CHECK(std::get<1>(ends).take() == errc::shut_down);
    }
}

TEST_CASE("a hundred thousand that throw are all kept (T9)") {
    std::size_t const width = scaled(100'000);
    std::vector<task<int>> members;
    members.reserve(width);
    auto const throws = [](int number) -> task<int> {
        throw number;
        co_return 0;
    };
    for (std::size_t n = 0; n < width; ++n) members.push_back(throws(static_cast<int>(n)));
    auto ends = sync_wait(when_all_settled(std::move(members)));
    std::size_t right = 0;
    for (std::size_t n = 0; n < width; ++n) {
        try {
            static_cast<void>(ends[n].take());
        } catch (int number) {
            right += number == static_cast<int>(n);
        }
    }
    CHECK(right == width);
}

TEST_CASE("a value whose move throws is a failure of that one") {
    class throws_when_moved {
    public:
        explicit throws_when_moved(int moves) noexcept : left_{moves} {}
        throws_when_moved(throws_when_moved&& other) : left_{other.left_ - 1} {
            if (left_ < 0) throw std::runtime_error("move");
        }

    private:
        int left_;
    };
    auto const makes = [](int moves) -> task<throws_when_moved> {
        throws_when_moved made{moves};
        co_return made;
    };
    auto const work = [&]() -> task<std::pair<bool, int>> {
        // Into the task's place, and on into the outcome: the second is when_all_settled's own.
        auto ends = co_await when_all_settled(makes(1), number_after_yield(4));
        co_return std::pair{std::get<0>(ends).failed(), std::get<1>(ends).take()};
    };
    CHECK(sync_wait(work()) == std::pair{true, 4});
}

TEST_CASE("no frame and no value is left, whatever was taken of the outcomes") {
    auto const makes = [](int number) -> task<counted> {
        co_await yield();
        co_return counted{number};
    };
    static_cast<void>(sync_wait(when_all_settled(makes(1))));
    CHECK(blocks_left_by([&] {
              static_cast<void>(sync_wait(when_all_settled(makes(1), throws_after_yield("x"))));
          }) == 0);
    CHECK(counted::alive == 0);
}
