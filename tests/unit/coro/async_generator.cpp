// tests/unit/coro/async_generator.cpp: values that are waited for, in the context of who asks for them.
#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/scale.hpp"
#include "support/started.hpp"

#include <weir/coro/async_generator.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

async_generator<int> numbers(int count, bool waits) {
    for (int n = 0; n < count; ++n) {
        if (waits) {
            co_await yield();
        }
        co_yield int{n};
    }
}

task<std::vector<int>> all_of(async_generator<int> of) {
    std::vector<int> got;
    for (int* n = co_await of.next(); n; n = co_await of.next()) got.push_back(*n);
    co_return got;
}

async_generator<int> throws_after(int count, bool waits) {
    counted const held{1};
    for (int n = 0; n < count; ++n) co_yield int{n};
    if (waits) {
        co_await yield();
    }
    throw std::runtime_error("here");
}

} // namespace

static_assert(!std::is_copy_constructible_v<async_generator<int>>);

TEST_CASE("values come in order, whether the generator waits for them or not") {
    for (bool const waits : {false, true}) {
        CHECK(sync_wait(all_of(numbers(4, waits))) == std::vector{0, 1, 2, 3});
        CHECK(sync_wait(all_of(numbers(0, waits))).empty());
    }
}

TEST_CASE("it runs only while it is asked, and no further than the value") {
    int reached = 0;
    auto const steps = [](int& at) -> async_generator<int> {
        at = 1;
        co_yield 10;
        at = 2;
        co_await yield();
        co_yield 20;
        at = 3;
    };
    std::vector<int> places;
    auto const work = [&]() -> task<> {
        auto values = steps(reached);
        places.push_back(reached);
        for (int n = 0; n < 4; ++n) { // at the end, too
            static_cast<void>(co_await values.next());
            places.push_back(reached);
        }
    };
    sync_wait(work());
    CHECK(places == std::vector{0, 1, 2, 3, 3});
}

TEST_CASE("a million values that are there at once, or are waited for, need a constant stack and no memory (T9)") {
    for (bool const waits : {false, true}) {
        int const count = static_cast<int>(scaled(1'000'000));
        std::size_t seen = 0;
        auto const work = [&]() -> task<> {
            auto values = numbers(count, waits);
            for (int* n = co_await values.next(); n; n = co_await values.next())
                seen += static_cast<std::size_t>(*n) == seen;
        };
        sync_wait(numbers(1, waits).next()); // the pools of the run
        CHECK(blocks_made_by([&] { sync_wait(work()); }) < 10);
        CHECK(seen == static_cast<std::size_t>(count));
    }
}

TEST_CASE("an exception comes out of next, once, and then it is the end") {
    for (bool const waits : {false, true}) {
        std::string caught;
        int got = 0;
        bool at_the_end = false;
        auto const work = [&]() -> task<> {
            auto values = throws_after(2, waits);
            try {
                for (int* n = co_await values.next(); n; n = co_await values.next()) ++got;
            } catch (std::runtime_error const& error) {
                caught = error.what();
            }
            int* const after = co_await values.next();
            int* const still = co_await values.next();
            at_the_end = !after && !still;
        };
        sync_wait(work());
        CHECK(caught == "here");
        CHECK(got == 2);
        CHECK(at_the_end);
        CHECK(counted::alive == 0);
    }
}

TEST_CASE("a variable yielded by an async_generator is copied: who moves the value away leaves the variable alone") {
    auto const words = []() -> async_generator<std::string> {
        std::string const fixed(50, 'f');
        std::string word(50, 'w');
        co_yield fixed;
        co_yield word;
        co_yield word;
        co_yield std::move(word);
    };
    std::vector<std::string> got;
    auto const work = [&]() -> task<> {
        auto values = words();
        for (std::string* word = co_await values.next(); word; word = co_await values.next())
            got.push_back(std::move(*word));
    };
    sync_wait(work());
    std::string const word(50, 'w');
    CHECK(got == std::vector{std::string(50, 'f'), word, word, word});
}

