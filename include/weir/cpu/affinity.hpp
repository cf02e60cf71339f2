// weir/cpu/affinity.hpp: which CPUs this thread may run on.
// Errors:   the system's; errc::unsupported where it has no such thing.
#pragma once

#include <weir/base/platform.hpp>
#include <weir/base/result.hpp>
#include <weir/cpu/cpu_set.hpp>

#include <cerrno>
#include <cstddef>

#if WEIR_LINUX
#include <sched.h>
#endif

namespace weir::inline v0 {

// The CPUs that this thread may run on, beyond 1024 too.
inline result<cpu_set> this_thread_cpus() {
#if WEIR_LINUX
    // The kernel refuses a mask that is shorter than its own, and does not say how long that is.
    for (std::size_t cpus = CPU_SETSIZE; cpus <= cpu_set::limit; cpus *= 2) {
        std::vector<cpu_set_t> mask(cpus / CPU_SETSIZE);
        auto const bytes = mask.size() * sizeof(cpu_set_t);
        if (::sched_getaffinity(0, bytes, mask.data()) == 0) {
            cpu_set found;
            for (unsigned cpu = 0; cpu < cpus; ++cpu)
                if (CPU_ISSET_S(cpu, bytes, mask.data())) found.insert(cpu);
            return found;
        }
        if (errno != EINVAL) return system_error_code(errno);
    }
    return system_error_code(EINVAL);
#else
    return errc::unsupported;
#endif
}

// From now on this thread, and threads that it starts, run on these CPUs only. A thread that runs elsewhere has moved
// when the call returns.  Errors: EINVAL where none of the CPUs is there, or is granted to the process.
inline result<void> pin_this_thread([[maybe_unused]] cpu_set const& to) {
#if WEIR_LINUX
    std::vector<cpu_set_t> mask(1);
    for (unsigned const cpu : to.numbers()) {
        if (cpu / CPU_SETSIZE >= mask.size()) mask.resize(cpu / CPU_SETSIZE + 1);
        CPU_SET_S(cpu, mask.size() * sizeof(cpu_set_t), mask.data());
    }
    if (::sched_setaffinity(0, mask.size() * sizeof(cpu_set_t), mask.data()) != 0) return system_error_code(errno);
    return {};
#else
    return errc::unsupported;
#endif
}
inline result<void> pin_this_thread(unsigned cpu) {
    if (cpu >= cpu_set::limit) return std::make_error_code(std::errc::invalid_argument);
    return pin_this_thread(cpu_set{cpu});
}

} // namespace weir
