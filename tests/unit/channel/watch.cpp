// tests/unit/channel/watch.cpp: the latest value is seen, and no change is slept through.
#include "support/counted.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/channel/watch.hpp>
#include <weir/coro/task.hpp>

#include <catch2/catch_test_macros.hpp>

#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;

namespace {

int code(errc error) { return -static_cast<int>(error); }

// Notes the value after each change, or the error.
task<> follows(watch<counted>::receiver& of, std::vector<int>& seen) {
    auto const changed = co_await of.changed();
    seen.push_back(changed ? of.borrow()->value : -changed.error().value());
}

} // namespace

TEST_CASE("a receiver has seen the value that it finds, and waits for the next", "[watch]") {
    manual_executor runs;
    watch<counted> config{counted{1}};
    auto one = config.subscribe();
    CHECK(one.borrow()->value == 1);
    CHECK_FALSE(one.has_changed());
    std::vector<int> seen;
    started waits{follows(one, seen), context{runs}};
    CHECK_FALSE(waits.done());
    config.send(counted{2});
    CHECK(seen.empty()); // woken, but not inside the call
    runs.run_all();
    CHECK(seen == std::vector{2});
    CHECK_FALSE(one.has_changed());
}

TEST_CASE("several changes are one to who has looked away, and it sees the last", "[watch]") {
    manual_executor runs;
    watch<counted> config{counted{1}};
    auto one = config.subscribe();
    for (int n = 2; n < 6; ++n) config.send(counted{n});
    CHECK(one.has_changed());
    CHECK(one.borrow()->value == 5);
    CHECK(one.has_changed()); // a look alone does not count
    std::vector<int> seen;
    started first{follows(one, seen), context{runs}};
    CHECK(seen == std::vector{5});
    config.send(counted{6});
    CHECK(one.borrow_and_update()->value == 6);
    CHECK_FALSE(one.has_changed());
}

TEST_CASE("every receiver is told of a change, and of the close after the last change (A2)", "[watch]") {
    manual_executor runs;
    context const where{runs};
    watch<counted> config{counted{1}};
    auto a = config.subscribe();
    auto b = config.subscribe();
    CHECK(config.receivers() == 2);
    std::vector<int> seen;
    {
        started first{follows(a, seen), where};
        started second{follows(b, seen), where};
        config.send(counted{2});
        runs.run_all();
        CHECK(seen == std::vector{2, 2});
    }
    started waits{follows(a, seen), where};
    config.close();
    runs.run_all();
    CHECK(seen == std::vector{2, 2, code(errc::closed)});
}

TEST_CASE("a change before the close is seen before it", "[watch]") {
    manual_executor runs;
    context const where{runs};
    watch<counted> config{counted{1}};
    auto one = config.subscribe();
    config.send(counted{3});
    config.close();
    std::vector<int> seen;
    started first{follows(one, seen), where};
    started second{follows(one, seen), where};
    CHECK(seen == std::vector{3, code(errc::closed)});
}

TEST_CASE("a change and a close that meet a waiting receiver are told one after the other", "[watch]") {
    manual_executor runs;
    context const where{runs};
    watch<counted> config{counted{1}};
    auto one = config.subscribe();
    std::vector<int> seen;
    started first{follows(one, seen), where};
    config.send(counted{4});
    config.close();
    runs.run_all();
    started second{follows(one, seen), where};
    CHECK(seen == std::vector{4, code(errc::closed)});
}

TEST_CASE("a stopped wait leaves the change to be seen (T7)", "[watch]") {
    manual_executor runs;
    stop_source stop;
    watch<counted> config{counted{1}};
    auto one = config.subscribe();
    std::vector<int> seen;
    {
        started waits{follows(one, seen), context{runs}.with_stop(stop.token())};
        stop.request_stop();
        config.send(counted{2});
        runs.run_all();
    }
    CHECK(seen == std::vector{code(errc::cancelled)});
    CHECK(one.has_changed());
}

TEST_CASE("a borrowed value stays as it was, and ends when nobody has it", "[watch]") {
    {
        watch<counted> config{counted{1}};
        auto const kept = config.borrow();
        config.send(counted{2});
        CHECK(kept->value == 1);
        CHECK(config.borrow()->value == 2);
        CHECK(counted::alive == 2);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a value may be made in place, and a receiver moves with what it has seen", "[watch]") {
    watch<counted> config{std::in_place, 9};
    auto one = config.subscribe();
    CHECK(one.borrow()->value == 9);
    config.send(counted{10});
    auto other = std::move(one);
    CHECK(other.has_changed());
    CHECK(config.receivers() == 1);
    other = config.subscribe();
    CHECK_FALSE(other.has_changed());
    CHECK(config.receivers() == 1);
}
