// tests/unit/runtime/named.cpp: a task with a name is on the list until it ends, and runs at its priority.
#include "support/watchdog.hpp"

#include <weir/runtime/runtime.hpp>
#include <weir/sync/event.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace weir;
using namespace std::chrono_literals;

namespace {

task<> wait_for(event& go) { static_cast<void>(co_await go.wait()); }

void until(runtime& rt, std::size_t named) {
    while (rt.named_tasks().size() != named) std::this_thread::sleep_for(1ms);
}

} // namespace

TEST_CASE("a name is on the list from the task's beginning to its end, beside its coroutine") {
    test::watchdog const watched{20};
    runtime_options options;
    options.workers = 2;
    runtime rt{options};
    event go;
    CHECK(rt.named_tasks().empty());
    rt.spawn(wait_for, std::ref(go)); // nameless
    rt.spawn(named{"audit"}, wait_for, std::ref(go));
    rt.spawn(named{"audit"}, wait_for, std::ref(go)); // a name need not be one task's only
    until(rt, 2);
    for (auto const& [who, name] : rt.named_tasks()) {
        CHECK(who != nullptr);
        CHECK(name == "audit");
    }
    go.set();
    until(rt, 0);
}

TEST_CASE("what it was given lives as long as the task, and an exception takes the name off the list") {
    test::watchdog const watched{20};
    runtime rt;
    auto const alive = std::make_shared<int>(1);
    rt.spawn(named{"throws"}, [](std::shared_ptr<int> held) -> task<> {
        if (held.use_count() >= 2) throw std::runtime_error("held");
        co_return;
    }, alive);
    CHECK_THROWS_AS(rt.shutdown(shutdown_mode::drain), std::runtime_error);
    CHECK(rt.named_tasks().empty());
    CHECK(alive.use_count() == 1);
}

TEST_CASE("its priority is that of its context") {
    test::watchdog const watched{20};
    runtime_options options;
    options.workers = 1;
    options.priorities = true;
    runtime rt{options};
    priority seen = priority::normal;
    event done;
    rt.spawn(named{"later", priority::low}, [](priority& into, event& over) -> task<> {
        context const& mine = co_await this_task();
        into = mine.priority;
        over.set();
    }, std::ref(seen), std::ref(done));
    rt.block_on(wait_for, std::ref(done));
    CHECK(seen == priority::low);
}
