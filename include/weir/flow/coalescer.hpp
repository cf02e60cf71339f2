// weir/flow/coalescer.hpp: many callers of one key share one flight: the loader runs once, and all get its result.
//     coalescer<std::string, page> pages{[&](std::string const& path) -> task<result<page>> { ... }};
//     result<shared_value<page>> front = co_await pages.get("/");
// The first caller leads, those who come before the flight has landed join it. The flight belongs to the coalescer: any
// caller may leave, the first one too, and nobody else notices. When the last one leaves, the loader is asked to stop, and
// who comes then starts the next flight.
// Not:      a cache: what has landed is forgotten; only the handles keep it.
#pragma once

#include <weir/base/cache_line.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/operation.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/equal_keys.hpp>
#include <weir/flow/flight.hpp>
#include <weir/flow/loader_flight.hpp>
#include <weir/flow/shared_value.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace weir {

class coalescer_options {
public:
    coalescer_options() noexcept {}

    std::size_t max_flights = std::numeric_limits<std::size_t>::max(); // more are refused with errc::overloaded
    std::size_t max_waiters = std::numeric_limits<std::size_t>::max(); // for one flight, its leader included; likewise
    std::size_t shards = 16; // rounded up to a power of two
    // Where flights run; where it is empty, each on the executor of who leads it. That one must outlive the flight, even
    // if the leader has left: so set it where callers bring executors that come and go.
    executor_ref executor;
};

// What has happened so far; a sum over shards that may be in motion.
struct coalescer_figures {
    std::uint64_t leads = 0;     // flights begun
    std::uint64_t joins = 0;     // callers who found one
    std::uint64_t abandoned = 0; // flights whose callers all left
    std::uint64_t failures = 0;  // flights that ended with an error or an exception
    std::size_t in_flight = 0;   // now, those that wind down included
};

// Threads: any, for every function. `Hash` and `Equal` are called under a spin lock; they should be short.
template <class Key, class Value, class Hash = std::hash<Key>, class Equal = equal_keys>
class coalescer : immovable {
    template <class K>
    class caller;
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

public:
    // `load(Key const&)` gives a task<Value> or a task<result<Value>>. It may be called on several threads at a time.
    template <class Loader>
        requires std::is_invocable_v<Loader&, Key const&>
    explicit coalescer(Loader load, coalescer_options options = {}, Hash hash = {}, Equal equal = {});
    ~coalescer() {
        if (!gate_.deserted())
            WEIR_FATAL("a coalescer was destroyed while its flights are in the air; co_await close() before");
    }

    // Leads or joins the flight of `key`, and gives what it brings.
    // Returns: result<shared_value<Value>>: a handle to the value that all callers share, or the loader's error; or
    //          errc::closed, errc::overloaded at a bound, errc::self_deadlock for a loader's own key.
    // Errors:  what the loader throws, the same exception in every caller; what Hash, Equal and Key throw; bad_alloc.
    // Cancel:  leaves alone; the value goes to the others, and with the last caller the flight is asked to stop.
    // Needs:   a key passed as an lvalue to live until the await has begun. The caller's executor: see the options.
    // Cost:    a join: a spin lock, no allocation. A lead: two spin locks and a frame, and that of the loader.
    // A loader that asks for its own key is told so, also through tasks, timeouts and scopes. In a circle of several keys,
    // or through another coalescer or batcher, it waits for itself until it is stopped.
    template <class K = Key>
    operation<caller<held_key<K>>, coalescer&, held_key<K>> get(K&& key) {
        return operation<caller<held_key<K>>, coalescer&, held_key<K>>{*this, std::forward<K>(key)};
    }

    // From now on callers of `key` start anew; those of the flight that is in the air still get its result.
    // False when there is none.  Errors: what Hash and Equal throw.
    template <class K>
    bool invalidate(K const& key);

