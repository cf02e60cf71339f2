// tests/unit/runtime/profiler.cpp: samples fall where the time goes, under those who await it.
#include "support/backends.hpp"
#include "support/scale.hpp"
#include "support/watchdog.hpp"

#include <weir/coro/yield.hpp>
#include <weir/runtime/profiler.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/sleep.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

// With names that a linker sees and a test can spell.
namespace profiled {

std::uint64_t cpu_ns() {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(used.tv_nsec);
}

[[gnu::noinline]] void burn(std::chrono::milliseconds cpu) {
    std::uint64_t volatile sink = 0;
    auto const until = cpu_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds{cpu}.count());
    while (cpu_ns() < until)
        for (int n = 0; n < 1000; ++n) sink = sink + 1;
}
[[gnu::noinline]] task<> leaf(std::chrono::milliseconds cpu) {
    co_await yield(); // so that the scheduler resumes it, and not who awaits it
    burn(cpu);
}
[[gnu::noinline]] task<> middle(std::chrono::milliseconds cpu) { co_await leaf(cpu); }
[[gnu::noinline]] task<> outer(std::chrono::milliseconds cpu) { co_await middle(cpu); }

} // namespace profiled

namespace {

profiler_options every(std::chrono::microseconds period, profiled_time time = profiled_time::cpu) {
    profiler_options options;
    options.period = period;
    options.time = time;
    return options;
}

// Where `inner` stands in the stack behind `outer`, each as the end of a name.
bool in_order(std::string const& stack, std::vector<std::string> const& names) {
    std::size_t at = 0;
    for (auto const& name : names) {
        at = stack.find(name, at);
        if (at == stack.npos) return false;
        at += name.size();
    }
    return true;
}

} // namespace

TEST_CASE("a coroutine that computes is met under those who await it, on its worker's thread") {
    test::watchdog const watched{patience};
    runtime_options options;
    options.workers = 1;
    options.name = "burner";
    runtime rt{options};
    profiler looks;
    rt.block_on(profiled::outer, 1ms); // has its thread
    REQUIRE(looks.start(every(1000us)));
    rt.block_on(profiled::outer, 500ms);
    auto const seen = looks.stop();
    CHECK_FALSE(looks.running());
    INFO(seen.folded());
    CHECK(seen.samples() + seen.lost() >= 15); // clocks that tick 100 times a second give 50
    std::uint64_t burning = 0, chained = 0;
    for (auto const& [stack, times] : seen.stacks()) {
        if (!in_order(stack, {"burner-0", "profiled::burn"})) continue;
        burning += times;
        if (in_order(stack, {"burner-0;", "profiled::outer;", "profiled::middle;", "profiled::leaf;", "profiled::burn"}))
            chained += times;
    }
#if !WEIR_TSAN // which says where a signal was handled, not where it came
    CHECK(burning * 10 >= seen.samples() * 7);
#if defined(__OPTIMIZE__) // without, a coroutine's frame may be named nowhere that the walk looks
    CHECK(chained * 10 >= burning * 8);
#endif
#endif
    CHECK(burning >= chained);
    CHECK(burning > 0);
}

TEST_CASE("a plain thread is met by its name, with all that called") {
    test::watchdog const watched{patience};
    profiler looks;
    REQUIRE(looks.start(every(1000us)));
    std::thread late{[] { // begun after the profiler
        ::pthread_setname_np(::pthread_self(), "latecomer");
        profiled::burn(600ms);
    }};
    late.join();
    auto const seen = looks.stop();
    std::uint64_t met = 0;
    for (auto const& [stack, times] : seen.stacks())
        if (in_order(stack, {"latecomer;", "profiled::burn"})) met += times;
    INFO(seen.folded());
    CHECK(met >= 20);
}

