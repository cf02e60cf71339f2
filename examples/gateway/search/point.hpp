// examples/gateway/search/point.hpp: what is stored, what is asked, and what is found.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gateway {

// What a client keeps with a point: a JSON object as text, and the facts that a filter may ask for. A fact is one of
// its members, written `"name":value`, whose value is a text, a number, true, false or null, so that equal members are
// equal texts.
class payload {
public:
    payload(std::string json, std::vector<std::string> facts) : json_{std::move(json)}, facts_{std::move(facts)} {
        std::sort(facts_.begin(), facts_.end());
        for (auto const& each : facts_) fact_bytes_ += sizeof each + each.size();
    }
    std::string const& json() const noexcept { return json_; }
    bool has(std::string_view fact) const noexcept { return std::binary_search(facts_.begin(), facts_.end(), fact); }
    std::size_t bytes() const noexcept { return sizeof *this + json_.size() + fact_bytes_; }

private:
    std::string json_;
    std::vector<std::string> facts_; // sorted
    std::size_t fact_bytes_ = 0;
};

struct point {
    std::string id;
    std::vector<float> vector; // of any length but zero; it is normalised when it is stored
    std::shared_ptr<payload const> about; // null if there is none
};

struct query {
    query() = default; // no aggregate: see batcher::submit

    std::vector<float> vector;
    std::size_t most = 10;
    double least = -std::numeric_limits<double>::infinity(); // of the scores
    std::vector<std::string> facts;                          // all of which a point must have
    bool with_payload = true;
};

struct hit {
    std::string id;
    double score = 0; // the cosine
    std::shared_ptr<payload const> about; // null if there is none, or none is wanted
};

// The best first, and of equal scores the least id.
using hits = std::vector<hit>;

} // namespace gateway
