// weir/cpu/placement.hpp: which CPUs each of several threads is pinned to, by a policy.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/cpu/cpu_set.hpp>
#include <weir/cpu/topology.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace weir::inline v0 {

enum class placement {
    compact, // near each other, one CPU a thread: siblings of a core first, then the cores of one cache, then of a node
    spread, // far from each other, one CPU a thread: as much cache and memory bandwidth for each as there is
    one_per_core, // as near as cores allow, and each may use any CPU of its core: no two compete for one core's units
};

// For each of `threads` threads the CPUs to pin it to, out of `allowed`. Who comes after all places are taken shares the
// one that has the fewest.  Needs: a CPU of `allowed` that is online.
std::vector<cpu_set> place_threads(placement policy, std::size_t threads, topology const& machine,
                                   cpu_set const& allowed);

namespace detail {

// Where a CPU stands in the machine, the widest group first. A group is known by the number of its first CPU.
struct cpu_position {
    explicit cpu_position(topology const& machine, unsigned number)
        : node{machine.node_of(number)->number}, core{machine.core_of(number)->cpus.numbers().front()}, cpu{number} {
        auto const* const last_cache = machine.last_cache_of(number);
        cache = last_cache ? last_cache->cpus.numbers().front() : core;
    }
    friend auto operator<=>(cpu_position const&, cpu_position const&) = default;

    unsigned node;
    unsigned cache = 0;
    unsigned core;
    unsigned cpu;
};

// The threads that a CPU would share something with, the dearest first: the CPU itself, its core, its memory, its cache.
struct cpu_load {
    cpu_load(cpu_position const& at, std::vector<cpu_position> const& taken) noexcept {
        for (cpu_position const& other : taken) {
            cpu += other.cpu == at.cpu;
            core += other.core == at.core;
            node += other.node == at.node;
            cache += other.cache == at.cache;
        }
    }
    friend auto operator<=>(cpu_load const&, cpu_load const&) = default;

    std::size_t cpu = 0;
    std::size_t core = 0;
    std::size_t node = 0;
    std::size_t cache = 0;
};

} // namespace detail

inline std::vector<cpu_set> place_threads(placement policy, std::size_t threads, topology const& machine,
                                          cpu_set const& allowed) {
    std::vector<detail::cpu_position> positions;
    for (unsigned const cpu : (allowed & machine.cpus).numbers()) positions.emplace_back(machine, cpu);
    WEIR_ASSERT(!positions.empty(), "threads were to be placed on CPUs none of which is online");
    std::sort(positions.begin(), positions.end()); // in this order neighbours are as near as can be

    std::vector<cpu_set> places;
    places.reserve(threads);
    if (policy == placement::spread) {
        std::vector<detail::cpu_position> taken;
        while (places.size() < threads) {
            auto const best = std::min_element(positions.begin(), positions.end(), [&](auto const& a, auto const& b) {
                return detail::cpu_load{a, taken} < detail::cpu_load{b, taken};
            });
            taken.push_back(*best);
            places.push_back(cpu_set{best->cpu});
        }
        return places;
    }
    std::vector<cpu_set> round; // the places that are filled one after the other
    for (auto at = positions.begin(); at != positions.end(); ++at) {
        bool const joins = policy == placement::one_per_core && at != positions.begin() && at[-1].core == at->core;
        if (joins) round.back().insert(at->cpu);
        else round.push_back(cpu_set{at->cpu});
    }
    for (std::size_t n = 0; n < threads; ++n) places.push_back(round[n % round.size()]);
    return places;
}

} // namespace weir
