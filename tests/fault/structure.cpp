// tests/fault/structure.cpp: tasks, scopes, channels and limits without memory: whoever asked is told by bad_alloc, what
// had begun is joined, and all of it can be used again.
#include "fault/asking.hpp"
#include "fault/refusal.hpp"
#include "support/counting_new.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/channel.hpp>
#include <weir/coro.hpp>
#include <weir/flow/circuit_breaker.hpp>
#include <weir/flow/concurrency_limit.hpp>
#include <weir/flow/hedge.hpp>
#include <weir/flow/keyed_limiter.hpp>
#include <weir/flow/rate_limiter.hpp>
#include <weir/flow/retry.hpp>
#include <weir/timer/timeout.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

// A frame that no compiler puts into another one.
[[gnu::noinline]] task<int> number(int it) {
    auto const kept = std::make_unique<int>(it);
    co_await yield();
    co_return *kept;
}
[[gnu::noinline]] task<result<int>> number_or_error(int it) { co_return co_await number(it); }

[[gnu::noinline]] task<result<void>> acquire_of(rate_limiter& turns) { co_return co_await turns.acquire(); }
[[gnu::noinline]] task<result<call_slot>> enter_of(concurrency_limit& calls) { co_return co_await calls.enter(); }

fault bad_alloc_or(answer ended, refusal const& memory) {
    if (ended == answer::value) return nullptr;
    return ended == answer::no_memory && memory.happened() ? nullptr : "it ended in another way";
}

// Asks once with little memory and once with enough.  `make()` gives a task<int>, which gives 7.
template <class Make>
auto twice(Make make) {
    return [make](refusal& memory) -> fault {
        virtual_wheel time;
        line_executor runs;
        auto const judge = [](int got) { return got == 7 ? answer::value : answer::other; };
        asker one{runs, make, judge};
        memory.during([&] {
            one.go();
            runs.run_all();
        });
        if (fault const found = bad_alloc_or(one.ended(), memory)) return found;
        asker other{runs, make, judge};
        other.go();
        runs.run_all();
        if (other.ended() != answer::value) return "the next one is not served";
        return time.wheel().size() == 0 ? nullptr : "a timer stayed behind";
    };
}

// Makes one with little memory.
template <class T, class... Args>
auto made_or_not(Args... args) {
    return [args...](refusal& memory) -> fault {
        std::optional<T> one;
        bool failed = false;
        memory.during([&] {
            try {
                one.emplace(args...);
            } catch (std::bad_alloc const&) {
                failed = true;
            }
        });
        return failed == memory.happened() ? nullptr : "it was made without what it needs";
    };
}

} // namespace

TEST_CASE("a task in a task without memory throws bad_alloc where it was called", "[task]") {
    WEIR_CHECK_REFUSALS(2, twice([] { return number(7); }));
}

TEST_CASE("when_all without memory joins what it has begun", "[when_all]") {
    WEIR_CHECK_REFUSALS(4, twice([]() -> task<int> {
        auto const both = co_await when_all(number(3), number(4));
        co_return std::get<0>(both) + std::get<1>(both);
    }));
    WEIR_CHECK_REFUSALS(6, twice([]() -> task<int> {
        std::vector<task<int>> parts;
        for (int const each : {1, 2, 4}) parts.push_back(number(each));
        auto const all = co_await when_all(std::move(parts), 2);
        co_return all[0] + all[1] + all[2];
    }));
    WEIR_CHECK_REFUSALS(4, twice([]() -> task<int> {
        auto both = co_await when_all_settled(number(3), number(4));
        int const first = std::get<0>(both).take();
        co_return first + std::get<1>(both).take();
    }));
}

TEST_CASE("when_any, fork_join, timeout and in_scope without memory join what they have begun", "[coro]") {
    WEIR_CHECK_REFUSALS(4, twice([]() -> task<int> {
        auto const won = co_await when_any(number(7), number(7));
        if (won.index == 0) co_return std::get<0>(won.value);
        co_return std::get<1>(won.value);
    }));
    WEIR_CHECK_REFUSALS(4, twice([]() -> task<int> {
        auto const both = co_await fork_join(number(3), number(4));
        co_return std::get<0>(both) + std::get<1>(both);
    }));
    WEIR_CHECK_REFUSALS(2, twice([]() -> task<int> {
        auto const got = co_await timeout(number_or_error(7), std::chrono::hours{1});
        co_return got.value();
    }));
    WEIR_CHECK_REFUSALS(3, twice([]() -> task<int> {
        auto const body = [](scope& children) -> task<int> {
            auto part = children.start(&number, 4);
            int const own = co_await number(3);
            auto const got = co_await part.get();
            co_return own + got.value();
        };
        co_return co_await in_scope(body);
    }));
}

TEST_CASE("a scope that has no memory for a child tells who spawns it, and keeps the others", "[scope]") {
    WEIR_CHECK_REFUSALS(3, [](refusal& memory) -> fault {
        line_executor runs;
        int ended = 0;
        int begun = 0;
        auto const child = [](int* count) -> task<> {
            co_await yield();
            *count += co_await number(1);
        };
        bool wrong = false;
        {
            context const above{runs};
            scope children{above};
            for (int n = 0; n < 3; ++n)
                memory.during([&] {
                    try {
                        children.spawn(child, &ended);
                        ++begun;
                    } catch (std::bad_alloc const&) {
                        wrong |= !memory.happened();
                    }
                });
            wrong |= children.pending() != static_cast<std::size_t>(begun);
            started<task<>> joining{[](scope* all) -> task<> { co_await scope::join(*all); }(&children), above};
            runs.run_all();
            if (!joining.done()) return "it cannot be joined";
        }
        if (wrong) return "it counts another number of children than were begun";
        if (begun + 3 < 4 && !memory.happened()) return "a child was refused for nothing";
        return ended == begun ? nullptr : "a child did not come to its end";
    });
}

