// weir/cpu/topology.hpp: how the machine's CPUs hang together: cores and their SMT siblings, NUMA nodes, caches.
// Not:      what this process may use of them; see usable_cpus.hpp and affinity.hpp.
// Source:   the kernel's cputopology.rst and sysfs-devices-system-cpu (Documentation/ABI).
#pragma once

#include <weir/cpu/cpu_set.hpp>
#include <weir/cpu/system_text.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

namespace weir::inline v0 {

// CPUs that share one core's units: SMT siblings.
struct cpu_core {
    unsigned package = 0; // the socket
    cpu_set cpus;
};

// CPUs to which the same memory is near.
struct numa_node {
    unsigned number = 0;
    cpu_set cpus;
};

enum class cache_kind { data, instruction, unified };

// One cache, and who shares it.
struct cpu_cache {
    unsigned level = 0; // 1 is nearest to the core
    cache_kind kind = cache_kind::unified;
    std::size_t bytes = 0;
    std::size_t line_bytes = 0;
    cpu_set cpus;
};

// Each CPU that is online is in exactly one core and exactly one node.
struct topology {
    cpu_set cpus;
    std::vector<cpu_core> cores;   // by their first CPU
    std::vector<numa_node> nodes;  // by number
    std::vector<cpu_cache> caches; // by level; by their first CPU within a level

