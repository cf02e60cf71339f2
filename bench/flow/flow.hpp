// bench/flow/flow.hpp: the keys that are asked for: a few often, most seldom.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

// Keys below 10^6 by Zipf's law with the exponent 0.99, the same for the same number. It begins again where it ends.
class zipf_trace {
public:
    static constexpr std::size_t length = std::size_t{1} << 20;

    explicit zipf_trace(unsigned number);
    std::uint64_t const* keys() const noexcept { return keys_.data(); }
    std::uint64_t operator[](std::uint64_t at) const noexcept { return keys_[at % length]; }
    // The sum of the `count` keys from `from` on.
    std::uint64_t sum(std::uint64_t from, std::uint64_t count) const noexcept {
        return sum_before(from + count) - sum_before(from);
    }

private:
    std::uint64_t sum_before(std::uint64_t at) const noexcept {
        return at / length * sums_[length] + sums_[at % length];
    }
    std::vector<std::uint64_t> keys_;
    std::vector<std::uint64_t> sums_{0};
};

// Made when first asked for.
zipf_trace const& trace_of(unsigned worker);

} // namespace bench
