// examples/gateway/cache/shared_cache.cpp: looks, claims, and what becomes of what was computed.
#include "shared_cache.hpp"

#include <weir/coro/context.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <exception>
#include <random>
#include <string_view>
#include <utility>

namespace gateway {

namespace {

// Each may be sent twice, and then does what it did once. Redis keeps scripts by their hash, so a text costs some bytes
// on the way and is compiled once.
// KEYS: value, claim. ARGV: token, milliseconds. Gives the value; or 1 where the claim is ours now, 0 where another's.
constexpr std::string_view claim_script = "local v=redis.call('GET',KEYS[1]) if v then return v end "
                                          "local owner=redis.call('GET',KEYS[2]) "
                                          "if owner and owner~=ARGV[1] then return 0 end "
                                          "redis.call('SET',KEYS[2],ARGV[1],'PX',ARGV[2]) return 1";
// KEYS: value, claim. ARGV: token, the value, milliseconds. Keeps the value, and releases the claim if it is still ours.
constexpr std::string_view publish_script = "redis.call('SET',KEYS[1],ARGV[2],'PX',ARGV[3]) "
                                            "if redis.call('GET',KEYS[2])==ARGV[1] then redis.call('DEL',KEYS[2]) end "
                                            "return 1";
// KEYS: claim. ARGV: token.
constexpr std::string_view release_script = "if redis.call('GET',KEYS[1])==ARGV[1] then "
                                            "return redis.call('DEL',KEYS[1]) end return 0";

std::int64_t milliseconds(weir::duration length) noexcept {
    return std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(length).count(), 1);
}

std::string claim_of(std::string const& key) { return key + ":claim"; }

weir::batcher_options look_options(weir::executor_ref where, std::size_t keys) {
    weir::batcher_options options;
    options.max_items = keys;
    options.max_in_flight = 2;
    options.executor = where;
    return options;
}

std::string random_name() {
    std::random_device source;
    std::string name;
    for (int n = 0; n < 4; ++n) name += std::to_string(source()) + '-';
    return name;
}

} // namespace

shared_cache::shared_cache(redis::client& of, weir::executor_ref where, shared_cache_options options)
    : redis_{of}, options_{std::move(options)}, node_{random_name()},
      looks_{[this](std::span<std::string> keys, weir::replies<maybe_bytes>& to) { return look(keys, to); },
             look_options(where, options_.keys_in_a_look)} {}

std::string shared_cache::new_token() { return node_ + std::to_string(chance_.draw()); }

weir::task<> shared_cache::look(std::span<std::string> keys, weir::replies<maybe_bytes>& to) {
    // The limit stands here as well as round the caller's wait, so that the breaker learns of a Redis that is slow.
    auto found = co_await weir::timeout(redis_.mget(keys), options_.patience);
    for (std::size_t n = 0; n < to.size(); ++n) {
        if (found) to.set(n, std::move((*found)[n]));
        else to.fail(n, found.error());
    }
}

weir::task<shared_cache::maybe_bytes> shared_cache::look_up(std::string const& key) {
    auto found = co_await weir::timeout(looks_.submit(key), options_.patience);
    if (!found) figures_.failures.add();
    if (!found || !*found) co_return std::nullopt;
    co_return std::move(*found);
}

weir::task<shared_cache::claimed> shared_cache::try_claim(std::string const& key, std::string const& token) {
    redis::request const ask{"EVAL", claim_script, 2, key, claim_of(key), token, milliseconds(options_.claim)};
    auto const asked = co_await call(ask);
    using outcome = claimed::outcome;
    claimed got;
    if (asked && asked->kind() == redis::kind::string) {
        got.how = outcome::found;
        got.value = asked->string();
    } else if (asked && asked->is_integer()) {
        got.how = asked->integer() == 1 ? outcome::ours : outcome::of_another;
    } else {
        figures_.failures.add();
        auto const why = asked ? std::error_code{} : asked.error();
        bool const sent = why == weir::errc::timed_out || why == redis::redis_errc::connection_lost;
        if (sent) got.how = outcome::unheard;
    }
    co_return got;
}

