// tests/unit/coro/fork_join.cpp: tasks side by side: offered, taken back or run elsewhere, and joined whatever happens.
#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"
#include "support/threads_executor.hpp"

#include <weir/coro/executor.hpp>
#include <weir/coro/fork_join.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/runtime.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

// Gives back the newest job that was offered, as a worker does, and otherwise runs the oldest.
class giving_executor : public executor {
public:
    void post(job& work) noexcept override {
        std::lock_guard const locked{lock_};
        jobs_.push_back(&work);
    }
    bool take_back(job& work) noexcept override {
        std::lock_guard const locked{lock_};
        if (jobs_.empty() || jobs_.back() != &work) return false;
        jobs_.pop_back();
        ++given_back;
        return true;
    }
    // False when there was nothing to do.  Threads: any.
    bool run_one() {
        job* work = nullptr;
        {
            std::lock_guard const locked{lock_};
            if (jobs_.empty()) return false;
            work = jobs_.front();
            jobs_.erase(jobs_.begin());
            ++ran;
        }
        resume_loop loop;
        loop.run([&] { work->run(); });
        return true;
    }

    std::size_t given_back = 0;
    std::size_t ran = 0;

private:
    std::mutex lock_;
    std::vector<job*> jobs_;
};

task<long> fib(int n) {
    if (n < 2) co_return n;
    auto both = co_await fork_join(fib(n - 1), fib(n - 2));
    auto& [x, y] = both;
    co_return x + y;
}

task<int> number_at_once(int number) { co_return number; }
task<int> number_after_yield(int number) {
    co_await yield();
    co_return number;
}
task<int> throws_after(int yields, char const* what) {
    for (; yields > 0; --yields) co_await yield();
    throw std::runtime_error(what);
}

// Waits until it is stopped, then notes that it has ended.
task<errc> waits_for_a_stop(event& never, int& ended) {
    auto const waited = co_await never.wait();
    co_await yield();
    ++ended;
    co_return waited ? errc::closed : static_cast<errc>(waited.error().value());
}

std::string what_is_thrown(task<> work) {
    try {
        sync_wait(std::move(work));
    } catch (std::runtime_error const& error) {
        return error.what();
    }
    return "nothing";
}

} // namespace

TEST_CASE("a tuple holds what the children gave in the order of the arguments, with monostate for void") {
    int target = 0;
    auto const nothing = [](int& into) -> task<> {
        co_await yield();
        into = 5;
    };
    auto const move_only = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
    auto const refers = [](int& of) -> task<int&> { co_return of; };
    auto values = sync_wait(fork_join(number_after_yield(1), nothing(target), move_only(), number_at_once(4)));
    static_assert(std::is_same_v<decltype(values), std::tuple<int, std::monostate, std::unique_ptr<int>, int>>);
    CHECK(std::get<0>(values) == 1);
    CHECK(*std::get<2>(values) == 3);
    CHECK(std::get<3>(values) == 4);
    CHECK(target == 5);
    auto copied = sync_wait(fork_join(refers(target)));
    static_assert(std::is_same_v<decltype(copied), std::tuple<int>>);
    CHECK(std::get<0>(copied) == 5);
}

TEST_CASE("a range gives its values in order, nothing for void, and is done at once when empty") {
    std::vector<task<std::unique_ptr<int>>> members;
    for (int n = 0; n < 9; ++n)
        members.push_back([](int number) -> task<std::unique_ptr<int>> {
            if (number % 2) co_await yield();
            co_return std::make_unique<int>(number);
        }(n));
    auto const values = sync_wait(fork_join(std::move(members)));
    REQUIRE(values.size() == 9);
    for (int n = 0; n < 9; ++n) CHECK(*values[static_cast<std::size_t>(n)] == n);

    int ran = 0;
    std::vector<task<>> silent;
    for (int n = 0; n < 3; ++n)
        silent.push_back([](int& count) -> task<> {
            ++count;
            co_return;
        }(ran));
    static_assert(std::is_void_v<await_result_t<decltype(fork_join(std::move(silent)))>>);
    sync_wait(fork_join(std::move(silent)));
    CHECK(ran == 3);
    CHECK(sync_wait(fork_join(std::vector<task<int>>{})).empty());
}