TEST_CASE("by wall time a thread that waits is met, and by CPU time it is not") {
    test::watchdog const watched{patience};
    for (auto const time : {profiled_time::wall, profiled_time::cpu}) {
        atomic<bool> over{false};
        std::thread sleeper{[&] {
            ::pthread_setname_np(::pthread_self(), "sleeper");
            while (!over.load(acquire)) std::this_thread::sleep_for(50ms);
        }};
        std::this_thread::sleep_for(20ms); // it has its name
        profiler looks;
        REQUIRE(looks.start(every(2000us, time)));
        std::this_thread::sleep_for(300ms);
        auto const seen = looks.stop();
        over.store(true, release);
        sleeper.join();
        std::uint64_t met = 0;
        for (auto const& [stack, times] : seen.stacks())
            if (stack.rfind("sleeper;", 0) == 0) met += times;
        INFO(seen.folded());
        if (time == profiled_time::wall) CHECK(met >= 20);
        else CHECK(met <= 3);
    }
}

TEST_CASE("one profiler runs at a time, and one that was refused does no harm") {
    test::watchdog const watched{patience};
    profiler first;
    profiler second;
    CHECK(first.start(every(999us)).error() == std::errc::invalid_argument);
    REQUIRE(first.start());
    CHECK(first.start().error() == std::errc::device_or_resource_busy);
    CHECK(second.start().error() == std::errc::device_or_resource_busy);
    CHECK(second.stop().samples() == 0);
    CHECK(first.running());
    static_cast<void>(first.stop());
    REQUIRE(second.start());
    CHECK(second.running());
}

TEST_CASE("where somebody else handles SIGPROF no profiler starts") {
    struct sigaction mine {};
    struct sigaction before {};
    mine.sa_handler = [](int) {};
    REQUIRE(::sigaction(SIGPROF, &mine, &before) == 0);
    profiler looks;
    CHECK(looks.start().error() == std::errc::device_or_resource_busy);
    REQUIRE(::sigaction(SIGPROF, &before, nullptr) == 0);
    CHECK(looks.start());
}

TEST_CASE("it starts and stops a hundred times under load, and leaves no descriptor behind") {
    test::watchdog const watched{patience};
    atomic<bool> over{false};
    std::vector<std::thread> busy;
    for (int n = 0; n < 3; ++n)
        busy.emplace_back([&] {
            while (!over.load(relaxed)) { // a hint
                profiled::burn(1ms);
                std::thread{[] { profiled::burn(1ms); }}.join(); // threads come and go
            }
        });
    auto const open = [] {
        return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, std::filesystem::directory_iterator{});
    };
    auto const before = open();
    std::uint64_t samples = 0;
    for (int n = 0; n < (sanitized ? 20 : 100); ++n) {
        profiler looks;
        REQUIRE(looks.start(every(1000us, n % 2 == 0 ? profiled_time::wall : profiled_time::cpu)));
        std::this_thread::sleep_for(5ms);
        auto const seen = looks.stop();
        samples += seen.samples();
    }
    over.store(true, relaxed); // a hint
    for (auto& each : busy) each.join();
    CHECK(samples > 0);
    CHECK(open() == before);
}

TEST_CASE("a symbol is found for a static function, and none for data") {
    symbols names;
    auto const address = reinterpret_cast<std::uintptr_t>(&profiled::burn);
    auto const found = names.at(address);
    REQUIRE(found);
    CHECK(found->name == "profiled::burn");
    CHECK(found->begins);
    auto const inside = names.at(address + 1);
    REQUIRE(inside);
    CHECK(inside->name == "profiled::burn");
    CHECK_FALSE(inside->begins);
    auto const own = names.at(reinterpret_cast<std::uintptr_t>(&in_order)); // no linker exports it
    REQUIRE(own);
    CHECK_THAT(own->name, ContainsSubstring("in_order"));
    CHECK_FALSE(names.at(reinterpret_cast<std::uintptr_t>(&address))); // on the stack
    CHECK_THAT(names.name_of(1), ContainsSubstring("0x1"));
    CHECK(names.at(reinterpret_cast<std::uintptr_t>(&std::abort))); // of a library
}
