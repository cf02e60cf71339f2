// weir/cpu/usable_cpus.hpp: how many workers make sense: what the machine has, less what this process is not granted.
#pragma once

#include <weir/cpu/affinity.hpp>
#include <weir/cpu/cpu_grant.hpp>
#include <weir/cpu/cpu_set.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <thread>

namespace weir::inline v0 {

// At least one: the CPUs of the mask that the grant also names, at most as many as the quota is worth, rounded up, since
// a worker more shares the rest of the time, and a worker fewer would leave it unused.
std::size_t usable_cpus(cpu_set const& affinity, cpu_grant const& granted);

// How many workers make sense for this process now.  Cost: some dozens of system calls; ask once.
std::size_t usable_cpus();

inline std::size_t usable_cpus(cpu_set const& affinity, cpu_grant const& granted) {
    auto cpus = affinity.size();
    // A mask and a group that name nothing in common are from different namespaces; the mask is what the kernel obeys.
    if (granted.cpus)
        if (auto const both = (affinity & *granted.cpus).size(); both != 0) cpus = both;
    if (granted.quota) cpus = std::min(cpus, static_cast<std::size_t>(std::ceil(*granted.quota)));
    return std::max<std::size_t>(cpus, 1);
}

inline std::size_t usable_cpus() {
    auto affinity = this_thread_cpus();
    if (affinity) return usable_cpus(*affinity, read_cpu_grant());
    cpu_set all;
    for (unsigned cpu = 0; cpu < std::min(std::thread::hardware_concurrency(), cpu_set::limit); ++cpu) all.insert(cpu);
    return usable_cpus(all, read_cpu_grant());
}

} // namespace weir
