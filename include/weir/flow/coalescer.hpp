// weir/flow/coalescer.hpp: many callers of one key share one flight: the loader runs once, and all get its result.
//     coalescer<std::string, page> pages{[&](std::string const& path) -> task<result<page>> { ... }};
//     result<shared_value<page>> front = co_await pages.get("/");
// The first caller leads, those who come before the flight has landed join it. The flight belongs to the coalescer: any
// caller may leave, the first one too, and nobody else notices. When the last one leaves, the loader is asked to stop,
// and who comes then starts the next flight.
// What has landed is forgotten, unless the options give it a time to live: then the coalescer is a cache whose misses are
// shared, and whose entries are the flights that brought them.
#pragma once

#include <weir/base/cache_line.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/operation.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/coalescer_options.hpp>
#include <weir/flow/equal_keys.hpp>
#include <weir/flow/flight_caller.hpp>
#include <weir/flow/flight_gate.hpp>
#include <weir/flow/flight_landing.hpp>
#include <weir/flow/loader_flight.hpp>
#include <weir/flow/mix_hash.hpp>
#include <weir/flow/shared_value.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// What a value weighs when nobody says: each as much as any other.
struct weighs_one {
    template <class Key, class Value>
    std::size_t operator()(Key const&, Value const&) const noexcept {
        return 1;
    }
};

// Threads: any, for every function. `Hash` and `Equal` are called under a spin lock; they should be short.
// `Weight` gives what a key with its value weighs against options.max_weight; it must not throw.
template <class Key, class Value, class Hash = std::hash<Key>, class Equal = equal_keys, class Weight = weighs_one>
class coalescer : immovable {
    template <class K>
    static constexpr bool as_key = std::is_same_v<std::remove_cvref_t<K>, Key> || requires {
        typename Hash::is_transparent;
        typename Equal::is_transparent;
    };
    // How a key waits for its await: a named one by reference, a temporary as itself, anything else as a Key.
    template <class K>
    using held_key = std::conditional_t<as_key<K>,
                                    std::conditional_t<std::is_lvalue_reference_v<K>, std::remove_reference_t<K> const&,
                                                       std::remove_cvref_t<K>>,
                                    Key>;
    template <class K, class Load>
    using asking =
        operation<detail::flight_caller<coalescer, held_key<K>, Load>, coalescer&, detail::asks, held_key<K>, Load>;
    template <class F, class... Args>
    using call = detail::flight_call<Key, Value, std::decay_t<F>, std::decay_t<Args>...>;

public:
    using value_type = Value;

    // `load(Key const&)` gives a task<Value> or a task<result<Value>>. It may be called on several threads at a time.
    template <class Loader>
        requires std::is_invocable_v<Loader&, Key const&>
    explicit coalescer(Loader load, coalescer_options options = {}, Hash hash = {}, Equal equal = {}, Weight weight = {});
    // Needs: no flight in the air; co_await close() before.
    ~coalescer();

    // Takes what is kept of `key`, or leads or joins its flight and gives what that brings.
    // Returns: result<shared_value<Value>>: a handle to the value that all callers share, or the loader's error; or
    //          errc::closed, errc::overloaded at a bound, errc::self_deadlock for a loader's own key.
    // Errors:  what the loader throws, the same exception in every caller; what Hash, Equal and Key throw; bad_alloc.
    // Cancel:  leaves alone; the value goes to the others, and with the last caller the flight is asked to stop (or goes
    //          on, options.finishes_abandoned). What is kept is given also to who has been stopped.
    // Needs:   a key passed as an lvalue to live until the await has begun. The caller's executor: see the options.
    // Cost:    a hit: a spin lock, a count of hands, no suspension. A join: a spin lock, or two where results are kept;
    //          no allocation. A lead: one lock more and a frame, and that of the loader.
    // The loader's work has the latest deadline and the highest priority of its callers (flow/flight_urgency.hpp).
    // A loader that asks for its own key is told so, also through tasks, timeouts and scopes, and through up to four
    // flights that were begun for it, of this coalescer or others. In another circle (flow/flight_descent.hpp), or
    // through a batcher, it waits for itself until it is stopped.
    template <class K = Key>
    auto get(K&& key) {
        return ask(detail::asks::usual, std::forward<K>(key));
    }
    // The same; but who leads calls `fn(Key const&, args...)`, which gives what the loader would. Who joins, joins what
    // is in the air, whatever began it.
    template <class K, class F, class... Args>
    auto get_with(K&& key, F&& fn, Args&&... args) {
        static_assert(survives_await_expression<F&&>, WEIR_SAY_PASS_ARGUMENTS);
        return asking<K, call<F, Args...>>{*this, detail::asks::usual, std::forward<K>(key),
                                           call<F, Args...>{std::forward<F>(fn), std::forward<Args>(args)...}};
    }
    // As get, but loads although something is kept, or joins the flight that does; others are answered with what is kept
    // until it lands, for as long as that is fresh. If it fails, what was kept stays.
    template <class K = Key>
    auto refresh(K&& key) {
        return ask(detail::asks::anew, std::forward<K>(key));
    }