    // The core and the node of a CPU; null where it is not online.
    cpu_core const* core_of(unsigned cpu) const noexcept { return owner_of(cores, cpu); }
    numa_node const* node_of(unsigned cpu) const noexcept { return owner_of(nodes, cpu); }
    // The largest cache that `cpu` shares or has for itself: values pass quickest between CPUs that have it in common.
    // Null where the system tells of none.
    cpu_cache const* last_cache_of(unsigned cpu) const noexcept;

private:
    template <class Group>
    static Group const* owner_of(std::vector<Group> const& groups, unsigned cpu) noexcept {
        auto const holds = [&](Group const& one) { return one.cpus.contains(cpu); };
        auto const at = std::find_if(groups.begin(), groups.end(), holds);
        return at == groups.end() ? nullptr : &*at;
    }
};

// Reads the files below `root`/sys/devices/system. What they do not tell is taken to be simple: each CPU a core of its
// own, all of them in node 0, caches unknown.  Cost: some files a CPU; ask once.
topology read_topology(std::string const& root = {});

inline cpu_cache const* topology::last_cache_of(unsigned cpu) const noexcept {
    auto const at = std::find_if(caches.rbegin(), caches.rend(), [&](cpu_cache const& one) {
        return one.kind != cache_kind::instruction && one.cpus.contains(cpu);
    });
    return at == caches.rend() ? nullptr : &*at;
}

namespace detail {

inline std::optional<cpu_set> read_cpus(std::string const& path) {
    auto const text = system_text::read(path);
    if (!text) return std::nullopt;
    auto cpus = cpu_set::parse(*text);
    if (!cpus || cpus->empty()) return std::nullopt;
    return *std::move(cpus);
}

inline std::optional<unsigned> read_unsigned(std::string const& path) {
    auto const text = system_text::read(path);
    auto const number = text ? system_text::to_number(*text) : std::nullopt;
    if (!number || *number < 0 || *number > cpu_set::limit) return std::nullopt;
    return static_cast<unsigned>(*number);
}

// "32K", "1024K", "8M"; zero where it is none of these.
inline std::size_t to_bytes(std::string_view text) noexcept {
    text = system_text::trimmed(text);
    std::size_t unit = 1;
    if (text.ends_with('K')) unit = 1024;
    else if (text.ends_with('M')) unit = 1024 * 1024;
    else if (text.ends_with('G')) unit = 1024 * 1024 * 1024;
    if (unit != 1) text.remove_suffix(1);
    auto const number = system_text::to_number(text);
    return number && *number > 0 && *number < (1 << 30) ? static_cast<std::size_t>(*number) * unit : 0;
}

inline cpu_set online_cpus(std::string const& system) {
    if (auto cpus = read_cpus(system + "/cpu/online")) return *std::move(cpus);
    cpu_set all;
    auto const count = std::clamp(std::thread::hardware_concurrency(), 1u, cpu_set::limit);
    for (unsigned cpu = 0; cpu < count; ++cpu) all.insert(cpu);
    return all;
}

inline void add_core(topology& found, std::string const& folder, unsigned cpu) {
    if (found.core_of(cpu)) return; // its sibling was here before
    auto siblings = read_cpus(folder + "/topology/core_cpus_list");
    if (!siblings) siblings = read_cpus(folder + "/topology/thread_siblings_list"); // its name before Linux 5.3
    cpu_core core;
    core.package = read_unsigned(folder + "/topology/physical_package_id").value_or(0);
    core.cpus.insert(cpu);
    if (siblings)
        for (unsigned const sibling : (*siblings & found.cpus).numbers())
            if (!found.core_of(sibling)) core.cpus.insert(sibling);
    found.cores.push_back(std::move(core));
}

inline void add_caches(topology& found, std::string const& folder, unsigned cpu) {
    for (unsigned index = 0;; ++index) {
        auto const at = folder + "/cache/index" + std::to_string(index);
        auto const level = read_unsigned(at + "/level");
        if (!level) return;
        cpu_cache cache;
        cache.level = *level;
        auto const kind = system_text::read(at + "/type").value_or("");
        if (kind.starts_with("Data")) cache.kind = cache_kind::data;
        else if (kind.starts_with("Instruction")) cache.kind = cache_kind::instruction;
        cache.bytes = to_bytes(system_text::read(at + "/size").value_or(""));
        cache.line_bytes = read_unsigned(at + "/coherency_line_size").value_or(0);
        if (auto const cpus = read_cpus(at + "/shared_cpu_list")) cache.cpus = *cpus & found.cpus;
        cache.cpus.insert(cpu);
        if (cache.cpus.numbers().front() != cpu) continue; // it is listed by the first of its CPUs
        found.caches.push_back(std::move(cache));
    }
}

inline void add_nodes(topology& found, std::string const& system) {
    if (auto const online = read_cpus(system + "/node/online")) {
        for (unsigned const number : online->numbers()) {
            // A node of memory alone has an empty list; it is no place for a thread.
            auto const cpus = read_cpus(system + "/node/node" + std::to_string(number) + "/cpulist");
            if (cpus && !(*cpus & found.cpus).empty()) found.nodes.push_back({number, *cpus & found.cpus});
        }
    }
    cpu_set homeless;
    for (unsigned const cpu : found.cpus.numbers())
        if (!found.node_of(cpu)) homeless.insert(cpu);
    if (homeless.empty()) return;
    if (found.nodes.empty() || found.nodes.front().number != 0) found.nodes.insert(found.nodes.begin(), numa_node{});
    for (unsigned const cpu : homeless.numbers()) found.nodes.front().cpus.insert(cpu);
}

} // namespace detail

inline topology read_topology(std::string const& root) {
    auto const system = root + "/sys/devices/system";
    topology found;
    found.cpus = detail::online_cpus(system);
    for (unsigned const cpu : found.cpus.numbers()) {
        auto const folder = system + "/cpu/cpu" + std::to_string(cpu);
        detail::add_core(found, folder, cpu);
        detail::add_caches(found, folder, cpu);
    }
    std::sort(found.caches.begin(), found.caches.end(), [](cpu_cache const& a, cpu_cache const& b) {
        auto const key = [](cpu_cache const& of) { return std::tuple{of.level, of.cpus.numbers().front(), of.kind}; };
        return key(a) < key(b);
    });
    detail::add_nodes(found, system);
    return found;
}

} // namespace weir
