// bench/harness/cores.hpp: which cores a measurement may use, and a thread's stay on one of them.
#pragma once

#include <cerrno>
#include <optional>
#include <system_error>

#include <pthread.h>
#include <sched.h>

namespace bench {

struct core_pair {
    unsigned one;
    unsigned other;
};

inline bool may_use(unsigned core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 && core < CPU_SETSIZE && CPU_ISSET(core, &set);
}

// The first two that this thread may use, or nothing where there is one only.
inline std::optional<core_pair> two_cores() {
    std::optional<unsigned> one;
    for (unsigned core = 0; core < CPU_SETSIZE; ++core) {
        if (!may_use(core)) continue;
        if (one) return core_pair{*one, core};
        one = core;
    }
    return std::nullopt;
}

// Errors: throws std::system_error where the core is not to be had.
inline void pin(unsigned core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    int const error = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    if (error != 0) throw std::system_error{error, std::generic_category(), "pin"};
}

// Where the calling thread may run, given back at the end.
class pinned {
public:
    explicit pinned(unsigned core) {
        pthread_getaffinity_np(pthread_self(), sizeof before_, &before_);
        pin(core);
    }
    pinned(pinned const&) = delete;
    pinned& operator=(pinned const&) = delete;
    ~pinned() { pthread_setaffinity_np(pthread_self(), sizeof before_, &before_); }

private:
    cpu_set_t before_{};
};

} // namespace bench
