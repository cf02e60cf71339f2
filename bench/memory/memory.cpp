// bench/memory/memory.cpp: small blocks and costly objects, taken and given back on one thread and on two.

#include "contenders.hpp"
#include "objects.hpp"
#include "workloads.hpp"

#include <harness/measure.hpp>

#include <cstdio>

namespace {

using namespace bench;

void measure_all(char const* workload, settings const& chosen, auto make) {
    measure<weir_frames, libc_malloc, operator_new, jemalloc, mimalloc>(workload, chosen, make);
}

void measure_objects(char const* workload, settings const& chosen, auto make) {
    measure<weir_objects, mutex_objects, new_objects>(workload, chosen, make);
}

} // namespace

int main(int argc, char** argv) {
    auto const chosen = settings_of(argc, argv);
    measure_all("pair", chosen, []<class Allocator> { return pair<Allocator>(); });
    measure_all("chain", chosen, []<class Allocator> { return chain<Allocator>(); });
    measure_objects("objects", chosen, []<class Objects> { return lend_alone<Objects>(); });

    auto const cores = two_cores();
    if (!cores) {
        std::fprintf(stderr, "%s: what takes two threads is left out: there is one core only\n", argv[0]);
        return 0;
    }
    auto const gated = chosen.across(*cores);
    measure_all("hand over", gated, [=]<class Allocator> { return hand_over<Allocator>(*cores); });
    measure_objects("objects together", gated, [=]<class Objects> { return lend_together<Objects>(*cores); });
}
