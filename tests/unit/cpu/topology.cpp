// tests/unit/cpu/topology.cpp: cores, nodes and caches are found, from files laid out as kernels lay them out.
#include "fake_root.hpp"

#include <weir/cpu/topology.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace weir;

namespace {

std::string const system_folder = "/sys/devices/system";

void core(fake_root& root, unsigned cpu, std::string const& siblings, std::string const& package) {
    auto const folder = system_folder + "/cpu/cpu" + std::to_string(cpu) + "/topology";
    root.file(folder + "/core_cpus_list", siblings + "\n").file(folder + "/physical_package_id", package + "\n");
}

void cache(fake_root& root, unsigned cpu, unsigned index, std::string const& level, std::string const& type,
           std::string const& size, std::string const& shared) {
    auto const folder = system_folder + "/cpu/cpu" + std::to_string(cpu) + "/cache/index" + std::to_string(index);
    root.file(folder + "/level", level + "\n").file(folder + "/type", type + "\n").file(folder + "/size", size + "\n");
    root.file(folder + "/coherency_line_size", "64\n").file(folder + "/shared_cpu_list", shared + "\n");
}

// Two sockets, each a node, of two cores with two siblings, numbered as Linux does: siblings are four apart.
void two_sockets(fake_root& root) {
    root.file(system_folder + "/cpu/online", "0-7\n").file(system_folder + "/node/online", "0-1\n");
    root.file(system_folder + "/node/node0/cpulist", "0-1,4-5\n");
    root.file(system_folder + "/node/node1/cpulist", "2-3,6-7\n");
    for (unsigned cpu = 0; cpu < 8; ++cpu) {
        auto const one = std::to_string(cpu % 4) + "," + std::to_string(cpu % 4 + 4);
        core(root, cpu, one, cpu % 4 < 2 ? "0" : "1");
        cache(root, cpu, 0, "1", "Data", "32K", one);
        cache(root, cpu, 1, "1", "Instruction", "64K", one);
        cache(root, cpu, 2, "3", "Unified", "32M", cpu % 4 < 2 ? "0-1,4-5" : "2-3,6-7");
    }
}

} // namespace

TEST_CASE("siblings are one core, sockets are nodes, and each cache is listed once with who shares it") {
    fake_root root;
    two_sockets(root);
    auto const machine = read_topology(root.path());

    CHECK(machine.cpus == cpu_set{0, 1, 2, 3, 4, 5, 6, 7});
    REQUIRE(machine.cores.size() == 4);
    CHECK(machine.cores[1].cpus == cpu_set{1, 5});
    CHECK(machine.cores[1].package == 0);
    CHECK(machine.cores[3].cpus == cpu_set{3, 7});
    CHECK(machine.cores[3].package == 1);
    REQUIRE(machine.nodes.size() == 2);
    CHECK(machine.nodes[1].number == 1);
    CHECK(machine.nodes[1].cpus == cpu_set{2, 3, 6, 7});

    REQUIRE(machine.caches.size() == 4 + 4 + 2);
    CHECK(machine.caches.front().level == 1);
    CHECK(machine.caches.front().bytes == 32 * 1024);
    CHECK(machine.caches.front().line_bytes == 64);
    CHECK(machine.caches.back().bytes == 32 * 1024 * 1024);
    CHECK(machine.caches.back().cpus == cpu_set{2, 3, 6, 7});
}

TEST_CASE("a CPU is asked for its core, its node and its last cache") {
    fake_root root;
    two_sockets(root);
    auto const machine = read_topology(root.path());
    CHECK(machine.core_of(6)->cpus == cpu_set{2, 6});
    CHECK(machine.node_of(6)->number == 1);
    CHECK(machine.last_cache_of(6)->level == 3);
    CHECK(machine.core_of(8) == nullptr);
    CHECK(machine.node_of(8) == nullptr);
    CHECK(machine.last_cache_of(8) == nullptr);
}

TEST_CASE("an instruction cache is nobody's last cache") {
    fake_root root;
    root.file(system_folder + "/cpu/online", "0\n");
    core(root, 0, "0", "0");
    cache(root, 0, 0, "1", "Data", "48K", "0");
    cache(root, 0, 1, "1", "Instruction", "32K", "0");
    auto const machine = read_topology(root.path());
    CHECK(machine.last_cache_of(0)->kind == cache_kind::data);
}

TEST_CASE("a sibling that is offline is in no core, and a CPU that is offline in nothing") {
    fake_root root;
    root.file(system_folder + "/cpu/online", "0,2\n").file(system_folder + "/node/online", "0\n");
    root.file(system_folder + "/node/node0/cpulist", "0-3\n");
    core(root, 0, "0-1", "0");
    core(root, 2, "2-3", "0");
    auto const machine = read_topology(root.path());
    REQUIRE(machine.cores.size() == 2);
    CHECK(machine.cores[0].cpus == cpu_set{0});
    CHECK(machine.cores[1].cpus == cpu_set{2});
    CHECK(machine.nodes.front().cpus == cpu_set{0, 2});
}

TEST_CASE("a node of memory alone is no place for a thread, and a CPU that no node names is in node 0") {
    fake_root root;
    root.file(system_folder + "/cpu/online", "0-2\n").file(system_folder + "/node/online", "1-2\n");
    root.file(system_folder + "/node/node1/cpulist", "0-1\n").file(system_folder + "/node/node2/cpulist", "\n");
    auto const machine = read_topology(root.path());
    REQUIRE(machine.nodes.size() == 2);
    CHECK(machine.nodes[0].number == 0);
    CHECK(machine.nodes[0].cpus == cpu_set{2});
    CHECK(machine.nodes[1].cpus == cpu_set{0, 1});
}

TEST_CASE("where the system tells nothing, each CPU is a core of one node without caches") {
    fake_root const root;
    auto const machine = read_topology(root.path());
    CHECK(machine.cpus.size() >= 1);
    CHECK(machine.cores.size() == machine.cpus.size());
    REQUIRE(machine.nodes.size() == 1);
    CHECK(machine.nodes.front().cpus == machine.cpus);
    CHECK(machine.caches.empty());
}

TEST_CASE("what cannot be understood counts as absent") {
    fake_root root;
    root.file(system_folder + "/cpu/online", "0-1\n").file(system_folder + "/node/online", "zero\n");
    core(root, 0, "0,x", "-1");
    cache(root, 0, 0, "1", "Data", "much", "0");
    cache(root, 0, 1, "deep", "Unified", "1M", "0");
    auto const machine = read_topology(root.path());
    CHECK(machine.cores.size() == 2);
    CHECK(machine.cores[0].cpus == cpu_set{0});
    CHECK(machine.nodes.size() == 1);
    REQUIRE(machine.caches.size() == 1);
    CHECK(machine.caches.front().bytes == 0);
}

TEST_CASE("on this machine each CPU has exactly one core and one node") {
    auto const machine = read_topology();
    std::size_t in_cores = 0;
    std::size_t in_nodes = 0;
    for (auto const& one : machine.cores) in_cores += one.cpus.size();
    for (auto const& one : machine.nodes) in_nodes += one.cpus.size();
    CHECK(in_cores == machine.cpus.size());
    CHECK(in_nodes == machine.cpus.size());
    for (unsigned const cpu : machine.cpus.numbers()) {
        CHECK(machine.core_of(cpu) != nullptr);
        CHECK(machine.node_of(cpu) != nullptr);
    }
}
