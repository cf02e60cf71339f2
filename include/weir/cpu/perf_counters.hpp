// weir/cpu/perf_counters.hpp: what a section of code cost this thread: cycles, instructions, misses, page faults.
// Threads:  counts the thread that made it, in user mode; that thread reads.
// Not:      a sampling profiler. In virtual machines and containers the kernel often has no counters of the processor, or
//           keeps them from us: `status` then says why, and the events of the kernel itself are still counted.
// Source:   perf_event_open(2).
#pragma once

#include <weir/base/errc.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/platform.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

#if WEIR_LINUX
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace weir::inline v0 {

enum class perf_event : unsigned {
    cycles,
    instructions,
    cache_misses, // of the last level
    branch_misses,
    cpu_nanoseconds, // from here on counted by the kernel, and so on every machine
    page_faults,
    context_switches,
};

inline constexpr std::size_t perf_events = 7;

// The event as a word, such as "cache_misses".
std::string_view to_string(perf_event event) noexcept;

// Counts at one moment, or between two; none where the event is not counted.
class perf_reading {
public:
    std::optional<std::uint64_t> operator[](perf_event event) const noexcept { return counts_[std::size_t(event)]; }
    // What happened between the earlier reading and the later; none where either has none.
    friend perf_reading operator-(perf_reading const& later, perf_reading const& earlier) noexcept;

private:
    friend class perf_counters;
    std::array<std::optional<std::uint64_t>, perf_events> counts_{};
};

class perf_counters : immovable {
public:
    // Begins to count. What the kernel refuses is left out, and the rest is counted all the same.
    // Cost: three system calls an event.
    perf_counters() noexcept;
    ~perf_counters();

    // The counts so far. Where the processor has fewer counters than were asked for, the kernel lets them take turns, and
    // a count is scaled up from the share of the time that it was on.  Cost: a system call an event.
    perf_reading read() const noexcept;
    // What `section` cost, of which the reading itself is some hundred instructions.
    template <class Section>
    perf_reading of(Section&& section) const {
        auto const before = read();
        static_cast<Section&&>(section)();
        return read() - before;
    }
    // No error where the event is counted, else why it is not: ENOENT or EOPNOTSUPP where the machine has no such
    // counter, EACCES or EPERM where the system keeps it from this process (/proc/sys/kernel/perf_event_paranoid, seccomp),
    // ENOSYS, errc::unsupported.
    std::error_code status(perf_event event) const noexcept { return status_[std::size_t(event)]; }

private:
    // I1: files_[n] is open exactly where status_[n] is no error.
    std::array<int, perf_events> files_{};
    std::array<std::error_code, perf_events> status_{};
};

inline std::string_view to_string(perf_event event) noexcept {
    switch (event) {
        case perf_event::cycles: return "cycles";
        case perf_event::instructions: return "instructions";
        case perf_event::cache_misses: return "cache_misses";
        case perf_event::branch_misses: return "branch_misses";
        case perf_event::cpu_nanoseconds: return "cpu_nanoseconds";
        case perf_event::page_faults: return "page_faults";
        case perf_event::context_switches: return "context_switches";
    }
    return "unknown";
}

inline perf_reading operator-(perf_reading const& later, perf_reading const& earlier) noexcept {
    perf_reading between;
    for (std::size_t n = 0; n < perf_events; ++n) {
        auto const& a = earlier.counts_[n];
        auto const& b = later.counts_[n];
        // A scaled count may go back by a little.
        if (a && b) between.counts_[n] = *b > *a ? *b - *a : 0;
    }
    return between;
}

#if WEIR_LINUX

namespace detail {

struct perf_kind {
    std::uint32_t type;
    std::uint64_t config;
};

inline constexpr std::array<perf_kind, perf_events> perf_kinds{{
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
    {PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
    {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
    {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
    {PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
}};

} // namespace detail

inline perf_counters::perf_counters() noexcept {
    for (std::size_t n = 0; n < perf_events; ++n) {
        perf_event_attr wanted{};
        wanted.size = sizeof wanted;
        wanted.type = detail::perf_kinds[n].type;
        wanted.config = detail::perf_kinds[n].config;
        wanted.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
        wanted.exclude_kernel = 1; // more than that an ordinary process is refused
        wanted.exclude_hv = 1;
        auto const file = ::syscall(SYS_perf_event_open, &wanted, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
        if (file < 0) status_[n] = system_error_code(errno); // keeps I1
        files_[n] = static_cast<int>(file);
    }
}

inline perf_counters::~perf_counters() {
    for (int const file : files_)
        if (file >= 0) ::close(file);
}

inline perf_reading perf_counters::read() const noexcept {
    perf_reading now;
    for (std::size_t n = 0; n < perf_events; ++n) {
        std::uint64_t counted[3]{}; // the count, and the times it was wanted and was on
        if (status_[n] || ::read(files_[n], counted, sizeof counted) != ssize_t{sizeof counted}) continue;
        auto const [count, wanted, on] = counted;
        if (on == 0) continue; // not once on: nothing is known
        double const share = static_cast<double>(on) / static_cast<double>(wanted);
        now.counts_[n] = on == wanted ? count : static_cast<std::uint64_t>(static_cast<double>(count) / share);
    }
    return now;
}

#else

inline perf_counters::perf_counters() noexcept {
    status_.fill(make_error_code(errc::unsupported));
    files_.fill(-1);
}
inline perf_counters::~perf_counters() = default;
inline perf_reading perf_counters::read() const noexcept { return {}; }

#endif

} // namespace weir
