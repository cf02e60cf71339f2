// weir/flow/loader.hpp: one key, many askers, one call for many keys: a coalescer over a batcher.
//     loader<user_id, user> users{[&](std::span<user_id> ids, replies<user>& out) -> task<> { ... one query ... }};
//     result<shared_value<user>> who = co_await users.get(id);
// Who asks for a key that is on its way joins its flight; the keys of other flights go to the backend together.
// Source:   DataLoader (Facebook, 2010; JavaScript since 2015), whose batches end with a turn of the event loop; ours
//           form while the backend is busy, and a caller may leave.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/flow/coalescer.hpp>
#include <weir/flow/shared_value.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

class loader_options {
public:
    loader_options() noexcept {}

    coalescer_options flights; // bounds on keys and on askers, and where flights run
    batcher_options batches;   // how many keys make a call, and how many calls there are at a time
};

// Threads: any, for every function.
template <class Key, class Value, class Hash = std::hash<Key>, class Equal = equal_keys>
class loader : immovable {
    static_assert(std::is_copy_constructible_v<Key>, "a key goes into its batch as a copy: its flight may end before");

public:
    // `load(std::span<Key>, replies<Value>&)` gives a task<>, and answers as the handler of a batcher does.
    template <class Load>
        requires std::is_invocable_v<Load&, std::span<Key>, replies<Value>&>
    explicit loader(Load load, loader_options options = {}, Hash hash = {}, Equal equal = {})
        : batches_{std::move(load), options.batches},
          flights_{[this](Key const& key) { return one(key); }, options.flights, std::move(hash), std::move(equal)} {}

    // Joins the flight of `key`, or sends it with the next call.
    // Returns: result<shared_value<Value>>, as coalescer::get does, with what the handler set as the error, or
    //          errc::no_reply where it set nothing; or errc::overloaded of either part.
    // Errors:  what the handler throws, to all whose keys were in that call, unless it is bisected.
    // Cancel:  leaves alone. With the last asker the key is withdrawn, if it has not been sent.
    // Cost:    a join: a spin lock, no allocation. Otherwise two frames, and a copy of the key.
    // A handler that asks for a key of its own is not recognised if that key's flight waits for it.
    template <class K = Key>
    auto get(K&& key) {
        return flights_.get(std::forward<K>(key));
    }
    // From now on callers of `key` start anew.  False when nothing is on its way.
    template <class K>
    bool invalidate(K const& key) {
        return flights_.invalidate(key);
    }

    // Turns callers away with errc::closed, and ends when nothing is under way. Afterwards it may be destroyed.
    // Needs:   not to be awaited by a handler.  Cancel:  has no effect.
    task<> close() {
        co_await flights_.close();
        co_await batches_.close();
    }

    coalescer_figures flights() const noexcept { return flights_.figures(); }
    batcher_figures batches() const noexcept { return batches_.figures(); }

private:
    task<result<Value>> one(Key key) { co_return co_await batches_.submit(std::move(key)); }

    batcher<Key, Value> batches_;
    coalescer<Key, Value, Hash, Equal> flights_;
};

} // namespace weir
