// tests/unit/cpu/affinity.cpp: a pinned thread runs where it was told to, and the others are left alone.
#include <weir/cpu/affinity.hpp>

#include <catch2/catch_test_macros.hpp>

#include <sched.h>

#include <thread>

using namespace weir;

TEST_CASE("this thread may run on at least the CPU that it runs on") {
    auto const cpus = this_thread_cpus().value();
    CHECK_FALSE(cpus.empty());
    CHECK(cpus.contains(static_cast<unsigned>(::sched_getcpu())));
}

TEST_CASE("a thread pinned to each CPU in turn runs there, and its parent stays free") {
    auto const before = this_thread_cpus().value();
    for (unsigned const cpu : before.numbers()) {
        bool pinned = false;
        unsigned runs_on = cpu_set::limit;
        cpu_set seen;
        std::thread([&] {
            pinned = pin_this_thread(cpu).has_value();
            runs_on = static_cast<unsigned>(::sched_getcpu());
            seen = this_thread_cpus().value();
        }).join();
        CHECK(pinned);
        CHECK(runs_on == cpu);
        CHECK(seen == cpu_set{cpu});
    }
    CHECK(this_thread_cpus().value() == before);
}

TEST_CASE("a thread pinned to a set may use all of it, and what it starts inherits that") {
    auto const before = this_thread_cpus().value();
    cpu_set seen;
    cpu_set inherited;
    std::thread([&] {
        auto const pinned = pin_this_thread(before.numbers().front());
        auto const widened = pin_this_thread(before);
        if (pinned && widened) seen = this_thread_cpus().value();
        std::thread([&] { inherited = this_thread_cpus().value(); }).join();
    }).join();
    CHECK(seen == before);
    CHECK(inherited == before);
}

TEST_CASE("CPUs that are not there are an error and change nothing") {
    auto const before = this_thread_cpus().value();
    CHECK(pin_this_thread(cpu_set{}).error() == std::errc::invalid_argument);
    CHECK(pin_this_thread(cpu_set::limit).error() == std::errc::invalid_argument);
    CHECK(pin_this_thread(~0u).error() == std::errc::invalid_argument);
    CHECK_FALSE(pin_this_thread(1'000'000).has_value());
    CHECK(this_thread_cpus().value() == before);
}
