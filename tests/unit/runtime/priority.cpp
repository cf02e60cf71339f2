// tests/unit/runtime/priority.cpp: who is of high priority goes first; who is of low priority waits, but not for ever.
#include "support/watchdog.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/yield.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace weir;

namespace {

runtime_options with_priorities(unsigned workers, bool on = true) {
    runtime_options options;
    options.workers = workers;
    options.priorities = on;
    return options;
}

task<> note(std::string& log, char who, int times) {
    for (int i = 0; i < times; ++i) {
        log += who;
        co_await yield();
    }
}

// Three tasks of each priority that take turns, begun at once.
std::string order_of(runtime& rt) {
    std::string log;
    rt.block_on([](std::string& written) -> task<> {
        co_await in_scope([](scope& children, std::string& into) -> task<> {
            using kind = std::pair<char, priority>;
            for (auto const& [who, level] :
                 {kind{'l', priority::low}, kind{'n', priority::normal}, kind{'h', priority::high}})
                children.spawn([](std::string& to, char name, priority at) -> task<> {
                    co_await with_priority(at, note, std::ref(to), name, 60);
                }, std::ref(into), who, level);
            co_return;
        }, std::ref(written));
    }, std::ref(log));
    return log;
}

} // namespace

TEST_CASE("a task of high priority runs before the others, which all the same get their turns") {
    test::watchdog const watched{20};
    runtime rt{with_priorities(1)};
    auto const log = order_of(rt);
    REQUIRE(log.size() == 180);
    auto const last = [&](char who) { return log.rfind(who); };
    CHECK(last('h') < last('n'));
    CHECK(last('n') < last('l'));
    // While one of high priority is always ready: one turn in 7 is the normal one's, one in 31 the low one's.
    auto const while_high = log.substr(0, last('h') + 1);
    CHECK(std::count(while_high.begin(), while_high.end(), 'n') >= 4);
    CHECK(std::count(while_high.begin(), while_high.end(), 'l') >= 1);
    CHECK(std::count(while_high.begin(), while_high.end(), 'n') <= 16);
}

TEST_CASE("one of low priority waits for a bounded number of turns of others") {
    test::watchdog const watched{20};
    runtime rt{with_priorities(1)};
    int longest = 0;
    rt.block_on([](int& most) -> task<> {
        co_await in_scope([](scope& children, int& worst) -> task<> {
            class state {
            public:
                int turns = 0; // of high priority, since the last of low
                bool over = false;
            };
            auto shared = std::make_shared<state>();
            children.spawn([](std::shared_ptr<state> s) -> task<> {
                co_await with_priority(priority::high, [](std::shared_ptr<state> t) -> task<> {
                    while (!t->over) {
                        ++t->turns;
                        co_await yield();
                    }
                }, s);
            }, shared);
            children.spawn([](std::shared_ptr<state> s, int& record) -> task<> {
                co_await with_priority(priority::low, [](std::shared_ptr<state> t, int& to) -> task<> {
                    for (int i = 0; i < 100; ++i) {
                        to = std::max(to, t->turns);
                        t->turns = 0;
                        co_await yield();
                    }
                    t->over = true;
                }, s, std::ref(record));
            }, shared, std::ref(worst));
            co_return;
        }, std::ref(most));
    }, std::ref(longest));
    CHECK(longest > 1);
    CHECK(longest <= 64);
}

TEST_CASE("with priorities off all are equal") {
    test::watchdog const watched{20};
    runtime rt{with_priorities(1, false)};
    CHECK(&rt.get_executor(priority::low) == &rt.get_executor());
    auto const log = order_of(rt);
    REQUIRE(log.size() == 180);
    CHECK(log.find('l') < 20); // nobody waits for anybody
    CHECK(log.rfind('h') > 150);
}

TEST_CASE("the priority stays with a task when it is woken from outside, and with its children") {
    test::watchdog const watched{20};
    runtime rt{with_priorities(2)};
    auto& low = rt.get_executor(priority::low);
    CHECK(&low != &rt.get_executor());
    CHECK(rt.block_on([](executor& expected) -> task<bool> {
        co_return co_await with_priority(priority::low, [](executor& at) -> task<bool> {
            event done;
            std::thread outside{[&done] { done.set(); }};
            static_cast<void>(co_await done.wait());
            outside.join();
            context const& here = co_await this_task();
            bool const mine = here.executor == executor_ref{at} && here.priority == priority::low;
            bool child = false;
            co_await in_scope([](scope& children, executor& e, bool& same) -> task<> {
                children.spawn([](executor& x, bool& s) -> task<> {
                    context const& inside = co_await this_task();
                    s = inside.executor == executor_ref{x};
                }, std::ref(e), std::ref(same));
                co_return;
            }, std::ref(at), std::ref(child));
            co_return mine && child;
        }, std::ref(expected));
    }, std::ref(low)));
}

TEST_CASE("jobs of every priority are stolen") {
    test::watchdog const watched{20};
    runtime rt{with_priorities(2)};
    for (auto const level : {priority::high, priority::normal, priority::low})
        rt.block_on([](priority at) -> task<> {
            co_await with_priority(at, []() -> task<> {
                atomic<int> ran{0};
                co_await in_scope([](scope& children, atomic<int>& n) -> task<> {
                    for (int i = 0; i < 4; ++i)
                        children.spawn([](atomic<int>& counter) -> task<> {
                            counter.fetch_add(1, acq_rel);
                            co_return;
                        }, std::ref(n));
                    while (n.load(acquire) < 3) std::this_thread::yield(); // only the other worker can run them
                    co_return;
                }, std::ref(ran));
            });
        }, level);
    SUCCEED();
}

TEST_CASE("a task that is spawned with a name and a priority runs at that priority") {
    test::watchdog const watched{20};
    runtime rt{with_priorities(1)};
    auto seen = std::make_shared<atomic<int>>(-1);
    rt.spawn(named{"audit", priority::low}, [](std::shared_ptr<atomic<int>> to) -> task<> {
        context const& here = co_await this_task();
        to->store(static_cast<int>(here.priority), release);
    }, seen);
    rt.shutdown(shutdown_mode::drain);
    CHECK(seen->load(acquire) == static_cast<int>(priority::low));
}
