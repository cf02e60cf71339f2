// bench/io/load/usage.hpp: what the server has used so far: processor time of all its threads, and memory of its own.
// It is read at the edges of the measured window by who knows them, so that neither start-up nor connecting is in it.
// Source: clock_getcpuclockid(3); of the three clocks of a process one is the scheduler's exact count, and two count
//         ticks, whose ratio gives the user part.
#pragma once

#include <cstdint>
#include <cstdio>
#include <ctime>

#include <sys/types.h>

namespace load {

struct usage {
    std::int64_t exact = 0; // nanoseconds, all three
    std::int64_t ticks = 0;
    std::int64_t user_ticks = 0;

    static usage of(pid_t server) {
        if (server == 0) return {};
        auto const read = [&](unsigned which) {
            timespec now{};
            ::clock_gettime(static_cast<clockid_t>((~static_cast<unsigned>(server) << 3) | which), &now);
            return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
        };
        return {read(2), read(0), read(1)};
    }
    usage operator-(usage const& earlier) const {
        return {exact - earlier.exact, ticks - earlier.ticks, user_ticks - earlier.user_ticks};
    }
    double user() const {
        return ticks == 0 ? 0 : static_cast<double>(exact) * static_cast<double>(user_ticks) / static_cast<double>(ticks);
    }
};

// Bytes of the server's own pages; 0 where it cannot be read. What the kernel keeps for it is not in that.
inline long long own_memory(pid_t server) {
    char name[64];
    std::snprintf(name, sizeof name, "/proc/%d/smaps_rollup", static_cast<int>(server));
    std::FILE* const file = std::fopen(name, "re");
    if (!file) return 0;
    long long kilobytes = 0;
    for (char line[256]; std::fgets(line, sizeof line, file);)
        if (std::sscanf(line, "Anonymous: %lld kB", &kilobytes) == 1) break;
    std::fclose(file);
    return kilobytes * 1024;
}

} // namespace load
