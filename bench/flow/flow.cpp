// bench/flow/flow.cpp: draws keys by Zipf's law.

#include "flow.hpp"

#include <weir/flow/jitter.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace bench {

namespace {

constexpr std::size_t most = 1'000'000;

// Of the keys up to each, not divided by their sum.
std::vector<double> const& shares() {
    static std::vector<double> const all = [] {
        std::vector<double> made(most);
        double sum = 0;
        for (std::size_t n = 0; n < most; ++n) made[n] = sum += 1 / std::pow(static_cast<double>(n + 1), 0.99);
        return made;
    }();
    return all;
}

} // namespace

zipf_trace::zipf_trace(unsigned number) {
    weir::jitter random{number};
    keys_.reserve(length);
    sums_.reserve(length + 1);
    for (std::size_t n = 0; n < length; ++n) {
        auto const at = std::lower_bound(shares().begin(), shares().end(), random.fraction() * shares().back());
        keys_.push_back(std::min<std::uint64_t>(static_cast<std::uint64_t>(at - shares().begin()), most - 1));
        sums_.push_back(sums_.back() + keys_.back());
    }
}

zipf_trace const& trace_of(unsigned worker) {
    static std::map<unsigned, zipf_trace> made;
    return made.try_emplace(worker, worker + 1).first->second;
}

} // namespace bench