    // Turns new callers away, and those who wait, with errc::closed; asks all flights to stop, and ends when they have
    // landed. Afterwards the coalescer may be destroyed; handles to values stay good.
    // Needs:   not to be awaited by a loader.
    // Cancel:  has no effect: the flights have been asked already, and they are joined.
    task<> close();

    coalescer_figures figures() const noexcept;

private:
    using flight = detail::loader_flight<Key, Value>;
    using shard = detail::flight_shard;

    std::uint64_t hash_of(auto const& key) const { return detail::mix_hash(hash_(key)); }
    shard& shard_of(std::uint64_t hash) const noexcept { return shards_[(hash >> 40) & (shard_count_ - 1)]; }
    // Null when no flight has that key.  Needs: the shard's lock.
    template <class K>
    flight* find(shard& in, std::uint64_t hash, K const& key) const {
        return static_cast<flight*>(in.table.find(hash, [&](detail::table_node& one) {
            return static_cast<bool>(equal_(static_cast<flight&>(one).key(), key));
        }));
    }
    void grow(shard& one) noexcept;

    [[no_unique_address]] Hash hash_;
    [[no_unique_address]] Equal equal_;
    coalescer_options const options_;
    detail::flight_loader<Key, Value> loader_;
    std::size_t const shard_count_;
    std::unique_ptr<shard[]> const shards_;
    // Written by every lead. Kept apart from what is only read by distance, not by alignment: a coalescer may well lie in
    // the frame of a coroutine, and compilers do not align those to more than the allocator does.
    [[maybe_unused]] char apart_[cache_line];
    // The order on completion: the loader's task is gone, the flight is unlisted, its callers are woken, it leaves here.
    detail::flight_gate gate_;
};

template <class Key, class Value, class Hash, class Equal>
template <class K>
class coalescer<Key, Value, Hash, Equal>::caller : detail::flight_waiter {
public:
    caller(coalescer& of, K&& key) : of_{of}, key_{std::forward<K>(key)} {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    WEIR_HANDS_OVER std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
        if (!listen(self)) return transfer(self);
        boarding how = boarding::refused;
        flight* led = nullptr;
        executor_ref const from = where().executor;
        WEIR_TRY { how = board(led); }
        WEIR_CATCH_ALL { // nothing is begun where something throws
            thrown_.set_current_exception();
            complete_unpublished();
        }
        if (how == boarding::refused) return transfer(self);
        // ---- the caller may run elsewhere
        if (how == boarding::joined) return std::noop_coroutine();
        return led->depart(from);
    }
    result<shared_value<Value>> await_resume();

private:
    enum class boarding : unsigned char { refused, joined, led };
    boarding board(flight*& led);
    boarding join(flight& found) noexcept;
    boarding refuse(std::error_code why) noexcept {
        refused_ = why;
        complete_unpublished();
        return boarding::refused;
    }

    coalescer& of_;
    K key_;
    std::error_code refused_;
    outcome<void> thrown_;
};

template <class Key, class Value, class Hash, class Equal>
template <class K>
auto coalescer<Key, Value, Hash, Equal>::caller<K>::board(flight*& led) -> boarding {
    std::uint64_t const hash = of_.hash_of(key_);
    shard& in = of_.shard_of(hash);
    shard_ = &in;
    {
        typename shard::guard held{in};
        if (in.closed) return refuse(make_error_code(errc::closed));
        if (flight* const found = of_.find(in, hash, key_)) return join(*found);
    }
    coalescer& of = of_; // the frame, and this with it, may be gone once we are linked
    if (auto const departs = of.gate_.depart(of.options_.max_flights); !departs) return refuse(departs.error());
    detail::flight_place place{of.gate_};
    flight& mine = of.loader_.make(std::forward<K>(key_));
    detail::counted_hand hand{mine};
    mine.prepare(of.gate_, in, of.options_.executor ? of.options_.executor : where().executor, where().priority);
    {
        typename shard::guard held{in};
        if (in.closed) return refuse(make_error_code(errc::closed));
        // Somebody may have led meanwhile.
        if (flight* const found = of.find(in, hash, mine.key())) return join(*found);
        if (!publish()) return boarding::refused; // a stop has come
        mine.enter(hash);
        mine.take_on(*this);
    }
    // ---- the caller may run elsewhere; the coalescer stays for the flight
    place.keep();
    hand.keep();
    of.grow(in);
    led = &mine;
    return boarding::led;
}

