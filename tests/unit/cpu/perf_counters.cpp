// tests/unit/cpu/perf_counters.cpp: events are counted where the kernel counts them, and else it is said why not.
#include <weir/cpu/perf_counters.hpp>

#include <catch2/catch_test_macros.hpp>

#include <sys/mman.h>

#include <cstdio>
#include <thread>

using namespace weir;

namespace {

constexpr perf_event every_event[]{perf_event::cycles,        perf_event::instructions,    perf_event::cache_misses,
                                   perf_event::branch_misses, perf_event::cpu_nanoseconds, perf_event::page_faults,
                                   perf_event::context_switches};

// Touches as many pages for the first time.
void touch_pages(std::size_t pages) {
    auto const bytes = pages * 4096;
    void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    ::madvise(memory, bytes, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < bytes; at += 4096) static_cast<char volatile*>(memory)[at] = 1;
    ::munmap(memory, bytes);
}

[[gnu::noinline]] void count_down(unsigned from) {
    for (unsigned volatile left = from; left > 0;) left = left - 1;
}

} // namespace

TEST_CASE("an event is counted or its status says why not, never both") {
    perf_counters const counters;
    auto const now = counters.read();
    for (perf_event const event : every_event) {
        INFO(to_string(event));
        if (counters.status(event)) {
            CHECK_FALSE(now[event].has_value());
            std::printf("not counted here: %s (%s)\n", to_string(event).data(),
                        counters.status(event).message().c_str());
        } else {
            CHECK(now[event].has_value());
        }
    }
}

TEST_CASE("page faults of a section are those of its pages") {
    perf_counters const counters;
    if (counters.status(perf_event::page_faults)) SKIP(counters.status(perf_event::page_faults).message());
    auto const few = counters.of([] { touch_pages(16); });
    auto const many = counters.of([] { touch_pages(256); });
    CHECK(few[perf_event::page_faults].value() >= 16);
    CHECK(few[perf_event::page_faults].value() < 128);
    CHECK(many[perf_event::page_faults].value() >= 256);
}

TEST_CASE("a section that computes takes time, and one that sleeps takes less") {
    perf_counters const counters;
    if (counters.status(perf_event::cpu_nanoseconds)) SKIP(counters.status(perf_event::cpu_nanoseconds).message());
    auto const works = counters.of([] { count_down(20'000'000); });
    auto const sleeps = counters.of([] { std::this_thread::sleep_for(std::chrono::milliseconds{20}); });
    CHECK(works[perf_event::cpu_nanoseconds].value() > 1'000'000);
    CHECK(sleeps[perf_event::cpu_nanoseconds].value() < works[perf_event::cpu_nanoseconds].value());
}

TEST_CASE("a loop has the instructions of its rounds") {
    perf_counters const counters;
    if (counters.status(perf_event::instructions)) SKIP(counters.status(perf_event::instructions).message());
    auto const cost = counters.of([] { count_down(1'000'000); });
    CHECK(cost[perf_event::instructions].value() >= 3'000'000);
    CHECK(cost[perf_event::instructions].value() <= 30'000'000);
}

TEST_CASE("another thread's work is not counted") {
    perf_counters const counters;
    if (counters.status(perf_event::page_faults)) SKIP(counters.status(perf_event::page_faults).message());
    auto const here = counters.of([] { std::thread{[] { touch_pages(2'000); }}.join(); });
    CHECK(here[perf_event::page_faults].value() < 1'000);
}

TEST_CASE("the difference to a reading that lacks an event lacks it, too") {
    perf_counters const counters;
    auto const now = counters.read();
    auto const difference = now - perf_reading{};
    for (perf_event const event : every_event) CHECK_FALSE(difference[event].has_value());
}
