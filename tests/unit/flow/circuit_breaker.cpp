// tests/unit/flow/circuit_breaker.cpp: what keeps failing is spared, and tried again with care.
#include "support/manual_executor.hpp"
#include "support/started.hpp"

#include <weir/flow/circuit_breaker.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::test;
using namespace std::chrono_literals;

namespace {

time_point const start{1000h};

// That many calls, ended at once; how many were admitted.
int calls(circuit_breaker& of, int how_many, bool well, time_point now) {
    int admitted = 0;
    for (int n = 0; n < how_many; ++n) {
        auto one = of.try_enter(now);
        if (!one) continue;
        ++admitted;
        if (well) one->succeeded(now);
        else one->failed(now);
    }
    return admitted;
}

} // namespace

TEST_CASE("it opens once half of enough calls have failed, and not before") {
    circuit_breaker circuit;
    CHECK(calls(circuit, 10, true, start) == 10);
    CHECK(calls(circuit, 9, false, start) == 9);
    CHECK(circuit.state(start) == breaker_state::closed); // 9 of 19: too few to tell
    CHECK(calls(circuit, 1, false, start) == 1);
    CHECK(circuit.state(start) == breaker_state::open);
    auto const refused = circuit.try_enter(start + 999ms);
    REQUIRE(!refused);
    CHECK(refused.error() == errc::circuit_open);
}

TEST_CASE("failures that are older than the window are forgotten") {
    circuit_breaker circuit;
    calls(circuit, 19, false, start);
    calls(circuit, 19, false, start + 11s);
    CHECK(circuit.state(start + 11s) == breaker_state::closed);
    calls(circuit, 1, false, start + 11s);
    CHECK(circuit.state(start + 11s) == breaker_state::open);
}

TEST_CASE("half open it lets a few probes pass at a time, and closes when all of them succeed") {
    circuit_breaker circuit;
    calls(circuit, 20, false, start);
    time_point const later = start + 1s;
    CHECK(circuit.state(later) == breaker_state::half_open);
    std::vector<breaker_call> probes;
    for (int n = 0; n < 3; ++n) {
        auto one = circuit.try_enter(later);
        REQUIRE(one);
        probes.push_back(*std::move(one));
    }
    CHECK(!circuit.try_enter(later));
    for (auto& each : probes) each.succeeded(later);
    CHECK(circuit.state(later) == breaker_state::closed);
    CHECK(calls(circuit, 19, false, later) == 19); // what had failed before it opened no longer counts
    CHECK(circuit.state(later) == breaker_state::closed);
}

TEST_CASE("a probe that fails opens it again, for twice as long each time, up to the longest") {
    breaker_options with;
    with.longest_open = 3s;
    circuit_breaker circuit{with};
    calls(circuit, 20, false, start);
    time_point now = start;
    for (duration const stays : {1s, 2s, 3s, 3s}) {
        CHECK(circuit.state(now + stays - 1ns) == breaker_state::open);
        now += stays;
        CHECK(circuit.state(now) == breaker_state::half_open);
        CHECK(calls(circuit, 1, false, now) == 1);
    }
}

TEST_CASE("a probe that is dropped without a word gives its place back") {
    circuit_breaker circuit;
    calls(circuit, 20, false, start);
    time_point const later = start + 1s;
    for (int n = 0; n < 10; ++n) {
        auto const dropped = circuit.try_enter(later);
        REQUIRE(dropped);
    }
    CHECK(circuit.state(later) == breaker_state::half_open);
    CHECK(calls(circuit, 3, true, later) == 3);
    CHECK(circuit.state(later) == breaker_state::closed);
}

TEST_CASE("what was begun before the circuit changed says nothing of how things are now (J1)") {
    circuit_breaker circuit;
    auto old = circuit.try_enter(start);
    auto older = circuit.try_enter(start);
    REQUIRE(old);
    REQUIRE(older);
    calls(circuit, 20, false, start);
    time_point const later = start + 1s;
    auto probe = circuit.try_enter(later);
    REQUIRE(probe);
    old->failed(later);
    older->succeeded(later);
    CHECK(circuit.state(later) == breaker_state::half_open);
    probe->succeeded(later);
    CHECK(calls(circuit, 2, true, later) == 2);
    CHECK(circuit.state(later) == breaker_state::closed);
}

TEST_CASE("run counts errors and exceptions, but not what the caller called off") {
    manual_executor runs;
    breaker_options with;
    with.least_calls = 4;
    circuit_breaker circuit{with};
    using asked = started<task<result<int>>>;
    auto const gives = [](errc why) -> task<result<int>> { co_return why; };
    auto const throws = [](int) -> task<result<int>> {
        throw std::runtime_error("broken");
        co_return 0;
    };
    for (int n = 0; n < 10; ++n) {
        asked call{circuit.run(gives, errc::cancelled), context{runs}};
        CHECK(call.take().error() == errc::cancelled);
    }
    for (int n = 0; n < 2; ++n) {
        asked failed{circuit.run(gives, errc::end_of_stream), context{runs}};
        CHECK(failed.take().error() == errc::end_of_stream);
        asked threw{circuit.run(throws, 0), context{runs}};
        CHECK_THROWS_AS(threw.take(), std::runtime_error);
    }
    asked refused{circuit.run(gives, errc::end_of_stream), context{runs}};
    CHECK(refused.take().error() == errc::circuit_open);
}