    // The value that is kept of `key` and fresh; empty where there is none. Loads nothing, and counts for nothing.
    // Errors: what Hash and Equal throw.
    template <class K>
    shared_value<Value> peek(K const& key);

    // From now on callers of `key` start anew; those of the flight that is in the air still get its result, which will
    // not be kept. False when there is neither a flight nor anything kept.  Errors: what Hash and Equal throw.
    template <class K>
    bool invalidate(K const& key);
    // The same for all keys of which `goes(Key const&)` says so, called under a spin lock for a few keys at a time. What
    // begins meanwhile may be among them.  Returns: how many.  Errors: what `goes` throws; then some have gone.
    template <class Goes>
        requires std::is_invocable_r_v<bool, Goes&, Key const&>
    std::size_t invalidate_if(Goes goes);
    // The same for all keys.
    void clear() noexcept {
        forget_all([](detail::flight_core&) { return true; });
    }

    // Turns new callers away, and those who wait, with errc::closed; asks all flights to stop, forgets what is kept, and
    // ends when they have landed. Afterwards the coalescer may be destroyed; handles to values stay good.
    // Needs:   not to be awaited by a loader.
    // Cancel:  has no effect: the flights have been asked already, and they are joined.
    task<> close();

    coalescer_figures figures() const noexcept;
    coalescer_options const& options() const noexcept { return rules_.options; }

private:
    template <class, class, class>
    friend class detail::flight_caller;
    using flight = detail::loader_flight<Key, Value>;
    using shard = detail::flight_shard;

    template <class K>
    auto ask(detail::asks what, K&& key) {
        using load = detail::flight_loader<Key, Value>&;
        return asking<K, load>{*this, what, std::forward<K>(key), loader_};
    }
    std::uint64_t hash_of(auto const& key) const { return mix_hash(hash_(key)); }
    shard& shard_of(std::uint64_t hash) const noexcept { return shards_[(hash >> 40) & (shard_count_ - 1)]; }
    // Null when no flight has that key.  Needs: the shard's lock.
    template <class K>
    flight* find(shard& in, std::uint64_t hash, K const& key) const {
        return static_cast<flight*>(in.table.find(hash, [&](detail::table_node& one) {
            return static_cast<bool>(equal_(static_cast<flight&>(one).key(), key));
        }));
    }
    template <class Goes>
    std::size_t forget_all(Goes goes);
    void grow(shard& one) noexcept;
    static std::size_t shards_for(coalescer_options const& options) noexcept;
    static std::size_t weigh(void const* weigher, detail::flight_core const& landed) noexcept {
        auto const& one = static_cast<flight const&>(landed);
        return static_cast<std::size_t>((*static_cast<Weight const*>(weigher))(one.key(), one.value()));
    }

    [[no_unique_address]] Hash hash_;
    [[no_unique_address]] Equal equal_;
    [[no_unique_address]] Weight weight_;
    detail::keep_rules rules_;
    detail::flight_loader<Key, Value> loader_;
    std::size_t const shard_count_;
    std::unique_ptr<shard[]> const shards_;
    // Written by every lead. Kept apart from what is only read by distance, not by alignment: a coalescer may well lie in
    // the frame of a coroutine, and compilers do not align those to more than the allocator does.
    [[maybe_unused]] char apart_[cache_line];
    // The order on completion: the loader's task is gone, the flight is unlisted, its callers are woken, it leaves here.
    detail::flight_gate gate_;
};

template <class Key, class Value, class Hash, class Equal, class Weight>
std::size_t coalescer<Key, Value, Hash, Equal, Weight>::shards_for(coalescer_options const& options) noexcept {
    constexpr std::size_t least = 64; // entries, below which a shard's share says little about its keys' share
    std::size_t count = std::bit_ceil(options.shards ? options.shards : 1);
    while (count > 1 && options.max_entries / count < least) count /= 2;
    return count;
}

template <class Key, class Value, class Hash, class Equal, class Weight>
template <class Loader>
    requires std::is_invocable_v<Loader&, Key const&>
coalescer<Key, Value, Hash, Equal, Weight>::coalescer(Loader load, coalescer_options options, Hash hash, Equal equal,
                                                      Weight weight)
    : hash_{std::move(hash)}, equal_{std::move(equal)}, weight_{std::move(weight)}, rules_{options},
      loader_{std::move(load)}, shard_count_{shards_for(options)}, shards_{new shard[shard_count_]} {
    WEIR_ASSERT(options.max_entries > 0 && options.max_weight > 0, "a coalescer that keeps nothing needs no bounds");
    if (options.max_weight != std::numeric_limits<std::size_t>::max()) {
        rules_.weigh = &weigh;
        rules_.weigher = &weight_;
    }
    auto const part = [&](std::size_t whole) {
        bool const bounded = whole != std::numeric_limits<std::size_t>::max();
        return bounded ? std::max<std::size_t>(1, whole / shard_count_) : whole;
    };
    for (std::size_t n = 0; n < shard_count_; ++n) {
        shards_[n].rules = &rules_;
        if (options.keeps() && options.bounded())
            shards_[n].policy =
                std::make_unique<detail::entry_policy>(part(options.max_entries), part(options.max_weight));
    }
}