template <class Key, class Value, class Hash, class Equal>
template <class K>
auto coalescer<Key, Value, Hash, Equal>::caller<K>::join(flight& found) noexcept -> boarding {
    if (where().origin == found.origin()) return refuse(make_error_code(errc::self_deadlock)); // S9: its own loader asks
    if (found.waiting() >= of_.options_.max_waiters) return refuse(make_error_code(errc::overloaded));
    if (!publish()) return boarding::refused; // a stop has come
    ++shard_->tally.joins;
    found.take_on(*this);
    return boarding::joined;
}

template <class Key, class Value, class Hash, class Equal>
template <class K>
result<shared_value<Value>> coalescer<Key, Value, Hash, Equal>::caller<K>::await_resume() {
    auto const ended = finish();
    if (thrown_.failed()) thrown_.take();
    if (refused_) return refused_;
    if (!ended) return ended.error();
    if (turned_away_) return errc::closed;
    return static_cast<flight&>(*flight_).hand_out();
}

template <class Key, class Value, class Hash, class Equal>
template <class Loader>
    requires std::is_invocable_v<Loader&, Key const&>
coalescer<Key, Value, Hash, Equal>::coalescer(Loader load, coalescer_options options, Hash hash, Equal equal)
    : hash_{std::move(hash)}, equal_{std::move(equal)}, options_{options}, loader_{std::move(load)},
      shard_count_{std::bit_ceil(options.shards ? options.shards : 1)}, shards_{new shard[shard_count_]} {}

template <class Key, class Value, class Hash, class Equal>
void coalescer<Key, Value, Hash, Equal>::grow(shard& one) noexcept {
    std::size_t length;
    {
        typename shard::guard held{one};
        length = one.table.wanted();
    }
    if (length == 0) return;
    // Without memory the table stays as it is, and chains grow longer.
    detail::flight_table::segment fresh{new (std::nothrow) detail::table_node* [length] {}};
    if (!fresh) return;
    typename shard::guard held{one};
    one.table.adopt(fresh, length);
}

template <class Key, class Value, class Hash, class Equal>
template <class K>
bool coalescer<Key, Value, Hash, Equal>::invalidate(K const& key) {
    std::uint64_t const hash = hash_of(key);
    shard& in = shard_of(hash);
    typename shard::guard held{in};
    flight* const found = find(in, hash, key);
    if (found) found->unlist(held); // S10: it knows that it is out, and will not take its successor with it
    return found != nullptr;
}

template <class Key, class Value, class Hash, class Equal>
task<> coalescer<Key, Value, Hash, Equal>::close() {
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
    gate_.shut(); // behind the shards: who sees it empty finds nobody among them
    context const& above = co_await this_task();
    context const patient = above.with_stop({});
    co_await use_context(patient);
    static_cast<void>(co_await gate_.wait_empty());
}

template <class Key, class Value, class Hash, class Equal>
coalescer_figures coalescer<Key, Value, Hash, Equal>::figures() const noexcept {
    coalescer_figures sum;
    for (std::size_t n = 0; n < shard_count_; ++n) {
        typename shard::guard held{shards_[n]};
        sum.leads += shards_[n].tally.leads;
        sum.joins += shards_[n].tally.joins;
        sum.abandoned += shards_[n].tally.abandoned;
        sum.failures += shards_[n].tally.failures;
    }
    sum.in_flight = gate_.count();
    return sum;
}

static_assert(alignof(coalescer<int, int>) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

} // namespace weir
