// weir/flow/keyed_limiter.hpp: so many a second for each key: each caller, address or tenant has a bucket of its own.
//     keyed_limiter<std::string> callers{rate{10, 20}};
//     if (auto const wait = callers.try_acquire(key); wait > 0s) return too_many_requests(wait);
// A bucket that is full again is forgotten, so memory follows how many keys are active, not how many were ever seen.
// Cost:     a hash, one of the shards' locks, a look-up; an allocation for a key that was not active.
#pragma once

#include <weir/cpu/spin_lock.hpp>
#include <weir/flow/equal_keys.hpp>
#include <weir/flow/mix_hash.hpp>
#include <weir/flow/token_bucket.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <memory>
#include <unordered_map>
#include <utility>

namespace weir::inline v0 {

// Threads: any, for every function.
// `Hash` and `Equal` that are both transparent allow look-ups by other types than Key.
template <class Key, class Hash = std::hash<Key>, class Equal = equal_keys>
class keyed_limiter : immovable {
public:
    explicit keyed_limiter(rate each, std::size_t shards = 16)
        : rate_{each}, shard_count_{std::bit_ceil(std::max<std::size_t>(shards, 1))}, shards_{new shard[shard_count_]} {}

    // Takes `tokens` of the key's, now or not at all.
    // Returns: zero when they were taken; else how long until they may be; duration::max() for more than a burst.
    // Errors:  what copying, hashing and comparing keys throws, and std::bad_alloc; then nothing was taken.
    duration try_acquire(Key const& key, double tokens = 1, time_point now = clock::now());

    // How many keys have a bucket that is not known to be full.
    std::size_t active() const noexcept;

private:
    // K1: a key that is absent has a full bucket.
    // K2: after a purge a shard holds only buckets that are not full, and the next comes once it has grown to twice that.
    struct shard {
        mutable spin_lock lock;
        std::unordered_map<Key, time_point, Hash, Equal> full_at;
        std::size_t purge_at = 64;
    };

    rate const rate_;
    std::size_t const shard_count_;
    std::unique_ptr<shard[]> const shards_;
};

template <class Key, class Hash, class Equal>
duration keyed_limiter<Key, Hash, Equal>::try_acquire(Key const& key, double tokens, time_point now) {
    if (tokens > rate_.burst()) return duration::max();
    shard& in = shards_[(mix_hash(Hash{}(key)) >> 40) & (shard_count_ - 1)]; // the map goes by the bits as they are
    spin_guard const locked{in.lock};
    if (in.full_at.size() >= in.purge_at) {
        std::erase_if(in.full_at, [now](auto const& each) { return each.second <= now; }); // keeps K1
        in.purge_at = std::max<std::size_t>(64, 2 * in.full_at.size());                    // keeps K2
    }
    auto const [found, fresh] = in.full_at.try_emplace(key, time_point::min());
    detail::bucket_step const step{rate_, found->second, tokens, now};
    if (step.too_early > duration::zero()) return step.too_early;
    found->second = step.full_then;
    return duration::zero();
}

template <class Key, class Hash, class Equal>
std::size_t keyed_limiter<Key, Hash, Equal>::active() const noexcept {
    std::size_t sum = 0;
    for (std::size_t n = 0; n < shard_count_; ++n) {
        spin_guard const locked{shards_[n].lock};
        sum += shards_[n].full_at.size();
    }
    return sum;
}

} // namespace weir
