// tests/unit/channel/map_concurrent.cpp: results in the order of the elements, or as they come; never too many at once.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/channel/chunks.hpp>
#include <weir/channel/map_concurrent.hpp>
#include <weir/coro/async_generator.hpp>
#include <weir/coro/generator.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

async_generator<int> counted_up_to(int last, int& read) {
    for (int n = 0; n < last; ++n) {
        ++read;
        co_await yield();
        co_yield int{n};
    }
}

// Tasks that end when their gate is opened.
class gates {
public:
    explicit gates(std::size_t size) : flags_(size) {}
    task<int> pass(int number) {
        most_at_once = std::max(most_at_once, ++at_once);
        static_cast<void>(co_await flags_[static_cast<std::size_t>(number)].wait());
        --at_once;
        co_return number;
    }
    void open(int number) { flags_[static_cast<std::size_t>(number)].set(); }
    int at_once = 0;
    int most_at_once = 0;

private:
    std::vector<event> flags_;
};
task<int> pass_one(int number, gates* of) { return of->pass(number); }

// Takes all results, in a scope of its own.
enum class kind { in_order, as_they_come };
template <class S>
task<std::vector<int>> take_all(scope& children, kind how, S from, std::size_t most, gates* in, std::vector<int>* got) {
    auto values = how == kind::in_order ? map_concurrent(children, std::move(from), most, &pass_one, in)
                                        : unordered(children, std::move(from), most, &pass_one, in);
    for (auto one = co_await values.recv(); one; one = co_await values.recv()) got->push_back(*one);
    co_return *got;
}

} // namespace

TEST_CASE("results come in the order of the elements: one that has finished waits for those before it",
          "[map_concurrent]") {
    manual_executor runs;
    gates in{4};
    int read = 0;
    std::vector<int> got;
    started all{in_scope(&take_all<async_generator<int>>, kind::in_order, counted_up_to(4, read), 3u, &in, &got),
                context{runs}};
    runs.run_all();
    in.open(2);
    in.open(1);
    runs.run_all();
    CHECK(got.empty());
    CHECK(read == 3); // the places are taken by what has finished as by what has not
    in.open(0);
    runs.run_all();
    CHECK(got == std::vector{0, 1, 2});
    in.open(3);
    runs.run_all();
    REQUIRE(all.done());
    CHECK(all.take() == std::vector{0, 1, 2, 3});
}

TEST_CASE("unordered results come as their tasks end", "[map_concurrent]") {
    manual_executor runs;
    gates in{5};
    int read = 0;
    std::vector<int> got;
    started all{in_scope(&take_all<async_generator<int>>, kind::as_they_come, counted_up_to(5, read), 3u, &in, &got),
                context{runs}};
    runs.run_all();
    for (int const n : {2, 1, 4, 3, 0}) {
        in.open(n);
        runs.run_all();
    }
    REQUIRE(all.done());
    CHECK(all.take() == std::vector{2, 1, 4, 3, 0});
    CHECK(in.most_at_once == 3);
}

TEST_CASE("no more is read than is under way, or finished and not taken", "[map_concurrent]") {
    for (bool const ordered : {true, false}) {
        manual_executor runs;
        scope children{context{runs}};
        gates in{20};
        for (int n = 0; n < 20; ++n) in.open(n);
        int read = 0;
        {
            auto values = ordered ? map_concurrent(children, counted_up_to(20, read), 3, &pass_one, &in)
                                  : unordered(children, counted_up_to(20, read), 3, &pass_one, &in);
            runs.run_all();
            CHECK(read == 3);
            auto const take = [&]() -> task<int> {
                auto const one = co_await values.recv();
                co_return *one;
            };
            for (int n = 0; n < 5; ++n) {
                started one{take(), context{runs}};
                REQUIRE(one.done());
                CHECK(one.take() == n);
                runs.run_all();
                CHECK(read == 4 + n);
            }
            CHECK(in.most_at_once <= 3);
        }
        auto const join = [&]() -> task<> { co_await scope::join(children); };
        started joined{join(), context{runs}};
        runs.run_all();
        REQUIRE(joined.done());
        CHECK(read == 8);
    }
}

TEST_CASE("one at a time is a plain loop, in both orders", "[map_concurrent]") {
    for (kind const how : {kind::in_order, kind::as_they_come}) {
        manual_executor runs;
        gates in{3};
        for (int n = 0; n < 3; ++n) in.open(n);
        int read = 0;
        std::vector<int> got;
        started all{in_scope(&take_all<async_generator<int>>, how, counted_up_to(3, read), 1u, &in, &got),
                    context{runs}};
        runs.run_all();
        REQUIRE(all.done());
        CHECK(all.take() == std::vector{0, 1, 2});
        CHECK(in.most_at_once == 1);
    }
}

TEST_CASE("results are sources: of tasks, and of chunks", "[map_concurrent]") {
    auto const doubles = [](int number) -> task<int> {
        co_await yield();
        co_return number * 2;
    };
    auto const names = [](int number, std::string const& prefix) -> task<std::string> {
        co_await yield();
        co_return prefix + std::to_string(number);
    };
    auto const numbers = [](int last) -> generator<int> {
        for (int n = 1; n <= last; ++n) co_yield int{n};
    };
    using texts = std::vector<std::string>;
    auto const body = [&](scope& children) -> task<std::vector<texts>> {
        auto doubled = map_concurrent(children, numbers(5), 2, doubles);
        auto named = chunks{map_concurrent(children, std::move(doubled), 3, names, std::string{"n"}), 2};
        std::vector<texts> all;
        for (auto some = co_await named.recv(); some; some = co_await named.recv()) all.push_back(*std::move(some));
        co_return all;
    };
    CHECK(sync_wait(in_scope(body)) == std::vector<texts>{{"n2", "n4"}, {"n6", "n8"}, {"n10"}});
}

TEST_CASE("each task has the arguments as they lie there, and may hold a copy", "[map_concurrent]") {
    auto const numbers = [](int last) -> generator<int> {
        for (int n = 1; n <= last; ++n) co_yield int{n};
    };
    auto const counts = [](int number, std::unique_ptr<int>& calls, std::string copied) -> task<std::size_t> {
        copied += std::to_string(number);
        co_await yield();
        ++*calls;
        co_return copied.size() * 10 + static_cast<std::size_t>(*calls);
    };
    auto const body = [&](scope& children) -> task<std::vector<std::size_t>> {
        auto values = map_concurrent(children, numbers(3), 3, counts, std::make_unique<int>(0), std::string{"ab"});
        std::vector<std::size_t> got;
        for (auto one = co_await values.recv(); one; one = co_await values.recv()) got.push_back(*one);
        co_return got;
    };
    CHECK(sync_wait(in_scope(body)) == std::vector<std::size_t>{31, 32, 33});
}
