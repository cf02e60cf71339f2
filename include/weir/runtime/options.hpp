// weir/runtime/options.hpp: what a runtime is told before it starts.
#pragma once

#include <weir/io/backend.hpp>

#include <string>

namespace weir {

class runtime_options {
public:
    runtime_options() {}

    unsigned workers = 0;      // threads that run tasks; 0: as many as the process may use (affinity mask, cgroup quota)
    std::string name = "weir"; // of the threads, followed by their number
    io::backend_choice backend = io::backend_choice::automatic;
    unsigned ring_entries = 256; // of each worker's io_uring; rounded up to a power of two
};

} // namespace weir
