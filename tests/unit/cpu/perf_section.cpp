// tests/unit/cpu/perf_section.cpp: a section tells what its scope has cost, however the scope is left.
#include <weir/cpu/perf_section.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <stdexcept>

using namespace weir;

namespace {

std::uint64_t volatile sink = 0;

} // namespace

TEST_CASE("a section tells its cost once, at its end, and what came before and after is not in it") {
    perf_counters const counters;
    if (auto const why = counters.status(perf_event::cpu_nanoseconds)) SKIP("nothing is counted here: " << why.message());
    auto const burn = [](int times) {
        for (int n = 0; n < times; ++n) sink = sink + 1;
    };
    int told = 0;
    std::uint64_t large = 0, small = 0;
    {
        perf_section const section{counters, [&](perf_reading const& cost) {
            ++told;
            large = cost[perf_event::cpu_nanoseconds].value();
        }};
        burn(20'000'000);
        CHECK(told == 0);
    }
    CHECK(told == 1);
    burn(20'000'000);
    {
        perf_section const section{counters, [&](perf_reading const& cost) {
            small = cost[perf_event::cpu_nanoseconds].value();
        }};
    }
    CHECK(large > 1'000'000);
    CHECK(small * 10 < large);
}

TEST_CASE("a section that an exception leaves tells its cost, too") {
    perf_counters const counters;
    bool told = false;
    auto const leaves = [&] {
        perf_section const section{counters, [&](perf_reading const&) { told = true; }};
        throw std::runtime_error("left");
    };
    CHECK_THROWS_AS(leaves(), std::runtime_error);
    CHECK(told);
}
