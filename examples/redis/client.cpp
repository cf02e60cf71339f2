// examples/redis/client.cpp: the link that is kept up, and commands as batches on it.
#include "client.hpp"

#include <weir/flow/retry.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace redis {

using weir::relaxed;

namespace {

constexpr int most_tries = 3; // of a batch, on connections that end before it is sent

weir::batcher_options batch_options(weir::executor_ref where, client_options const& options) {
    weir::batcher_options its;
    its.max_items = options.batch;
    its.max_weight = options.batch_bytes;
    its.max_in_flight = options.batches;
    its.executor = where;
    return its;
}

std::int64_t milliseconds(weir::duration length) noexcept {
    return std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(length).count(), 1);
}

std::optional<weir::bytes> content_of(value const& from) {
    if (from.is_null()) return std::nullopt;
    return from.string();
}

std::error_code error_in(weir::result<value> const& reply) {
    if (!reply) return reply.error();
    if (reply->is_error()) return code_of(reply->string().view());
    return {};
}

} // namespace

client::client(weir::executor_ref where, location to, client_options options)
    : where_{std::move(to)}, options_{options}, breaker_{options.breaker}, above_{where}, links_{above_},
      batches_{[this](std::span<request> batch, weir::replies<value>& replies) { return exchange(batch, replies); },
               batch_options(where, options)} {}

weir::task<weir::result<value>> client::send(request what) {
    figures_.commands.add();
    auto got = co_await breaker_.run(&attempt, this, std::move(what));
    if (!got && got.error() == weir::errc::circuit_open) figures_.spared.add();
    co_return got;
}

weir::task<weir::result<value>> client::attempt(client* self, request what) {
    if (!what.may_repeat()) {
        auto only = co_await self->batches_.submit(std::move(what));
        co_return only;
    }
    request copy = what; // shares what is large
    auto first = co_await self->batches_.submit(std::move(copy));
    if (first || first.error() != redis_errc::connection_lost) co_return first;
    self->figures_.repeated.add();
    auto second = co_await self->batches_.submit(std::move(what));
    co_return second;
}

weir::task<> client::exchange(std::span<request> batch, weir::replies<value>& to) {
    weir::context const& here = co_await weir::this_task();
    weir::context const patient = here.with_stop({}); // the session answers in any case, and into our frame
    co_await weir::use_context(patient);
    for (int tries = 0; tries < most_tries; ++tries) {
        auto const link = co_await connected();
        if (!link) break;
        auto const answered = co_await (*link)->exchange(batch, to);
        if (answered) co_return;
        // It had ended, and nothing was sent; the next one, or why there is none, is being found out.
        std::lock_guard const locked{mutex_};
        if (session_ == *link) {
            session_.reset();
            settled_.reset();
        }
    }
    for (std::size_t n = 0; n < to.size(); ++n) to.fail(n, redis_errc::unavailable);
}

weir::task<weir::result<std::shared_ptr<session>>> client::connected() {
    if (!begun_.exchange(true, relaxed)) links_.spawn(&keep_link, this); // whoever is first
    for (;;) {
        {
            std::lock_guard const locked{mutex_};
            if (session_) co_return session_;
            if (settled_.is_set()) co_return error_;
        }
        static_cast<void>(co_await settled_.wait());
    }
}

void client::settle(std::shared_ptr<session> now, std::error_code why) {
    std::lock_guard const locked{mutex_};
    session_ = std::move(now);
    if (why) error_ = why;
    settled_.set(); // keeps C1
}

weir::task<> client::keep_link(client* self) {
    weir::retry_options gently;
    gently.attempts = std::numeric_limits<unsigned>::max();
    gently.first_pause = self->options_.first_pause;
    gently.longest_pause = self->options_.longest_pause;
    gently.chance = &self->chance_;
    for (;;) {
        std::shared_ptr<session> made;
        auto const opened = co_await weir::retry(gently, &connect, self, &made);
        if (!opened) co_return; // stopped
        self->settle(made, {});
        auto const why = co_await made->serve();
        self->figures_.lost.add();
        {
            std::lock_guard const locked{self->mutex_};
            self->session_.reset();
            self->error_ = why;
            self->settled_.reset(); // keeps C1: the next attempt begins
        }
        // All clients lose their connections at a time when the server goes; they need not come back at a time.
        auto const slept = co_await weir::sleep_for(self->chance_.below(self->options_.first_pause));
        if (!slept) co_return;
    }
}

