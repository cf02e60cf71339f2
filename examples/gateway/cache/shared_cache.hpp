// examples/gateway/cache/shared_cache.hpp: what is expensive to compute, kept in Redis for all nodes; and equal work is
// done by one node for all.
//     co_await cache.get("models", 60s, [&] { return fetch_models(); });      // result<bytes>
// A node that finds nothing claims the key: it alone computes, while the others look again until the value is there. A
// claim ends by itself, so a node that dies holds up nobody for long; and who has waited long enough computes for itself.
// Redis is a help and no need: when it is slow or away, a call costs the patience at most, soon nothing, as the breaker
// opens, and everybody computes for themselves.
//     asked --found--------------------------------------------------------------> value
//       \--missed, claimed--> computes --published, claim released if still ours--> value
//       \--missed, claimed by another--> looks again ... --there--> value, --claim gone--> claims, --too long--> computes
// Claiming and looking again are one script, so nobody claims what has just been published. Who has asked for a claim and
// heard nothing may have it: he computes alone, but publishes, lest a claim that nobody knows of holds up the others.
// It polls rather than subscribes: a second kind of connection, and wakes that can be lost, would save a few short
// scripts for each computation that two nodes want at the same moment.
// Not:      a local coalescer: who calls this twice for one key competes with himself; call it in a coalescer's loader.
#pragma once

#include <redis/client.hpp>

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/flow/jitter.hpp>
#include <weir/memory/bytes.hpp>
#include <weir/metrics/counter.hpp>
#include <weir/metrics/registry.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace gateway {

class shared_cache_options {
public:
    shared_cache_options() {}
    std::string prefix = "weir:";                        // of all keys
    weir::duration patience = std::chrono::milliseconds{20}; // for Redis; what takes longer is a miss
    weir::duration claim = std::chrono::seconds{10};     // after which a node that computes counts as dead
    weir::duration wait = std::chrono::seconds{2};       // for what another node computes
    weir::duration first_look = std::chrono::milliseconds{2}; // between looks, growing
    weir::duration longest_look = std::chrono::milliseconds{50};
    double jitter = 0.1;                                 // of a time to live, so that not all ends at a time
    std::size_t keys_in_a_look = 256;                    // of one MGET
};

// Threads: any, for every function.
class shared_cache : weir::immovable {
public:
    using computing = std::function<weir::task<weir::result<weir::bytes>>()>;

    // Needs: `of` outlives it.
    shared_cache(redis::client& of, weir::executor_ref where, shared_cache_options options = {});
    // Needs: closed.
    ~shared_cache() = default;

    // What is kept of `key`, or what `compute` gives, which is then kept for about `lasts`. It is called once at most.
    // Errors: those of `compute`, which are not kept; what it throws.  Never one of Redis.
    // Cancel: passed on to `compute`; what was computed all the same is kept, and the claim is released.
    weir::task<weir::result<weir::bytes>> get(std::string key, weir::duration lasts, computing compute);
    // To be awaited before the end, and before the client's.  Needs: no call under way.
    weir::task<> close();

    struct figures {
        weir::counter hits;
        weir::counter misses;
        weir::counter failures; // looks, claims and publications that Redis did not answer well or in time
        weir::counter computed; // under a claim
        weir::counter alone;    // computed without one, because Redis was away or another node too slow
        weir::counter waited;   // values that another node computed meanwhile
    };
    figures const& counts() const noexcept { return figures_; }
    // Errors: std::system_error if the registry refuses a metric.
    weir::registration register_metrics(weir::registry& with) const;

private:
    using maybe_bytes = std::optional<weir::bytes>;
    // What a claim brings.
    struct claimed {
        enum class outcome : unsigned char { failed, unheard, found, ours, of_another }; // unheard: perhaps ours
        outcome how = outcome::failed;
        weir::bytes value{}; // that was found
    };

    weir::task<> look(std::span<std::string> keys, weir::replies<maybe_bytes>& to);
    weir::task<maybe_bytes> look_up(std::string const& key);
    weir::task<claimed> try_claim(std::string const& key, std::string const& token);
    weir::task<> publish(std::string const& key, std::string const& token, weir::bytes const& what, weir::duration lasts);
    weir::task<> release(std::string const& key, std::string const& token);
    // Within the patience.
    weir::task<weir::result<redis::value>> call(redis::request what);
    weir::task<weir::result<weir::bytes>> compute_alone(computing const& compute);
    std::string new_token();

    redis::client& redis_;
    shared_cache_options const options_;
    weir::jitter chance_;
    std::string const node_; // no other has it
    figures figures_;
    weir::batcher<std::string, maybe_bytes> looks_;
};

} // namespace gateway
