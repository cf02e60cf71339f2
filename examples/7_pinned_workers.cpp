// examples/7_pinned_workers.cpp: what the machine looks like, and workers that stay where they are put.
// One idea: a thread that stays on its CPU finds its caches warm. The machine says which CPUs share what, a policy
// chooses among those that this process may use, and the runtime pins each worker to its own.
#include <weir/coro/when_all.hpp>
#include <weir/coro/yield.hpp>
#include <weir/cpu/affinity.hpp>
#include <weir/cpu/topology.hpp>
#include <weir/cpu/usable_cpus.hpp>
#include <weir/runtime/runtime.hpp>

#include <cstddef>
#include <cstdio>
#include <utility>
#include <vector>

namespace {

void describe(weir::topology const& machine) {
    std::printf("%zu CPUs in %zu cores and %zu NUMA nodes; this process may keep %zu busy\n", machine.cpus.size(),
                machine.cores.size(), machine.nodes.size(), weir::usable_cpus());
    for (auto const& one : machine.caches)
        if (one.kind != weir::cache_kind::instruction && one.cpus.contains(machine.cpus.numbers().front()))
            std::printf("level %u: %zu KiB, shared by %zu CPUs\n", one.level, one.bytes / 1024, one.cpus.size());
}

// On how many CPUs the worker that runs this may be: one, where it is pinned.
weir::task<std::size_t> count_cpus() {
    co_await weir::yield(); // gives way, so that others may run, here or elsewhere
    auto const mine = weir::this_thread_cpus();
    co_return mine ? mine->size() : 0;
}

weir::task<> run() {
    std::vector<weir::task<std::size_t>> all;
    for (int n = 0; n < 1000; ++n) all.push_back(count_cpus());
    std::size_t pinned = 0;
    for (std::size_t const cpus : co_await weir::when_all(std::move(all))) pinned += cpus == 1;
    std::printf("%zu of 1000 tasks ran on a pinned worker\n", pinned);
}

} // namespace

int main() {
    describe(weir::read_topology());

    weir::runtime_options options;
    options.pinning = weir::placement::spread; // as much cache for each as there is; compact keeps them close together
    options.on_thread_start = [](unsigned) {
        auto const mine = weir::this_thread_cpus();
        if (!mine || mine->size() != 1) std::puts("a worker could not be pinned");
    };
    weir::runtime runtime{options};
    runtime.block_on(run);
}
