// weir/flow/batch_rules.hpp: what a batcher may be told of its requests: weights, which are the same, which go together.
//     struct look_up {
//         std::size_t weight(query const& one) const noexcept { return one.size(); }
//         std::string_view key(query const& one) const noexcept { return one.name(); }
//         std::uint64_t partition(query const& one) const noexcept { return one.shard(); }
//     };
//     batcher<query, row, look_up> rows{read, options};
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace weir::inline v0 {

// Nothing: any request is as good as any other.
struct no_rules {};

// `weight(request)`: what it counts towards batcher_options::max_weight; nothing counts as one.
template <class Rules, class Request>
concept weighing_rules = requires(Rules const& rules, Request const& one) {
    { rules.weight(one) } noexcept -> std::convertible_to<std::size_t>;
};

// `key(request)`: requests of equal keys need be sent only once. It is called under a spin lock, so it should be short,
// and not allocate. The reply is then copied; shared_value makes that cheap.
template <class Rules, class Request>
concept sharing_rules = requires(Rules const& rules, Request const& one) {
    { rules.key(one) == rules.key(one) } noexcept -> std::convertible_to<bool>;
    { std::hash<std::remove_cvref_t<decltype(rules.key(one))>>{}(rules.key(one)) } -> std::convertible_to<std::size_t>;
};

// `partition(request)`: a number, such as that of a shard, a host or a tenant. A batch has requests of one partition, and
// each partition has a line and a bound on batches under way of its own, so a slow one holds up no other. The number
// must be that of the partition itself: two that share one, as hashes may, are one partition.
template <class Rules, class Request>
concept partitioning_rules = requires(Rules const& rules, Request const& one) {
    { rules.partition(one) } noexcept -> std::convertible_to<std::uint64_t>;
};

// Rules, of which at least one is meant for such requests.
template <class Rules, class Request>
concept batch_rules = std::same_as<Rules, no_rules> || weighing_rules<Rules, Request> || sharing_rules<Rules, Request> ||
                      partitioning_rules<Rules, Request>;

} // namespace weir
