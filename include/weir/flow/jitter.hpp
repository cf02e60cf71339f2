// weir/flow/jitter.hpp: chance for pauses and lifetimes, so that those who failed together do not come back together.
// Progress: wait-free; two threads in the same instant never draw the same number.
// Not:      for secrets.
// Source:   S. Vigna's splitmix64, after G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators",
//           OOPSLA 2014.
#pragma once

#include <weir/base/atomic.hpp>
#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>
#include <weir/flow/mix_hash.hpp>

#include <cstdint>

namespace weir::inline v0 {

class jitter : immovable {
public:
    // The same seed draws the same numbers.
    explicit jitter(std::uint64_t seed) noexcept : state_{seed} {}
    jitter() noexcept : jitter{static_cast<std::uint64_t>(clock::now().time_since_epoch().count())} {}

    std::uint64_t draw() noexcept {
        return mix_hash(state_.fetch_add(step, relaxed) + step); // a number that publishes nothing
    }
    // In [0, 1).
    double fraction() noexcept { return static_cast<double>(draw() >> 11) * 0x1.0p-53; }
    // In [0, longest].
    duration below(duration longest) noexcept {
        return duration{static_cast<duration::rep>(fraction() * static_cast<double>(longest.count()))};
    }
    // `length` give or take `share` of it: in [length * (1 - share), length * (1 + share)).
    duration around(duration length, double share) noexcept {
        double const scale = 1 + share * (2 * fraction() - 1);
        return duration{static_cast<duration::rep>(scale * static_cast<double>(length.count()))};
    }

private:
    static constexpr std::uint64_t step = 0x9E3779B97F4A7C15u;
    atomic<std::uint64_t> state_;
};

} // namespace weir
