// tests/unit/cpu/placement.cpp: policies put threads near each other or far apart, and never where they may not go.
#include <weir/cpu/placement.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <vector>

using namespace weir;

namespace {

// Two sockets, each a node with one large cache, of two cores with two siblings, numbered as Linux does.
topology two_sockets() {
    topology machine;
    machine.cpus = {0, 1, 2, 3, 4, 5, 6, 7};
    machine.cores = {{0, {0, 4}}, {0, {1, 5}}, {1, {2, 6}}, {1, {3, 7}}};
    machine.nodes = {{0, {0, 1, 4, 5}}, {1, {2, 3, 6, 7}}};
    machine.caches = {{3, cache_kind::unified, 1 << 25, 64, {0, 1, 4, 5}}, {3, cache_kind::unified, 1 << 25, 64, {2, 3, 6, 7}}};
    return machine;
}

using places = std::vector<cpu_set>;

} // namespace

TEST_CASE("compact fills a core, then the cores of one cache, then the next socket") {
    auto const machine = two_sockets();
    CHECK(place_threads(placement::compact, 6, machine, machine.cpus) == places{{0}, {4}, {1}, {5}, {2}, {6}});
}

TEST_CASE("spread takes turns among sockets, then cores, and siblings last") {
    auto const machine = two_sockets();
    CHECK(place_threads(placement::spread, 8, machine, machine.cpus) == places{{0}, {2}, {1}, {3}, {4}, {6}, {5}, {7}});
}

TEST_CASE("spread gives no CPU a second thread while another has none, however lopsided the nodes are") {
    auto const machine = two_sockets();
    CHECK(place_threads(placement::spread, 4, machine, {0, 1, 5, 2}) == places{{0}, {2}, {1}, {5}});
}

TEST_CASE("one per core gives each thread all of a core that it may use") {
    auto const machine = two_sockets();
    CHECK(place_threads(placement::one_per_core, 3, machine, {0, 1, 2, 3, 4, 5}) == places{{0, 4}, {1, 5}, {2}});
}

TEST_CASE("more threads than places share them evenly") {
    auto const machine = two_sockets();
    CHECK(place_threads(placement::compact, 3, machine, {1, 2}) == places{{1}, {2}, {1}});
    CHECK(place_threads(placement::one_per_core, 3, machine, {1, 5, 2}) == places{{1, 5}, {2}, {1, 5}});
    auto const spread = place_threads(placement::spread, 16, machine, machine.cpus);
    for (unsigned cpu = 0; cpu < 8; ++cpu)
        CHECK(std::count(spread.begin(), spread.end(), cpu_set{cpu}) == 2);
}

TEST_CASE("no threads need no places, and CPUs that are offline are not used") {
    auto const machine = two_sockets();
    CHECK(place_threads(placement::spread, 0, machine, machine.cpus).empty());
    CHECK(place_threads(placement::compact, 2, machine, {3, 900}) == places{{3}, {3}});
}

TEST_CASE("chiplets of one node count as far apart, as they share no cache") {
    topology machine;
    machine.cpus = {0, 1, 2, 3};
    machine.cores = {{0, {0}}, {0, {1}}, {0, {2}}, {0, {3}}};
    machine.nodes = {{0, {0, 1, 2, 3}}};
    machine.caches = {{3, cache_kind::unified, 1 << 25, 64, {0, 2}}, {3, cache_kind::unified, 1 << 25, 64, {1, 3}}};
    CHECK(place_threads(placement::compact, 4, machine, machine.cpus) == places{{0}, {2}, {1}, {3}});
    CHECK(place_threads(placement::spread, 2, machine, machine.cpus) == places{{0}, {1}});
}