TEST_CASE("channels that cannot be made leave nothing, and those that are made need no more", "[channel]") {
    WEIR_CHECK_REFUSALS(1, made_or_not<channel<std::string>>(std::size_t{4}));
    WEIR_CHECK_REFUSALS(1, made_or_not<watch<int>>(1));
    WEIR_CHECK_REFUSALS(1, made_or_not<broadcast<int>>(std::size_t{4}));
    auto const told = at_every_allocation([](refusal& memory) -> fault {
        line_executor runs;
        channel<int> jobs{1};
        auto const judge_sent = [](result<void> const& sent) { return sent ? answer::value : answer::refused; };
        auto const judge_got = [](result<int> const& got) { return got && *got == 7 ? answer::value : answer::refused; };
        auto const send = [&] { return jobs.send(7); };
        auto const receive = [&] { return jobs.recv(); };
        asker first{runs, send, judge_sent};
        asker second{runs, send, judge_sent};
        asker one{runs, receive, judge_got};
        asker other{runs, receive, judge_got};
        memory.during([&] {
            first.go();
            second.go();
            runs.run_all();
            one.go();
            other.go();
            runs.run_all();
        });
        for (answer const each : {first.ended(), second.ended(), one.ended(), other.ended()})
            if (each != answer::value) return "a value did not arrive";
        return nullptr;
    });
    CHECK(told.found == nullptr);
    CHECK(told.points == 0);
}

TEST_CASE("what is made of a source in parts fails as a whole without memory, and is joined", "[channel]") {
    WEIR_CHECK_REFUSALS(3, twice([]() -> task<int> {
        std::array<int, 3> const parts{1, 2, 4};
        int sum = 0;
        auto const add = [](int each, int* to) -> task<> { *to += co_await number(each); };
        auto const end = co_await for_each_concurrent(parts, 2, add, &sum);
        co_return end ? sum : 0;
    }));
    WEIR_CHECK_REFUSALS(3, twice([]() -> task<int> {
        auto const body = [](scope& children) -> task<int> {
            std::array<int, 3> const parts{1, 2, 4};
            auto made = map_concurrent(children, parts, 2, &number);
            int sum = 0;
            for (;;) {
                auto const got = co_await made.recv();
                if (!got) break;
                sum += *got;
            }
            co_return sum;
        };
        co_return co_await in_scope(body);
    }));
}

TEST_CASE("limits without memory have admitted nobody", "[flow]") {
    WEIR_CHECK_REFUSALS(1, [](refusal& memory) -> fault {
        line_executor runs;
        rate_limiter turns{rate{1e-6, 1}};
        auto const judge = [](result<void> const& got) { return got ? answer::value : answer::refused; };
        auto const ask = [&] { return acquire_of(turns); };
        asker one{runs, ask, judge};
        memory.during([&] {
            one.go();
            runs.run_all();
        });
        if (fault const found = bad_alloc_or(one.ended(), memory)) return found;
        bool const left = turns.available() >= 1;
        return left == (one.ended() != answer::value) ? nullptr : "a token went to nobody";
    });
    WEIR_CHECK_REFUSALS(1, [](refusal& memory) -> fault {
        line_executor runs;
        concurrency_limit calls;
        call_slot had;
        auto const judge = [&](result<call_slot>& got) {
            if (!got) return answer::refused;
            had = std::move(*got);
            return answer::value;
        };
        auto const ask = [&] { return enter_of(calls); };
        asker one{runs, ask, judge};
        memory.during([&] {
            one.go();
            runs.run_all();
        });
        if (fault const found = bad_alloc_or(one.ended(), memory)) return found;
        return calls.figures().in_flight == (had ? 1u : 0u) ? nullptr : "a slot went to nobody";
    });
    WEIR_CHECK_REFUSALS(20, [](refusal& memory) -> fault {
        keyed_limiter<std::string> callers{rate{1e-6, 1}, 1};
        auto const now = clock::now();
        std::size_t taken = 0;
        for (int n = 0; n < 20; ++n) {
            std::string const key = "a caller whose name is long enough to be on the heap " + std::to_string(n);
            bool had = false;
            memory.during([&] {
                try {
                    had = callers.try_acquire(key, 1, now) == duration::zero();
                } catch (std::bad_alloc const&) {
                }
            });
            taken += had;
            bool const still = callers.try_acquire(key, 1, now) == duration::zero();
            if (had == still) return "a token went to nobody, or twice";
        }
        return callers.active() == 20 && (memory.happened() || taken == 20) ? nullptr : "a key is missing";
    });
}

TEST_CASE("calls through retry, hedger and breaker without memory throw bad_alloc, and the next go through", "[flow]") {
    WEIR_CHECK_REFUSALS(2, twice([]() -> task<int> {
        auto const got = co_await retry(retry_options{}, &number_or_error, 7);
        co_return got.value();
    }));
    WEIR_CHECK_REFUSALS(4, twice([]() -> task<int> {
        hedger reads;
        auto const got = co_await reads.run(&number_or_error, 7);
        co_return got.value();
    }));
    WEIR_CHECK_REFUSALS(2, twice([]() -> task<int> {
        circuit_breaker mails;
        auto const got = co_await mails.run(&number_or_error, 7);
        co_return got.value();
    }));
}