template <class Key, class Value, class Hash, class Equal, class Weight>
coalescer<Key, Value, Hash, Equal, Weight>::~coalescer() {
    if (!gate_.deserted())
        WEIR_FATAL("a coalescer was destroyed while its flights are in the air; co_await close() before");
    clear();
}

template <class Key, class Value, class Hash, class Equal, class Weight>
void coalescer<Key, Value, Hash, Equal, Weight>::grow(shard& one) noexcept {
    std::size_t length;
    {
        typename shard::guard held{one};
        length = one.table.wanted();
    }
    if (length == 0) return;
    auto fresh = detail::flight_table::make(length);
    if (!fresh) return;
    typename shard::guard held{one};
    one.table.adopt(fresh, length);
}

template <class Key, class Value, class Hash, class Equal, class Weight>
template <class K>
bool coalescer<Key, Value, Hash, Equal, Weight>::invalidate(K const& key) {
    std::uint64_t const hash = hash_of(key);
    shard& in = shard_of(hash);
    typename shard::guard held{in};
    flight* const found = find(in, hash, key);
    if (found) found->forget(held); // S10: it knows that it is out, and will not take its successor with it
    return found != nullptr;
}

template <class Key, class Value, class Hash, class Equal, class Weight>
template <class Goes>
std::size_t coalescer<Key, Value, Hash, Equal, Weight>::forget_all(Goes goes) {
    std::size_t gone = 0;
    for (std::size_t n = 0; n < shard_count_; ++n) {
        std::size_t cursor = 0;
        for (bool more = true; more;) {
            typename shard::guard held{shards_[n]};
            std::size_t const before = shards_[n].table.size();
            more = held.forget_some(cursor, goes);
            gone += before - shards_[n].table.size();
        }
    }
    return gone;
}

template <class Key, class Value, class Hash, class Equal, class Weight>
template <class Goes>
    requires std::is_invocable_r_v<bool, Goes&, Key const&>
std::size_t coalescer<Key, Value, Hash, Equal, Weight>::invalidate_if(Goes goes) {
    return forget_all([&](detail::flight_core& one) -> bool { return goes(static_cast<flight&>(one).key()); });
}

template <class Key, class Value, class Hash, class Equal, class Weight>
template <class K>
shared_value<Value> coalescer<Key, Value, Hash, Equal, Weight>::peek(K const& key) {
    if (!rules_.keeps) return {};
    std::uint64_t const hash = hash_of(key);
    shard& in = shard_of(hash);
    time_point const seen = rules_.clock.recent();
    spin_guard const held{in.lock};
    flight* const found = find(in, hash, key);
    auto* const kept = found ? static_cast<flight*>(found->kept()) : nullptr;
    if (!kept || !kept->succeeded() || !kept->fresh(seen)) return {};
    kept->add(1);
    return shared_value<Value>{*kept, kept->value()};
}

template <class Key, class Value, class Hash, class Equal, class Weight>
task<> coalescer<Key, Value, Hash, Equal, Weight>::close() {
    for (std::size_t n = 0; n < shard_count_; ++n) {
        for (;;) {
            detail::flight_core* one;
            {
                typename shard::guard held{shards_[n]};
                shards_[n].closed = true; // keeps F3
                one = shards_[n].running.front();
                if (!one) break;
                one->add(1);
                one->begin_stopping(held);
            }
            detail::counted_hand const hand{*one};
            one->turn_away();
            one->stops().request_stop(errc::closed);
        }
    }
    clear();
    gate_.shut(); // behind the shards: who sees it empty finds nobody among them
    context const& above = co_await this_task();
    context const patient = above.with_stop({});
    co_await use_context(patient);
    static_cast<void>(co_await gate_.wait_empty());
}

template <class Key, class Value, class Hash, class Equal, class Weight>
coalescer_figures coalescer<Key, Value, Hash, Equal, Weight>::figures() const noexcept {
    coalescer_figures sum;
    for (std::size_t n = 0; n < shard_count_; ++n) {
        typename shard::guard held{shards_[n]};
        detail::flight_tally const& one = shards_[n].tally;
        sum.leads += one.leads;
        sum.joins += one.joins;
        sum.hits += one.hits;
        sum.stale_hits += one.stale_hits;
        sum.abandoned += one.abandoned;
        sum.failures += one.failures;
        sum.evictions += one.evictions;
        sum.waiters += one.waiters;
        sum.entries += one.entries;
        if (shards_[n].policy) sum.weight += shards_[n].policy->weight();
    }
    sum.in_flight = gate_.count();
    return sum;
}

static_assert(alignof(coalescer<int, int>) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

} // namespace weir
