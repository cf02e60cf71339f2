// examples/gateway/store/key_store.hpp: who an API key belongs to, and whether it is good, out of a database and a cache.
// Requests of one key share one look-up, and what it found serves for a while: a key that was revoked elsewhere is
// refused after `time_to_live`. While the database is away, what was known last serves on.
// Not:      for keys themselves: what is presented is hashed at once, and only the digest is kept or sent anywhere.
#pragma once

#include "database.hpp"

#include <weir/flow/coalescer.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace gateway {

class key_store_options {
public:
    key_store_options() noexcept {}

    weir::duration time_to_live = std::chrono::seconds{30};          // of what was found
    weir::duration negative_time_to_live = std::chrono::seconds{5};  // of an unknown key
    weir::duration error_time_to_live = std::chrono::milliseconds{250}; // of a failure to look
    weir::duration stale_if_error = std::chrono::hours{1};           // after time_to_live
    weir::duration patience = std::chrono::seconds{2};               // with the database, for one look-up
    std::size_t max_entries = 65536; // so that somebody who tries keys does not fill the memory
};

// Threads: any, for every function.
class key_store : weir::immovable {
public:
    // Needs: `keeps` outlives it; `on` is a runtime's.
    key_store(database& keeps, weir::executor_ref on, key_store_options options = {});

    // Returns: the record of a key that is good now; nothing for one that is unknown, revoked or past its time.
    // Errors:  the database's, when nothing is known of the key; errc::timed_out, errc::closed.
    // Cancel:  leaves; what others wait for goes on.
    // Cost:    where the answer is kept: a SHA-256 and a spin lock.
    weir::task<weir::result<std::optional<key_record>>> admit(std::string_view presented) {
        return find_good(key_digest::of(presented));
    }

    // As database::add_key and revoke_key; admit() of this store knows at once.
    weir::task<weir::result<bool>> add(std::string_view key, key_record its) {
        return change(key_digest::of(key), std::move(its));
    }
    weir::task<weir::result<bool>> revoke(std::string_view key) { return change(key_digest::of(key), std::nullopt); }
    // Forgets what was found, as after a reload.
    void forget() noexcept { flights_.clear(); }

    // To be awaited before the end of the store, and of the database.
    weir::task<> close() { return flights_.close(); }
    weir::coalescer_figures figures() const noexcept { return flights_.figures(); }

private:
    // An unknown key is a finding and no error: it takes the place of what was kept of a key that is gone, which an error
    // would leave to stale_if_error.
    class finding {
    public:
        std::optional<key_record> record;
        weir::time_point at = weir::clock::now();
    };

    static weir::coalescer_options flight_options(key_store_options const& options, weir::executor_ref on) noexcept;
    weir::task<weir::result<finding>> look(key_digest key);
    weir::task<weir::result<std::optional<key_record>>> find_good(key_digest key);
    weir::task<weir::result<bool>> change(key_digest key, std::optional<key_record> added);

    database& database_;
    key_store_options const options_;
    weir::coalescer<key_digest, finding, key_digest::hash> flights_;
};

} // namespace gateway
