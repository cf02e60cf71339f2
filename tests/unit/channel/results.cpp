// tests/unit/channel/results.cpp: what tasks of a scope give is had once; who leaves early leaves nothing behind.
#include "support/allocations.hpp"
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/channel/broadcast.hpp>
#include <weir/channel/channel.hpp>
#include <weir/channel/map_concurrent.hpp>
#include <weir/channel/results.hpp>
#include <weir/coro/async_generator.hpp>
#include <weir/coro/generator.hpp>
#include <weir/coro/sync_wait.hpp>
#include <weir/coro/yield.hpp>
#include <weir/sync/event.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

int code(errc error) { return -static_cast<int>(error); }

// A thousand for what comes of an exception.
template <class T>
task<int> one_of(results<T>& from) {
    int got = 1000;
    try {
        auto const one = co_await from.recv();
        got = one ? *one : -one.error().value();
    } catch (std::runtime_error const&) {
    }
    co_return got;
}

// A scope on an executor of the test's own, to which results can be opened and from which they can be dropped.
class bench {
public:
    manual_executor runs;
    stop_source stop;
    scope children{context{runs}.with_stop(stop.token())};

    template <class T>
    int next(results<T>& from) {
        started one{one_of(from), context{runs}};
        runs.run_all();
        return one.done() ? one.take() : (close(from), one.take(), waits);
    }
    // Whether the scope can end now.
    bool joins() {
        started joined{join(this), context{runs}};
        runs.run_all();
        return joined.done();
    }
    static constexpr int waits = 2000;

private:
    static task<> join(bench* self) { co_await scope::join(self->children); }
    template <class T>
    void close(results<T>& from) {
        started closing{from.close(), context{runs}};
        runs.run_all();
    }
};

// Waits for its gate, then gives ten times its number; if it is stopped, a hundred times.
class gates {
public:
    explicit gates(std::size_t size) : flags_(size) {}
    task<int> pass(int number) {
        ++begun;
        auto const waited = co_await flags_[static_cast<std::size_t>(number)].wait();
        ++ended;
        co_return number * (waited ? 10 : 100);
    }
    void open(int number) { flags_[static_cast<std::size_t>(number)].set(); }
    int begun = 0;
    int ended = 0;

private:
    std::vector<event> flags_;
};
task<int> pass_one(int number, gates* of) { return of->pass(number); }

generator<int> up_to(int last) {
    for (int n = 1; n <= last; ++n) co_yield int{n};
}

task<int> throws_at_three(int number) {
    co_await yield();
    if (number == 3) throw std::runtime_error("three");
    co_return number;
}

} // namespace

TEST_CASE("a wait for a result may be given up: the result is for the next who asks (T7)", "[results]") {
    bench at;
    gates in{2};
    {
        auto from = map_concurrent(at.children, up_to(1), 1, &pass_one, &in);
        virtual_wheel time;
        auto const asks = [&]() -> task<int> {
            auto const got = co_await timeout(from.recv(), 1h);
            co_return got ? *got : -got.error().value();
        };
        started first{asks(), context{at.runs}};
        time.advance_by(2h, at.runs);
        REQUIRE(first.done());
        CHECK(first.take() == code(errc::timed_out));
        CHECK(in.begun == 1);
        CHECK(in.ended == 0); // the task goes on
        in.open(1);
        CHECK(at.next(from) == 10);
        CHECK(at.next(from) == code(errc::closed));
        CHECK(at.next(from) == code(errc::closed));
    }
    CHECK(at.joins());
}

TEST_CASE("a result in the instant of the stop of who waits for it is had (T3)", "[results]") {
    for (bool const stop_first : {false, true}) {
        bench at;
        gates in{2};
        {
            auto from = map_concurrent(at.children, up_to(1), 1, &pass_one, &in);
            stop_source leaves;
            started waits{one_of(from), context{at.runs}.with_stop(leaves.token())};
            at.runs.run_all();
            in.open(1);
            if (stop_first) leaves.request_stop();
            while (in.ended == 0) REQUIRE(at.runs.run_one());
            leaves.request_stop();
            at.runs.run_all();
            REQUIRE(waits.done());
            CHECK(waits.take() == (stop_first ? code(errc::cancelled) : 10));
            CHECK(at.next(from) == (stop_first ? 10 : code(errc::closed)));
        }
        CHECK(at.joins());
    }
}

