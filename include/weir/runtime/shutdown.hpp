// weir/runtime/shutdown.hpp: how a runtime is to end, and what its end has left behind.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace weir::inline v0 {

enum class shutdown_mode : unsigned char {
    cancel, // requests a stop of everything
    drain, // lets everything end by itself
};

class shutdown_report {
public:
    // Nothing runs any more, and the threads are joined.
    bool complete() const noexcept { return unfinished == 0; }
    std::size_t unfinished = 0; // spawned tasks that have not ended
    std::vector<std::string> names; // of those among them that were spawned with one
};

} // namespace weir
