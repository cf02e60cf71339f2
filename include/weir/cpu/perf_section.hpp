// weir/cpu/perf_section.hpp: what a scope costs this thread, told at its end.
//     perf_section const parsing{counters, [&](perf_reading const& cost) { sum += *cost[perf_event::cycles]; }};
// Threads:  begins and ends on the thread of its counters; so not for a scope in which a coroutine waits.
// Cost:     as two readings of perf_counters.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/cpu/perf_counters.hpp>

#include <type_traits>
#include <utility>

namespace weir::inline v0 {

template <class Take>
    requires std::is_invocable_v<Take&, perf_reading const&>
class [[nodiscard]] perf_section : immovable {
public:
    // Needs: `take` does not throw; `counters` outlive the section.
    perf_section(perf_counters const& counters, Take take)
        : counters_{counters}, take_{std::move(take)}, before_{counters.read()} {}
    ~perf_section() { take_(counters_.read() - before_); }

private:
    perf_counters const& counters_;
    Take take_;
    perf_reading const before_; // the last member: what comes before is not counted
};

} // namespace weir
