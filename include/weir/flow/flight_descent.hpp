// weir/flow/flight_descent.hpp: for whom a flight was begun, so that a circle of loaders is known when it closes.
// A loader that asks for a key and leads its flight waits for that; so that flight, and all that descend from it, must
// not wait for the loader's own. A flight keeps the numbers of its nearest forebears, and a number is never given twice:
// so nobody looks at a forebear, which may long be gone.
// Not:      exact. A circle of more than five is not seen, nor one that closes through a flight that somebody else had
//           begun before; and a forebear is one still when its loader has left the flight that it led to others.
// For:      authors of primitives.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/flow/flight_urgency.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace weir::inline v0::detail {

class flight_descent : public flight_urgency {
public:
    // The one that this is done for; null where that is no flight.  Needs: to be called by work that is done for it.
    static flight_descent* of_origin(void const* origin) noexcept {
        return static_cast<flight_descent*>(flight_urgency::of_origin(origin));
    }

    // Before it begins: its leader works for `parent`.
    void descends_from(flight_descent& parent) noexcept {
        forebears_[0] = parent.number();
        std::copy_n(parent.forebears_.begin(), forebears_.size() - 1, forebears_.begin() + 1);
    }
    // Whether `other` is this or waits for it, as far as is known.
    bool waits_for_itself(flight_descent const& other) const noexcept {
        if (this == &other) return true;
        std::uint64_t const mine = number_.load(relaxed); // who descends from this has it from this very word, or 0
        return mine != 0 && std::find(other.forebears_.begin(), other.forebears_.end(), mine) != other.forebears_.end();
    }

private:
    // Only those that have children need one. Two of a flight's children may come at once: the first number stays.
    std::uint64_t number() noexcept {
        static atomic<std::uint64_t> last{0};
        std::uint64_t now = number_.load(relaxed); // a name: nothing is published by it
        if (now != 0) return now;
        std::uint64_t const fresh = last.fetch_add(1, relaxed) + 1;                          // the same
        return number_.compare_exchange_strong(now, fresh, relaxed, relaxed) ? fresh : now; // the same
    }

    atomic<std::uint64_t> number_{0};
    std::array<std::uint64_t, 4> forebears_{}; // from the nearest; never changes once the flight has begun
};

} // namespace weir::detail
