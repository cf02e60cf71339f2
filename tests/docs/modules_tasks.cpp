// tests/docs/modules_tasks.cpp: the code of the pages on coro, sync, timer and channel, run.
#include "support/watchdog.hpp"

#include <weir/channel.hpp>
#include <weir/coro.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/sync.hpp>
#include <weir/timer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

//! [coro]
weir::task<int> length_of(std::string text) { co_return static_cast<int>(text.size()); }

weir::task<int> lengths() {
    int const one = co_await length_of("one"); // begins here, and has ended here
    auto both = co_await weir::when_all(length_of("two"), length_of("three"));
    auto& [two, three] = both; // named first: newer g++ mistreat a binding of what is awaited
    int late = 0;
    co_await weir::in_scope([&](weir::scope& children) -> weir::task<> {
        auto four = children.start(&length_of, std::string{"four"}); // on any worker
        auto const length = co_await four.get();
        if (length) late = *length; // nothing when this one was stopped meanwhile
    }); // all children have ended here, whatever happened
    co_return one + two + three + late;
}
//! [coro]

//! [sync]
class account {
public:
    weir::task<weir::result<long>> add(long amount) {
        auto const held = co_await lock_.lock(); // suspends the coroutine, and stops no thread
        if (!held) co_return held.error();       // stopped while it waited; then the lock is somebody else's
        co_return balance_ += amount;
    } // unlocked here: the one who has waited longest is next

private:
    weir::mutex lock_;
    long balance_ = 0;
};
//! [sync]

//! [timer]
weir::task<int> beat(int times) {
    weir::interval every{5ms}; // the ticks do not drift, whatever is done between them
    int heard = 0;
    for (int n = 0; n < times; ++n) {
        auto const tick = co_await every.next();
        if (!tick) break; // stopped
        ++heard;
    }
    co_return heard;
}
//! [timer]

//! [channel]
weir::task<> produce(weir::channel<int>& jobs) {
    for (int n = 1; n <= 1000; ++n) {
        auto const sent = co_await jobs.send(n); // waits while 64 are under way: that is back-pressure
        if (!sent) co_return;
    }
    jobs.close(); // what was sent is still received
}

weir::task<int> consume(weir::channel<int>& jobs) {
    int sum = 0;
    std::vector<int> some(32);
    for (;;) {
        auto const got = co_await jobs.recv_many(some); // one lock for as many as there are
        if (!got) co_return sum;                        // closed, and all was received; or stopped
        for (std::size_t n = 0; n < *got; ++n) sum += some[n];
    }
}
//! [channel]

} // namespace

TEST_CASE("tasks join what they begin") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    CHECK(runtime.block_on(lengths) == 3 + 3 + 5 + 4);
}

TEST_CASE("a lock between tasks") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    runtime.block_on([]() -> weir::task<> {
        account one;
        auto const both = co_await weir::when_all(one.add(40), one.add(2));
        CHECK(*std::get<0>(both) == 40);
        CHECK(*std::get<1>(both) == 42);
    });
}

TEST_CASE("ticks") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    auto const began = weir::clock::now();
    CHECK(runtime.block_on(beat, 3) == 3);
    CHECK(weir::clock::now() - began >= 10ms);
}

TEST_CASE("values between tasks") {
    weir::test::watchdog const end{30};
    weir::runtime runtime;
    runtime.block_on([]() -> weir::task<> {
        weir::channel<int> jobs{64};
        int sum = 0;
        co_await weir::in_scope([&](weir::scope& children) -> weir::task<> {
            children.spawn(produce, std::ref(jobs));
            sum = co_await consume(jobs);
        });
        CHECK(sum == 1000 * 1001 / 2);
    });
}
