// tests/unit/coro/budget.cpp: a task that never has to wait gives way all the same.
#include "support/watchdog.hpp"

#include <weir/channel/channel.hpp>
#include <weir/coro/budget.hpp>
#include <weir/coro/scope.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/sync/event.hpp>
#include <weir/sync/mutex.hpp>
#include <weir/sync/semaphore.hpp>

#include <catch2/catch_test_macros.hpp>

#include <stdexcept>

using namespace weir;

TEST_CASE("a budget lasts for as many operations as it says, and is full again after a refill") {
    turn_budget budget;
    thread_word_guard const installed{thread_word::turn_budget, &budget};
    for (int turn = 0; turn < 2; ++turn) {
        for (unsigned n = 0; n < turn_budget::operations; ++n) REQUIRE(turn_budget::spend());
        CHECK(!turn_budget::spend());
        CHECK(!turn_budget::spend());
        budget.refill();
    }
}

TEST_CASE("a thread without a budget never uses it up") {
    for (unsigned n = 0; n < 3 * turn_budget::operations; ++n) REQUIRE(turn_budget::spend());
}

TEST_CASE("a loop of checkpoints lets others run once a budget, on the only worker there is") {
    test::watchdog const watched{20};
    runtime_options options;
    options.workers = 1;
    runtime rt{options};
    long loops = 0;
    rt.block_on([](long& n) -> task<> {
        co_await in_scope([](scope& children, long& count) -> task<> {
            bool over = false;
            co_await in_scope([](scope& inner, bool& end, long& c) -> task<> {
                inner.spawn([](bool& ends) -> task<> {
                    for (int i = 0; i < 3; ++i) co_await yield(); // turns of its own
                    ends = true;
                }, std::ref(end));
                while (!end) {
                    ++c;
                    co_await checkpoint();
                }
            }, std::ref(over), std::ref(count));
            static_cast<void>(children);
        }, std::ref(n));
    }, std::ref(loops));
    CHECK(loops >= turn_budget::operations); // no turn of its own before that
    CHECK(loops <= 8 * turn_budget::operations);
}

namespace {

// Whether a task that never has to wait lets another, which asks for three turns, have them: not before its own is used up,
// with two operations a round at the most, and within `most` rounds.
template <class Operation>
bool gives_way(Operation operation, long most) {
    test::watchdog const watched{20};
    runtime_options options;
    options.workers = 1;
    runtime rt{options};
    long count = 0;
    rt.block_on([](Operation& one, long& done, long limit) -> task<> {
        co_await in_scope([](scope& children, Operation& op, long& n, long bound) -> task<> {
            bool over = false;
            children.spawn([](bool& ends) -> task<> {
                for (int i = 0; i < 3; ++i) co_await yield(); // turns of its own
                ends = true;
            }, std::ref(over));
            for (; !over && n < bound; ++n) co_await op();
        }, std::ref(one), std::ref(done), limit);
    }, std::ref(operation), std::ref(count), most);
    CAPTURE(count);
    return count >= turn_budget::operations / 2 && count < most;
}

} // namespace

TEST_CASE("who always finds a lock free, a permit, an event set or a value gives way all the same") {
    mutex lock;
    CHECK(gives_way([&]() -> task<> { auto const held = co_await lock.lock(); }, 8 * turn_budget::operations));
    semaphore permits{1};
    CHECK(gives_way([&]() -> task<> { auto const held = co_await permits.acquire(); }, 8 * turn_budget::operations));
    event set;
    set.set();
    CHECK(gives_way([&]() -> task<> {
        auto const over = co_await set.wait();
        if (!over) throw std::logic_error("a wait that nobody stops was stopped");
    }, 8 * turn_budget::operations));
    channel<int> values{4};
    CHECK(gives_way([&]() -> task<> {
        auto const sent = co_await values.send(1);
        auto const got = co_await values.recv();
        if (!sent || !got) throw std::logic_error("a channel of one task's own refused");
    }, 8 * turn_budget::operations));
    CHECK(lock.try_lock());
    CHECK(permits.available() == 1);
}
