// weir/flow/flight_gate.hpp: how many flights there are, for the bound on them and for who waits until there are none.
// For:      authors of primitives.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/sync/event.hpp>

#include <cstddef>
#include <cstdint>

namespace weir::inline v0::detail {

class flight_gate : immovable {
public:
    // Counts one more, or says why not.
    result<void> depart(std::size_t at_most) noexcept {
        std::uint64_t now = word_.load(relaxed); // the exchange decides
        do {
            if (now & shut_bit) return errc::closed;
            if (now / one_flight >= at_most) return errc::overloaded;
        } while (!word_.compare_exchange_weak(now, now + one_flight, relaxed, relaxed)); // a count: the shard publishes
        return {};
    }
    // The last touch of the coalescer by a flight.
    void land() noexcept {
        if (word_.fetch_sub(one_flight, acq_rel) == (one_flight | shut_bit)) empty_.set(); // [landed]
        // ---- the coalescer may be gone
    }
    // Lets nobody depart any more.
    void shut() noexcept {
        if (word_.fetch_or(shut_bit, acq_rel) == 0) empty_.set(); // [landed] G1: who makes it shut and empty raises it
    }
    auto wait_empty() noexcept { return empty_.wait(); }

    std::size_t count() const noexcept { return static_cast<std::size_t>(word_.load(relaxed) / one_flight); } // a hint
    // Whether nobody is left who would touch the coalescer.
    bool deserted() const noexcept {
        std::uint64_t const now = word_.load(acquire); // [landed]
        return now & shut_bit ? empty_.is_set() : now == 0;
    }

private:
    // Bit 0: shut; the rest: flights that departed and have not landed.
    static constexpr std::uint64_t shut_bit = 1;
    static constexpr std::uint64_t one_flight = 2;
    atomic<std::uint64_t> word_{0};
    event empty_;
};

// A place among the flights, given back unless a flight takes it over.
class flight_place : immovable {
public:
    explicit flight_place(flight_gate& gate) noexcept : gate_{&gate} {}
    ~flight_place() {
        if (gate_) gate_->land();
    }
    void keep() noexcept { gate_ = nullptr; }

private:
    flight_gate* gate_;
};

} // namespace weir::detail