TEST_CASE("who drops the results after any number of turns stops what is under way, and the scope joins it (T1)",
          "[results]") {
    for (int turns = 0; turns < 40; ++turns) {
        std::size_t taken = 0;
        channel<counted> jobs{8};
        for (int n = 1; n <= 8; ++n) REQUIRE(jobs.try_send(counted{n}));
        {
            bench at;
            gates in{9};
            for (int n = 1; n <= 8; n += 3) in.open(n);
            auto const passes = [](counted one, gates* of) -> task<counted> {
                int const number = co_await of->pass(one.value);
                co_return counted{number};
            };
            {
                auto from = unordered(at.children, jobs, 3, passes, &in);
                auto const takes = [&]() -> task<> {
                    for (auto got = co_await from.recv(); got; got = co_await from.recv()) ++taken;
                };
                stop_source leaves;
                started taking{takes(), context{at.runs}.with_stop(leaves.token())};
                for (int n = 0; n < turns; ++n) at.runs.run_one();
                leaves.request_stop();
                while (!taking.done()) REQUIRE(at.runs.run_one());
            }
            CHECK(at.joins());
            CHECK(in.begun == in.ended);
            CHECK(static_cast<std::size_t>(in.begun) + jobs.size() == 8);
            CHECK(taken <= static_cast<std::size_t>(in.ended));
            CHECK(at.children.failures() == 0);
        }
        CHECK(static_cast<std::size_t>(counted::alive) == jobs.size());
        while (jobs.try_recv()) {}
    }
}

TEST_CASE("close stops what is under way and waits for it, though its caller is stopped; what had finished is left",
          "[results]") {
    bench at;
    gates in{9};
    in.open(1);
    channel<int> jobs{8};
    for (int n = 1; n <= 8; ++n) REQUIRE(jobs.try_send(int{n}));
    {
        auto from = unordered(at.children, jobs, 3, &pass_one, &in);
        at.runs.run_all();
        CHECK(in.begun == 3);
        stop_source stopped;
        stopped.request_stop();
        started closing{from.close(), context{at.runs}.with_stop(stopped.token())};
        CHECK_FALSE(closing.done());
        at.runs.run_all();
        REQUIRE(closing.done());
        CHECK(in.ended == 3);
        CHECK(jobs.size() == 5);
        CHECK(at.children.pending() == 0);
        CHECK(at.next(from) == 10);
        CHECK(at.next(from) == 200); // it heard of the stop, and gave something all the same
        CHECK(at.next(from) == 300);
        CHECK(at.next(from) == code(errc::cancelled)); // it is not the end of the source
        started again{from.close(), context{at.runs}};
        CHECK(again.done());
    }
    CHECK(at.joins());
}

TEST_CASE("a stop of the scope ends the tasks, and the results say why after those that there are", "[results]") {
    bench at;
    gates in{9};
    {
        channel<int> jobs{8};
        for (int n = 1; n <= 2; ++n) REQUIRE(jobs.try_send(int{n}));
        auto from = map_concurrent(at.children, jobs, 3, &pass_one, &in);
        at.runs.run_all();
        at.stop.request_stop(errc::shut_down);
        CHECK(at.next(from) == 100);
        CHECK(at.next(from) == 200);
        CHECK(at.next(from) == code(errc::shut_down));
        CHECK(at.next(from) == code(errc::shut_down));
    }
    CHECK(at.joins());
}

TEST_CASE("results that are opened in a scope that was stopped end at once, and read nothing that must be waited for",
          "[results]") {
    bench at;
    at.stop.request_stop(errc::shut_down);
    {
        channel<int> jobs{1};
        gates in{1};
        auto from = map_concurrent(at.children, jobs, 3, &pass_one, &in);
        CHECK(at.next(from) == code(errc::shut_down));
        CHECK(in.begun == 0);
    }
    CHECK(at.joins());
}

TEST_CASE("an exception stops the others, and comes out once, when all are joined; what came before it is given (T2)",
          "[results]") {
    bench at;
    gates in{9};
    auto const two_throws = [](int number, gates* of) -> task<int> {
        int const passed = co_await of->pass(number);
        if (number == 2) throw std::runtime_error("two");
        co_return passed;
    };
    {
        auto from = map_concurrent(at.children, up_to(8), 4, two_throws, &in);
        at.runs.run_all();
        in.open(1);
        in.open(2);
        at.runs.run_all();
        CHECK(in.ended == 4); // the third and the fourth were stopped
        CHECK(at.children.pending() == 0);
        CHECK(at.next(from) == 10);
        CHECK(at.next(from) == 1000);
        CHECK(at.next(from) == code(errc::closed)); // what is behind it in order is dropped
    }
    CHECK(at.joins());
    CHECK(at.children.failures() == 0);
}

