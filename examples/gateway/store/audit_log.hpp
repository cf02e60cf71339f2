// examples/gateway/store/audit_log.hpp: a row for each request, written in batches behind the requests' backs.
//     waiting --in a batch that the database has taken--> written
//        \----refused by itself, or not written when close() has lost its patience--> lost
// While the database is away, or full, rows wait and are tried again; once as many wait as may, new ones are lost.
// A1: every row that was recorded is waiting, written or lost, and counted so.
// A2: no loss is silent: the log says so, at most once a second, with the reason and the count.
// A3: a batch whose fate is not known is sent again as it is; the ids of its rows make that harmless.
#pragma once

#include "database.hpp"

#include <weir/base/atomic.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/stop.hpp>
#include <weir/flow/batcher.hpp>
#include <weir/flow/jitter.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace gateway {

class audit_log_options {
public:
    audit_log_options() {}

    std::size_t most_waiting = 65536; // rows
    std::size_t max_batch = 512;      // rows in one transaction
    weir::duration patience = std::chrono::seconds{10}; // with one attempt
    weir::duration first_pause = std::chrono::milliseconds{50}; // between attempts, growing
    weir::duration longest_pause = std::chrono::seconds{2};
    // Told when the database is away and back, and of losses, on any thread; empty: the standard error stream.
    std::function<void(std::string_view)> say;
};

struct audit_figures {
    std::uint64_t written = 0;
    std::uint64_t lost = 0;
    std::uint64_t batches = 0;  // handed to the database, those sent again not counted twice
    std::uint64_t attempts = 0; // that failed, and were made again
    std::size_t waiting = 0;    // now
};

// Threads: any, for every function.
class audit_log : weir::immovable {
public:
    // Needs: `into` outlives it; `on` is a runtime's, and `options.say` does not throw.
    audit_log(database& into, weir::executor_ref on, audit_log_options options = {});
    // Needs: closed.
    ~audit_log() = default;

    // Takes a row, gives it an id where it has none, and makes its texts storable. Never waits.
    // Returns: false when it is lost at once, because too many wait, there is no memory, or close() has begun.
    // Cost:    an id, two frames of coroutines, and a post to the executor.
    bool record(audit_row row) noexcept;

    // Writes what waits, for at most `patience`; what is not written then is lost. To be awaited once, when nobody
    // records any more.  Cancel: has no effect.
    weir::task<> close(weir::duration patience);

    audit_figures figures() const noexcept;

private:
    static weir::batcher_options batch_options(audit_log_options const& options, weir::executor_ref on) noexcept;
    static weir::task<> send(audit_log* self, audit_row row);
    static weir::task<> give_up(audit_log* self, weir::duration after);
    weir::task<> write(std::span<audit_row> rows, weir::replies<void>& fates);
    bool may_recover(std::error_code error) const noexcept;
    void note_back(std::size_t failed);
    void lose(std::string_view why) noexcept;
    void say(std::string_view text) const noexcept;

    database& database_;
    audit_log_options const options_;
    weir::jitter chance_;
    weir::context const above_;
    weir::scope sends_;
    weir::stop_source giving_up_;
    weir::batcher<audit_row, void> batches_;
    // Figures: nothing is published by them.
    weir::atomic<bool> closed_{false};
    weir::atomic<std::size_t> waiting_{0};
    weir::atomic<std::uint64_t> written_{0};
    weir::atomic<std::uint64_t> lost_{0};
    weir::atomic<std::uint64_t> attempts_{0};
    weir::atomic<weir::clock::rep> loss_said_{0}; // when; the first loss is said at once
    weir::atomic<std::uint64_t> losses_said_{0};
};

} // namespace gateway
