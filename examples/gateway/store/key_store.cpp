// examples/gateway/store/key_store.cpp: looking keys up, and changing them.
#include "key_store.hpp"

#include <weir/timer/timeout.hpp>

#include <utility>

namespace gateway {

weir::coalescer_options key_store::flight_options(key_store_options const& options, weir::executor_ref on) noexcept {
    weir::coalescer_options all;
    all.executor = on;
    all.finishes_abandoned = true;
    all.time_to_live = options.time_to_live;
    all.negative_time_to_live = options.error_time_to_live;
    all.stale_if_error = options.stale_if_error;
    all.max_entries = options.max_entries;
    return all;
}

key_store::key_store(database& keeps, weir::executor_ref on, key_store_options options)
    : database_{keeps}, options_{options},
      flights_{[this](key_digest const& key) { return look(key); }, flight_options(options, on)} {}

weir::task<weir::result<key_store::finding>> key_store::look(key_digest key) {
    auto found = co_await weir::timeout(database_.find_key(key), options_.patience);
    if (!found) co_return found.error();
    finding made;
    made.record = std::move(*found);
    co_return made;
}

weir::task<weir::result<std::optional<key_record>>> key_store::find_good(key_digest key) {
    auto kept = co_await flights_.get(key);
    bool const unknown = kept && !(*kept)->record;
    if (unknown && weir::clock::now() - (*kept)->at >= options_.negative_time_to_live)
        kept = co_await flights_.refresh(key);
    if (!kept) co_return kept.error();
    auto const& record = (*kept)->record;
    if (!record || !record->good_at(std::chrono::system_clock::now())) co_return std::optional<key_record>{};
    co_return record;
}

weir::task<weir::result<bool>> key_store::change(key_digest key, std::optional<key_record> added) {
    weir::result<bool> changed = false;
    if (added) changed = co_await database_.add_key(key, std::move(*added));
    else changed = co_await database_.revoke_key(key);
    flights_.invalidate(key); // also after an error: nobody knows then
    co_return changed;
}

} // namespace gateway