TEST_CASE("an exception of the source comes out after the results", "[results]") {
    bench at;
    auto const throws = []() -> generator<int> {
        co_yield 1;
        co_yield 2;
        throw std::runtime_error("source");
    };
    {
        auto from = map_concurrent(at.children, throws(), 4, &throws_at_three);
        CHECK(at.next(from) == 1);
        CHECK(at.next(from) == 2);
        CHECK(at.next(from) == 1000);
        CHECK(at.next(from) == code(errc::closed));
    }
    CHECK(at.joins());
}

TEST_CASE("an exception that nobody asks for is dropped with the results", "[results]") {
    bench at;
    {
        auto const from = unordered(at.children, up_to(5), 5, &throws_at_three);
        at.runs.run_all();
    }
    CHECK(at.joins());
    CHECK(at.children.failures() == 0);
}

TEST_CASE("what the source says in place of an element stands in its place, and the source goes on", "[results]") {
    bench at;
    broadcast<int> news{2};
    {
        auto from = map_concurrent(at.children, news.subscribe(), 8, &throws_at_three);
        at.runs.run_all();
        news.send(1);
        at.runs.run_all();
        for (int n = 4; n <= 8; ++n) news.send(n);
        news.close();
        CHECK(at.next(from) == 1);
        CHECK(at.next(from) == code(errc::overloaded));
        CHECK(at.next(from) == 7);
        CHECK(at.next(from) == 8);
        CHECK(at.next(from) == code(errc::closed));
    }
    CHECK(at.joins());
}

TEST_CASE("a task may give a result, whose error is not the end", "[results]") {
    bench at;
    auto const odd_only = [](int number) -> task<result<int>> {
        co_await yield();
        if (number % 2 == 0) co_return errc::closed;
        co_return number;
    };
    std::vector<int> got;
    auto const takes = [&]() -> task<> {
        auto from = map_concurrent(at.children, up_to(4), 2, odd_only);
        for (auto one = co_await from.recv(); one; one = co_await from.recv())
            got.push_back(*one ? **one : -one->error().value());
    };
    {
        started taking{takes(), context{at.runs}};
        at.runs.run_all();
        REQUIRE(taking.done());
    }
    CHECK(got == std::vector{1, code(errc::closed), 3, code(errc::closed)});
    CHECK(at.joins());
}

TEST_CASE("results move to another place while tasks run, and may be replaced", "[results]") {
    bench at;
    gates in{9};
    {
        auto first = map_concurrent(at.children, up_to(2), 1, &pass_one, &in);
        at.runs.run_all();
        auto second = std::move(first);
        CHECK_FALSE(first.valid());
        in.open(1);
        CHECK(at.next(second) == 10);
        second = map_concurrent(at.children, up_to(1), 1, &pass_one, &in);
        CHECK(at.next(second) == 10);
    }
    CHECK(at.joins());
    CHECK(in.begun == in.ended);
}

TEST_CASE("the callable and the source end with the results, before `close` returns", "[results]") {
    bench at;
    auto const held = std::make_shared<int>(0);
    auto const forever = [](std::shared_ptr<int> own) -> async_generator<int> {
        for (;;) co_yield int{++*own};
    };
    auto const adds = [](int number, std::shared_ptr<int> const& own) -> task<int> {
        co_await yield();
        co_return number + *own * 0;
    };
    {
        auto from = map_concurrent(at.children, forever(held), 2, adds, held);
        CHECK(held.use_count() > 2);
        CHECK(at.next(from) == 1);
        long left = 0;
        auto const closes = [&]() -> task<> {
            co_await from.close();
            left = held.use_count();
        };
        started closing{closes(), context{at.runs}};
        at.runs.run_all();
        REQUIRE(closing.done());
        CHECK(left == 1);
    }
    CHECK(at.joins());
}

TEST_CASE("opened and dropped without a turn, it leaves nothing", "[results]") {
    auto const once = [] {
        bench at;
        { auto const from = map_concurrent(at.children, up_to(3), 2, &throws_at_three); }
        return at.joins();
    };
    REQUIRE(once()); // the pools of the thread
    CHECK(blocks_left_by([&] { static_cast<void>(once()); }) == 0);
}