weir::task<weir::result<void>> client::connect(client* self, std::shared_ptr<session>* made) {
    auto one = std::make_shared<session>(self->options_.replies, self->options_.patience, self->figures_.sessions);
    auto const opened = co_await weir::timeout(one->open(self->where_, self->names_), self->options_.connect_timeout);
    if (opened) {
        self->figures_.connected.add();
        *made = std::move(one);
    } else {
        self->figures_.failed.add();
        self->settle(nullptr, opened.error());
    }
    co_return opened;
}

weir::task<> client::close() {
    co_await batches_.close();
    links_.request_stop();
    co_await weir::scope::join(links_);
    co_await names_.close();
}

std::error_code client::last_error() const {
    std::lock_guard const locked{mutex_};
    return error_;
}

weir::task<weir::result<std::optional<weir::bytes>>> client::string_of(request what) {
    auto const reply = co_await send(std::move(what));
    if (auto const wrong = error_in(reply)) co_return wrong;
    if (!reply->is_null() && !reply->is_string()) co_return make_error_code(redis_errc::unexpected_reply);
    co_return content_of(*reply);
}

weir::task<weir::result<std::vector<std::optional<weir::bytes>>>> client::strings_of(request what, std::size_t count) {
    auto const reply = co_await send(std::move(what));
    if (auto const wrong = error_in(reply)) co_return wrong;
    auto const unexpected = make_error_code(redis_errc::unexpected_reply);
    if (reply->kind() != kind::array || reply->elements().size() != count) co_return unexpected;
    std::vector<std::optional<weir::bytes>> found;
    found.reserve(count);
    for (auto const& each : reply->elements()) {
        if (!each.is_null() && !each.is_string()) co_return unexpected;
        found.push_back(content_of(each));
    }
    co_return found;
}

weir::task<weir::result<void>> client::well(request what) {
    auto const reply = co_await send(std::move(what));
    if (auto const wrong = error_in(reply)) co_return wrong;
    co_return weir::result<void>{};
}

// By a null, or by an integer, Redis says whether something was done.
weir::task<weir::result<bool>> client::done(request what) {
    auto const reply = co_await send(std::move(what));
    if (auto const wrong = error_in(reply)) co_return wrong;
    if (reply->is_integer()) co_return reply->integer() != 0;
    co_return !reply->is_null();
}

weir::task<weir::result<std::optional<weir::bytes>>> client::get(std::string_view key) {
    return string_of(request{"GET", key}.repeatable());
}
weir::task<weir::result<std::vector<std::optional<weir::bytes>>>> client::mget(std::span<std::string const> keys) {
    return strings_of(request{"MGET", keys}.repeatable(), keys.size());
}
weir::task<weir::result<void>> client::set(std::string_view key, weir::bytes const& content) {
    return well(request{"SET", key, content});
}
weir::task<weir::result<void>> client::set(std::string_view key, weir::bytes const& content, weir::duration lasts) {
    return well(request{"SET", key, content, "PX", milliseconds(lasts)});
}
weir::task<weir::result<bool>> client::set_nx(std::string_view key, weir::bytes const& content, weir::duration lasts) {
    return done(request{"SET", key, content, "NX", "PX", milliseconds(lasts)});
}
weir::task<weir::result<bool>> client::del(std::string_view key) { return done(request{"DEL", key}); }

weir::registration client::register_metrics(weir::registry& with) const {
    auto all = with.add({.name = "redis_commands_total", .help = "Commands that were asked for."},
                        figures_.commands).value();
    all += with.add({.name = "redis_batches_total", .help = "Writes in which commands left together."},
                    figures_.sessions.sent).value();
    all += with.add({.name = "redis_connections_total", .help = "Connections made."}, figures_.connected).value();
    all += with.add({.name = "redis_connections_failed_total", .help = "Attempts to connect that failed."},
                    figures_.failed).value();
    all += with.add({.name = "redis_connections_lost_total", .help = "Connections that ended."}, figures_.lost).value();
    all += with.add({.name = "redis_spared_total", .help = "Commands turned away while Redis was failing."},
                    figures_.spared).value();
    all += with.add_gauge({.name = "redis_pending", .help = "Commands that wait for a batch."},
                          [this] { return batches_.figures().pending; }).value();
    return all;
}

} // namespace redis
