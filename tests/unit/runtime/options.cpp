// tests/unit/runtime/options.cpp: options that a runtime cannot have are refused by name, and the others take effect.
#include "support/watchdog.hpp"

#include <weir/runtime/runtime.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <set>
#include <stdexcept>
#include <string>

using namespace weir;
using namespace std::chrono_literals;

namespace {

std::string problem_of(void (*change)(runtime_options&)) {
    runtime_options options;
    change(options);
    return options.problem();
}

} // namespace

TEST_CASE("the default options have no problem") { CHECK(runtime_options{}.problem().empty()); }

TEST_CASE("each field that cannot be is named, with its value and what is possible") {
    using Catch::Matchers::ContainsSubstring;
    CHECK(problem_of([](runtime_options& o) { o.workers = 5000; }) ==
          "runtime_options::workers is 5000; it must be at most 4096");
    CHECK_THAT(problem_of([](runtime_options& o) { o.current_thread = true, o.workers = 2; }),
               ContainsSubstring("::workers is 2") && ContainsSubstring("current_thread"));
    CHECK_THAT(problem_of([](runtime_options& o) { o.name.clear(); }), ContainsSubstring("::name"));
    CHECK_THAT(problem_of([](runtime_options& o) { o.name = std::string("a\0b", 3); }), ContainsSubstring("::name"));
    CHECK_THAT(problem_of([](runtime_options& o) { o.spin = -1us; }), ContainsSubstring("::spin is -1"));
    CHECK_THAT(problem_of([](runtime_options& o) { o.spin = 2s; }), ContainsSubstring("::spin is 2000000"));
    CHECK_THAT(problem_of([](runtime_options& o) { o.stall_limit = -1ms; }), ContainsSubstring("::stall_limit is -1"));
    CHECK_THAT(problem_of([](runtime_options& o) { o.shutdown_deadline = -3ms; }),
               ContainsSubstring("::shutdown_deadline is -3"));
    CHECK_THAT(problem_of([](runtime_options& o) { o.ring_entries = 4; }), ContainsSubstring("::ring_entries is 4"));
    CHECK_THAT(problem_of([](runtime_options& o) { o.ring_entries = 40000; }), ContainsSubstring("::ring_entries"));
}

TEST_CASE("a runtime throws what is wrong with its options, and starts nothing") {
    runtime_options options;
    options.workers = 5000;
    CHECK_THROWS_WITH(runtime{options}, "runtime_options::workers is 5000; it must be at most 4096");
    CHECK_THROWS_AS(runtime{options}, std::invalid_argument);
}

TEST_CASE("each worker calls the hooks once on its own thread, before its first job and after its last") {
    test::watchdog const watched{20};
    std::mutex guard;
    std::set<std::pair<unsigned, std::thread::id>> started;
    std::set<std::pair<unsigned, std::thread::id>> stopped;
    runtime_options options;
    options.workers = 3;
    options.on_thread_start = [&](unsigned n) {
        std::scoped_lock const locked{guard};
        started.emplace(n, std::this_thread::get_id());
    };
    options.on_thread_stop = [&](unsigned n) {
        std::scoped_lock const locked{guard};
        stopped.emplace(n, std::this_thread::get_id());
    };
    {
        runtime rt{options};
        CHECK(started.empty());
        rt.block_on([]() -> task<> { co_return; });
        CHECK(started.size() == 3);
        CHECK(stopped.empty());
    }
    CHECK(stopped == started);
}

TEST_CASE("workers that are pinned run where the policy says") {
    test::watchdog const watched{20};
    auto const allowed = this_thread_cpus();
    if (!allowed) SKIP("no affinity here");
    runtime_options options;
    options.workers = 2;
    options.pinning = placement::compact;
    runtime rt{options};
    auto const mine = rt.block_on([]() -> task<cpu_set> { co_return this_thread_cpus().value(); });
    CHECK(mine.size() == 1);
    CHECK((mine & *allowed).size() == 1);
}

TEST_CASE("an empty hook does nothing; copies of one share what they call") {
    hook<int> const none;
    CHECK(!none);
    none(1);
    int sum = 0;
    hook<int> const adds = [&sum, calls = 0](int n) mutable { sum += n * ++calls; };
    auto const copy = adds;
    adds(1);
    copy(10);
    CHECK(sum == 21);
}