weir::task<> shared_cache::publish(std::string const& key, std::string const& token, weir::bytes const& what,
                                   weir::duration lasts) {
    auto const length = milliseconds(chance_.around(lasts, options_.jitter));
    redis::request const ask{"EVAL", publish_script, 2, key, claim_of(key), token, what, length};
    auto const kept = co_await call(ask);
    if (!kept || kept->is_error()) figures_.failures.add();
}

weir::task<> shared_cache::release(std::string const& key, std::string const& token) {
    redis::request const ask{"EVAL", release_script, 1, claim_of(key), token};
    auto const released = co_await call(ask);
    if (!released || released->is_error()) figures_.failures.add();
}

weir::task<weir::result<redis::value>> shared_cache::call(redis::request what) {
    return weir::timeout(redis_.send(std::move(what).repeatable()), options_.patience);
}

weir::task<weir::result<weir::bytes>> shared_cache::compute_alone(computing const& compute) {
    figures_.alone.add();
    auto made = co_await compute();
    co_return made;
}

weir::task<weir::result<weir::bytes>> shared_cache::get(std::string key, weir::duration lasts, computing compute) {
    key.insert(0, options_.prefix);
    auto kept = co_await look_up(key);
    if (kept) {
        figures_.hits.add();
        co_return std::move(*kept);
    }
    figures_.misses.add();
    auto const token = new_token();
    auto const until = weir::clock::now() + options_.wait;
    auto pause = options_.first_look;
    bool known = false; // that the claim is ours
    for (bool first = true;; first = false) {
        auto got = co_await try_claim(key, token);
        if (got.how == claimed::outcome::found) {
            (first ? figures_.hits : figures_.waited).add();
            co_return std::move(got.value);
        }
        known = got.how == claimed::outcome::ours;
        if (known || got.how == claimed::outcome::unheard) break;
        if (got.how == claimed::outcome::failed || weir::clock::now() >= until) co_return co_await compute_alone(compute);
        auto const slept = co_await weir::sleep_for(chance_.around(pause, 0.5));
        if (!slept) co_return slept.error();
        pause = std::min(2 * pause, options_.longest_look);
    }
    (known ? figures_.computed : figures_.alone).add();
    weir::result<weir::bytes> made = weir::errc::cancelled;
    std::exception_ptr thrown;
    try {
        made = co_await compute();
    } catch (...) {
        thrown = std::current_exception();
    }
    // Also for a caller who has left: others wait for what was computed, or for the claim.
    weir::context const& here = co_await weir::this_task();
    weir::context const patient = here.with_stop({});
    co_await weir::use_context(patient);
    if (made) co_await publish(key, token, *made, lasts);
    else co_await release(key, token);
    if (thrown) std::rethrow_exception(thrown);
    co_return made;
}

weir::task<> shared_cache::close() { return looks_.close(); }

weir::registration shared_cache::register_metrics(weir::registry& with) const {
    auto all = with.add({.name = "gateway_cache_hits_total", .help = "Values that Redis had."}, figures_.hits).value();
    all += with.add({.name = "gateway_cache_misses_total", .help = "Values that Redis did not have, or not in time."},
                    figures_.misses).value();
    all += with.add({.name = "gateway_cache_failures_total", .help = "Calls that Redis did not answer well and in time."},
                    figures_.failures).value();
    all += with.add({.name = "gateway_cache_computed_total", .help = "Values computed here for all nodes."},
                    figures_.computed).value();
    all += with.add({.name = "gateway_cache_alone_total", .help = "Values computed here for this node alone."},
                    figures_.alone).value();
    all += with.add({.name = "gateway_cache_waited_total", .help = "Values that another node computed meanwhile."},
                    figures_.waited).value();
    return all;
}

} // namespace gateway