TEST_CASE("move-only values pass") {
    auto const pointers = []() -> async_generator<std::unique_ptr<int>> {
        for (int n = 0; n < 3; ++n) {
            co_await yield();
            co_yield std::make_unique<int>(n);
        }
    };
    int sum = 0;
    auto const work = [&]() -> task<> {
        auto values = pointers();
        for (auto* at = co_await values.next(); at; at = co_await values.next()) {
            std::unique_ptr<int> const mine = std::move(*at);
            sum += *mine;
        }
    };
    sync_wait(work());
    CHECK(sum == 3);
}

TEST_CASE("a stop reaches what the generator waits for, and what it still yields is given (T6)") {
    event never;
    auto const waits = [](event& flag) -> async_generator<errc> {
        for (;;) {
            auto const waited = co_await flag.wait();
            if (waited) co_yield errc::closed;
            else co_yield static_cast<errc>(waited.error().value());
            if (!waited) co_return;
        }
    };
    for (int when = 0; when < 2; ++when) { // before, and while it waits
        manual_executor runs;
        stop_source stop;
        std::vector<errc> got;
        auto const work = [&]() -> task<> {
            auto values = waits(never);
            for (errc* reason = co_await values.next(); reason; reason = co_await values.next()) got.push_back(*reason);
        };
        if (when == 0) stop.request_stop(errc::shut_down);
        started consumer{work(), context{runs}.with_stop(stop.token())};
        CHECK(consumer.done() == (when == 0));
        stop.request_stop(errc::shut_down);
        CHECK(consumer.done() == (when == 0)); // nobody is resumed inside the request
        runs.run_all();
        REQUIRE(consumer.done());
        CHECK(got == std::vector{errc::shut_down});
    }
}

TEST_CASE("each next brings the context of who asks") {
    manual_executor first_runs;
    manual_executor second_runs;
    auto const whose = []() -> async_generator<executor_ref> {
        for (;;) {
            context const& here = co_await this_task();
            co_await yield();
            co_yield executor_ref{here.executor};
        }
    };
    auto values = whose();
    auto const asks = [](async_generator<executor_ref>& of) -> task<executor_ref> { co_return *co_await of.next(); };
    {
        started first{asks(values), context{first_runs}};
        first_runs.run_all();
        REQUIRE(first.done());
        CHECK(first.take() == executor_ref{first_runs});
    }
    started second{asks(values), context{second_runs}};
    CHECK(first_runs.run_all() == 0);
    second_runs.run_all();
    REQUIRE(second.done());
    CHECK(second.take() == executor_ref{second_runs});
}

TEST_CASE("dropped before, between and after its values, it leaves nothing") {
    auto const holds = [](counted held) -> async_generator<counted> {
        counted const local{1};
        for (int n = 0; n < 3; ++n) {
            co_await yield();
            co_yield counted{held.value};
        }
    };
    auto const work = [&](int take) -> task<> {
        auto values = holds(counted{7});
        for (int n = 0; n < take; ++n) static_cast<void>(co_await values.next());
    };
    sync_wait(work(1));
    CHECK(blocks_left_by([&] {
              for (int take = 0; take < 6; ++take) sync_wait(work(take));
          }) == 0);
    CHECK(counted::alive == 0);
}

TEST_CASE("one takes the place of another, which is destroyed where it stood") {
    auto const work = []() -> task<std::vector<int>> {
        auto values = throws_after(3, false);
        static_cast<void>(co_await values.next());
        values = numbers(2, true);
        std::vector<int> got{counted::alive};
        for (int* n = co_await values.next(); n; n = co_await values.next()) got.push_back(*n);
        co_return got;
    };
    CHECK(sync_wait(work()) == std::vector{0, 0, 1});
}

TEST_CASE("generators stand on generators") {
    auto const squares = [](async_generator<int> of) -> async_generator<int> {
        for (int* n = co_await of.next(); n; n = co_await of.next()) co_yield *n * *n;
    };
    CHECK(sync_wait(all_of(squares(squares(numbers(4, true))))) == std::vector{0, 1, 16, 81});
}