TEST_CASE("all but the first wait for a worker before the first one starts") {
    manual_executor runs;
    std::size_t offered = 0;
    auto const first = [&]() -> task<int> {
        offered = runs.ready();
        co_return 1;
    };
    started work{fork_join(first(), number_at_once(2), number_at_once(3)), context{runs}};
    CHECK(offered == 2);
    CHECK(!work.done()); // this executor gives nothing back
    CHECK(runs.run_all() == 2);
    REQUIRE(work.done());
    CHECK(work.take() == std::tuple{1, 2, 3});
}

TEST_CASE("what nobody has fetched is taken back, and runs in the order of the arguments without the queue") {
    giving_executor runs;
    std::vector<int> order;
    auto const member = [&](int number) -> task<int> {
        order.push_back(number);
        co_return number;
    };
    started three{fork_join(member(1), member(2), member(3)), context{runs}};
    REQUIRE(three.done());
    CHECK(three.take() == std::tuple{1, 2, 3});
    std::vector<task<int>> members;
    for (int n = 4; n < 10; ++n) members.push_back(member(n));
    started more{fork_join(std::move(members)), context{runs}};
    REQUIRE(more.done());
    CHECK(more.take() == std::vector{4, 5, 6, 7, 8, 9});
    CHECK(order == std::vector{1, 2, 3, 4, 5, 6, 7, 8, 9});
    CHECK(runs.given_back == 2 + 5);
    CHECK(runs.ran == 0);
}

TEST_CASE("a recursion that nobody helps with never comes back to its executor") {
    giving_executor runs;
    started work{fib(15), context{runs}};
    REQUIRE(work.done());
    CHECK(work.take() == 610);
    CHECK(runs.ran == 0);
}

TEST_CASE("children that suspend leave the line, and each is joined once wherever it ends") {
    for (int suspends = 0; suspends < 16; ++suspends) { // a bit for each child
        giving_executor runs;
        std::vector<task<int>> members;
        for (int n = 0; n < 4; ++n)
            members.push_back(suspends >> n & 1 ? number_after_yield(n) : number_at_once(n));
        started work{fork_join(std::move(members)), context{runs}};
        while (runs.run_one()) {}
        REQUIRE(work.done());
        CHECK(work.take() == std::vector{0, 1, 2, 3});
    }
}

TEST_CASE("children run in any order that the executor likes, and the values stay in theirs") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        manual_executor runs{seed};
        std::vector<task<int>> members;
        for (int n = 0; n < 20; ++n) members.push_back(n % 3 ? number_after_yield(n) : number_at_once(n));
        started work{fork_join(std::move(members)), context{runs}};
        runs.run_all();
        REQUIRE(work.done());
        auto const values = work.take();
        bool in_order = values.size() == 20;
        for (std::size_t n = 0; in_order && n < 20; ++n) in_order = values[n] == static_cast<int>(n);
        REQUIRE(in_order);
    }
}

TEST_CASE("all are joined, then the first exception in the order of the arguments is thrown, whichever came first") {
    int ended = 0;
    auto const counts = [&]() -> task<> {
        for (int n = 0; n < 5; ++n) co_await yield();
        ++ended;
    };
    auto const several = [&]() -> task<> {
        co_await fork_join(counts(), throws_after(3, "late"), throws_after(0, "early"), counts());
    };
    CHECK(what_is_thrown(several()) == "late");
    CHECK(ended == 2); // nobody was stopped
    auto const range = [&]() -> task<> {
        std::vector<task<int>> members;
        members.push_back(number_after_yield(0));
        members.push_back(throws_after(2, "second"));
        members.push_back(throws_after(0, "third"));
        static_cast<void>(co_await fork_join(std::move(members)));
    };
    CHECK(what_is_thrown(range()) == "second");
    auto const silent = [&]() -> task<> {
        std::vector<task<>> members;
        members.push_back(counts());
        members.push_back([]() -> task<> { co_await throws_after(1, "of a void"); }());
        co_await fork_join(std::move(members));
    };
    CHECK(what_is_thrown(silent()) == "of a void");
}

TEST_CASE("a stop from above reaches every child, and its reason with it") {
    event never;
    int ended = 0;
    manual_executor runs;
    stop_source stop;
    started work{fork_join(waits_for_a_stop(never, ended), waits_for_a_stop(never, ended)),
                 context{runs}.with_stop(stop.token())};
    runs.run_all();
    CHECK(!work.done());
    stop.request_stop(errc::shut_down);
    CHECK(ended == 0); // nobody is resumed inside the request
    runs.run_all();
    REQUIRE(work.done());
    CHECK(work.take() == std::tuple{errc::shut_down, errc::shut_down});
    CHECK(ended == 2);
}

