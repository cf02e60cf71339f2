// bench/io/load/latencies.hpp: how long requests took, each of them, and the quantiles of that.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace load {

class latencies {
public:
    // Room for that many; what comes beyond them is not kept.
    explicit latencies(std::size_t most) { kept_.reserve(most); }

    void add(std::int64_t nanoseconds) {
        if (kept_.size() == kept_.capacity()) return;
        auto const longest = static_cast<std::int64_t>(std::numeric_limits<std::uint32_t>::max());
        kept_.push_back(static_cast<std::uint32_t>(std::clamp<std::int64_t>(nanoseconds, 0, longest)));
    }
    // Microseconds; 0 of nothing.
    double quantile(double part) {
        if (kept_.empty()) return 0;
        auto const rank = static_cast<std::ptrdiff_t>(part * static_cast<double>(kept_.size() - 1));
        std::nth_element(kept_.begin(), kept_.begin() + rank, kept_.end());
        return kept_[static_cast<std::size_t>(rank)] / 1e3;
    }

private:
    std::vector<std::uint32_t> kept_;
};

} // namespace load
