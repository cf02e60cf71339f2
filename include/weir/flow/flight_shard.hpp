// weir/flow/flight_shard.hpp: the part of a coalescer that lists the flights of some of the keys, and its lock.
// For:      authors of primitives.
#pragma once

#include <weir/base/cache_line.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/flow/coalescer_options.hpp>
#include <weir/flow/entry_clock.hpp>
#include <weir/flow/entry_policy.hpp>
#include <weir/flow/flight_gate.hpp>
#include <weir/flow/flight_table.hpp>
#include <weir/flow/jitter.hpp>
#include <weir/flow/shared_value.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace weir::inline v0::detail {

class flight_core;

// `at` so much later, or never.
inline time_point later(time_point at, duration by) noexcept { return by < no_deadline - at ? at + by : no_deadline; }

// How long what has landed is kept: the options of a coalescer, for its flights.
struct keep_rules : immovable {
    explicit keep_rules(coalescer_options const& told) noexcept
        : options{told}, clock{told.now}, keeps{told.keeps()}, ages{told.ages()} {}

    // How long something is fresh that ended so.
    duration lifetime(bool succeeded) noexcept {
        duration const full = succeeded ? options.time_to_live : options.negative_time_to_live;
        return full == duration::max() || options.jitter == 0 ? full : chance.around(full, options.jitter);
    }
    duration longest_stale() const noexcept {
        return std::max(options.stale_while_revalidate, options.stale_if_error);
    }

    coalescer_options const options;
    entry_clock const clock;
    bool const keeps;
    bool const ages; // something that is kept may be past its time one day
    jitter chance;
    // What a value weighs, where somebody bounds that.
    std::size_t (*weigh)(void const* weigher, flight_core const& landed) noexcept = nullptr;
    void const* weigher = nullptr;
};

// Figures of a shard, changed under its lock.
struct flight_tally {
    std::uint64_t leads = 0;
    std::uint64_t joins = 0;
    std::uint64_t hits = 0;
    std::uint64_t stale_hits = 0;
    std::uint64_t abandoned = 0;
    std::uint64_t failures = 0;
    std::uint64_t evictions = 0;
    std::size_t waiters = 0;
    std::size_t entries = 0;
};

// A part of the keys.  Threads: everything under `lock`.
struct alignas(cache_line) flight_shard : immovable {
    class guard;
    spin_lock lock;
    bool closed = false;         // F3: once closed, nothing enters `running` or `table`
    keep_rules* rules = nullptr; // never changes
    flight_table table;          // the flights that may be joined, and those that are kept
    intrusive_list<flight_core> running; // F4: exactly those in phase running
    std::unique_ptr<entry_policy> policy; // null where there is room for all
    std::size_t sweeps_at = 0;   // where to look next for what is past its time
    flight_tally tally;
};

// Holds a shard, and frees what the table gives up and who was dropped once it has let go.
class flight_shard::guard : immovable {
public:
    explicit guard(flight_shard& of) noexcept : of_{of} { of_.lock.lock(); }
    ~guard() {
        of_.lock.unlock(); // unused_ is freed behind it
        if (!dropped_.empty()) release_dropped();
    }
    void erase(table_node& one) noexcept {
        if (auto left = of_.table.erase(one)) unused_ = std::move(left); // a second one is rare, and freed here
    }
    // Lets go of one hand on a flight that is in no list.
    void drop(flight_core& one) noexcept;
    // Forgets those of which `goes(flight)` says so in the bucket of the table at `cursor`, and moves that on. A walk
    // begins at 0, and is over when the answer is false; it meets all who are there from its first step to its last.
    // Errors: what `goes` throws; then nothing has happened.
    template <class Goes>
    bool forget_some(std::size_t& cursor, Goes goes);

private:
    void release_dropped() noexcept;

    flight_shard& of_;
    flight_table::segment unused_;
    intrusive_list<kept_node> dropped_;
};

} // namespace weir::detail