TEST_CASE("children that never began are destroyed with what they were given") {
    auto const keeps = [](counted held) -> task<int> { co_return held.value; };
    { auto const dropped = fork_join(keeps(counted{1}), keeps(counted{2})); }
    CHECK(counted::alive == 0);
    auto const parent = [&]() -> task<int> {
        auto const both = co_await fork_join(keeps(counted{1}), keeps(counted{2}));
        co_return std::get<0>(both);
    };
    { auto const dropped = parent(); }
    CHECK(counted::alive == 0);
}

TEST_CASE("frames, arguments and values of the children end with the await expression") {
    int after = -1;
    auto const keeps = [](counted held) -> task<counted> {
        co_await yield();
        co_return std::move(held);
    };
    auto const fails = [](counted held) -> task<> {
        co_await yield();
        throw std::runtime_error(held.value == 2 ? "x" : "y");
    };
    auto const work = [&]() -> task<> {
        {
            auto const both = co_await fork_join(keeps(counted{1}), keeps(counted{2}));
            after = counted::alive;
            CHECK(std::get<1>(both).value == 2);
        }
        co_await fork_join(keeps(counted{1}), fails(counted{2}), keeps(counted{3}));
    };
    CHECK(what_is_thrown(work()) == "x");
    CHECK(after == 2);
    CHECK(counted::alive == 0);
    CHECK(blocks_left_by([&] { static_cast<void>(what_is_thrown(work())); }) == 0);
}

TEST_CASE("a million children that end at once, or suspend, are joined (T9)") {
    std::size_t const width = scaled(1'000'000);
    std::vector<task<int>> members;
    members.reserve(width);
    for (std::size_t n = 0; n < width; ++n)
        members.push_back(n % 8 == 7 ? number_after_yield(static_cast<int>(n)) : number_at_once(static_cast<int>(n)));
    runtime_options options;
    options.workers = 2;
    runtime runs{options};
    auto const sum = [](std::vector<task<int>>* all) -> task<long> {
        auto const values = co_await fork_join(std::move(*all));
        long total = 0;
        for (int const each : values) total += each;
        co_return total;
    };
    auto const n = static_cast<long>(width);
    CHECK(runs.block_on(sum, &members) == n * (n - 1) / 2);
}

namespace {

// Forks at each level, and goes deeper in the first child or in the second.
template <bool InFirst>
task<long> depth_of(std::size_t left) {
    if (left == 0) co_return 0;
    if constexpr (InFirst) {
        auto const below = co_await fork_join(depth_of<InFirst>(left - 1), number_at_once(1));
        co_return std::get<0>(below) + std::get<1>(below);
    } else {
        auto const below = co_await fork_join(number_at_once(1), depth_of<InFirst>(left - 1));
        co_return std::get<0>(below) + std::get<1>(below);
    }
}

} // namespace

TEST_CASE("a recursion of half a million forks uses a constant stack (T9)") {
    std::size_t const deep = scaled(500'000);
    CHECK(sync_wait(depth_of<true>(deep)) == static_cast<long>(deep));
    CHECK(sync_wait(depth_of<false>(deep)) == static_cast<long>(deep));
    giving_executor runs;
    started second{depth_of<false>(deep), context{runs}};
    REQUIRE(second.done());
    CHECK(second.take() == static_cast<long>(deep));
    CHECK(runs.ran == 0);
}

TEST_CASE("on threads that give nothing back, each child and its parent run once") {
    threads_executor runs{3};
    for (int round = 0; round < static_cast<int>(scaled(50)); ++round) {
        started work{fib(11), context{runs}};
        work.wait();
        REQUIRE(work.take() == 89);
    }
}

TEST_CASE("on a runtime's workers a recursion gives what it gives alone") {
    for (unsigned const workers : {1u, 2u, 3u}) {
        runtime_options options;
        options.workers = workers;
        runtime runs{options};
        for (int round = 0; round < static_cast<int>(scaled(20)); ++round) REQUIRE(runs.block_on(fib, 16) == 987);
    }
}
