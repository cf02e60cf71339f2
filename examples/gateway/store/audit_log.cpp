// examples/gateway/store/audit_log.cpp: a task a row, a batcher for all, and patience with the database.
#include "audit_log.hpp"

#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

namespace gateway {

using weir::relaxed;

weir::batcher_options audit_log::batch_options(audit_log_options const& options, weir::executor_ref on) noexcept {
    weir::batcher_options all;
    all.max_items = options.max_batch;
    all.executor = on;
    all.on_error = weir::on_batch_error::bisect; // one row that is refused takes no other along
    return all;
}

audit_log::audit_log(database& into, weir::executor_ref on, audit_log_options options)
    : database_{into}, options_{std::move(options)}, above_{on}, sends_{above_},
      batches_{[this](std::span<audit_row> rows, weir::replies<void>& fates) { return write(rows, fates); },
               batch_options(options_, on)} {}

bool audit_log::record(audit_row row) noexcept {
    if (closed_.load(relaxed)) { // a hint: the last request has ended before close
        lose("the log is closed");
        return false;
    }
    if (waiting_.fetch_add(1, relaxed) >= options_.most_waiting) { // a count
        waiting_.fetch_sub(1, relaxed);                            // the same
        lose("too many rows wait");
        return false;
    }
    try {
        if (row.id.empty()) row.id = audit_row::next_id(row.at);
        for (auto* const text : {&row.request_id, &row.key_name, &row.client, &row.method, &row.path})
            *text = storable(*text);
        sends_.spawn(&send, this, std::move(row));
        return true;
    } catch (...) { // no memory
        waiting_.fetch_sub(1, relaxed); // the same
        lose("there is no memory");
        return false;
    }
}

weir::task<> audit_log::send(audit_log* self, audit_row row) {
    auto const kept = co_await self->batches_.submit(std::move(row));
    if (kept) self->written_.fetch_add(1, relaxed); // keeps A1; a figure
    else self->lose(kept.error().message());
    self->waiting_.fetch_sub(1, relaxed); // a count
}

bool audit_log::may_recover(std::error_code error) const noexcept {
    return database_.may_recover(error) || error == weir::errc::timed_out || error == weir::errc::overloaded;
}

weir::task<> audit_log::write(std::span<audit_row> rows, weir::replies<void>& fates) {
    weir::context const& above = co_await weir::this_task();
    weir::context const impatient = above.with_stop(giving_up_.token());
    co_await weir::use_context(impatient);
    weir::duration pause = options_.first_pause;
    for (std::size_t failed = 0;; ++failed) {
        auto const kept = co_await weir::timeout(database_.insert(rows), options_.patience);
        if (kept) {
            if (failed > 0) note_back(failed);
            for (std::size_t n = 0; n < rows.size(); ++n) fates.set(n);
            co_return;
        }
        bool const later = may_recover(kept.error()) && !giving_up_.token().stop_requested();
        if (!later) {
            for (std::size_t n = 0; n < rows.size(); ++n) fates.fail(n, kept.error());
            co_return;
        }
        if (failed == 0) say("audit: " + kept.error().message() + "; rows wait");
        attempts_.fetch_add(1, relaxed); // a figure
        static_cast<void>(co_await weir::sleep_for(chance_.around(pause, 0.5))); // a stop is seen by the next attempt
        pause = std::min(2 * pause, options_.longest_pause);
    }
}

void audit_log::note_back(std::size_t failed) {
    say("audit: rows are written again, after " + std::to_string(failed) + " attempts that failed");
}

weir::task<> audit_log::give_up(audit_log* self, weir::duration after) {
    auto const slept = co_await weir::sleep_for(after);
    if (slept) self->giving_up_.request_stop(weir::errc::timed_out);
}

weir::task<> audit_log::close(weir::duration patience) {
    closed_.store(true, relaxed); // a hint
    weir::context const& above = co_await weir::this_task();
    weir::context const unstopped = above.with_stop({});
    co_await weir::use_context(unstopped);
    co_await weir::in_scope([](weir::scope& timer, audit_log* self, weir::duration after) -> weir::task<> {
        timer.spawn(&give_up, self, after);
        co_await weir::scope::join(self->sends_);
        timer.request_stop();
    }, this, patience);
    co_await batches_.close();
    auto const lost = lost_.load(relaxed); // all have ended
    if (lost > losses_said_.load(relaxed)) say("audit: " + std::to_string(lost) + " rows were lost in all"); // keeps A2
}

void audit_log::lose(std::string_view why) noexcept {
    auto const lost = lost_.fetch_add(1, relaxed) + 1; // keeps A1; a figure
    auto const now = weir::clock::now().time_since_epoch();
    auto last = loss_said_.load(relaxed); // the exchange decides who speaks
    if (last != 0 && now - weir::duration{last} < std::chrono::seconds{1}) return;
    if (!loss_said_.compare_exchange_strong(last, now.count(), relaxed, relaxed)) return; // one speaks for all
    losses_said_.store(lost, relaxed); // a figure
    try {
        say("audit: " + std::to_string(lost) + " rows are lost so far: " + std::string{why}); // keeps A2
    } catch (...) { say("audit: rows are lost, and there is no memory to say how many"); }
}

void audit_log::say(std::string_view text) const noexcept {
    if (options_.say) options_.say(text);
    else std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

audit_figures audit_log::figures() const noexcept {
    auto const sent = batches_.figures();
    audit_figures now;
    now.waiting = waiting_.load(relaxed); // each a figure by itself
    now.written = written_.load(relaxed);
    now.lost = lost_.load(relaxed);
    now.attempts = attempts_.load(relaxed);
    now.batches = sent.batches;
    return now;
}

} // namespace gateway
