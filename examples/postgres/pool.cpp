// examples/postgres/pool.cpp: links that keep a session each, and the line that they share.
#include "pool.hpp"

#include <weir/coro/context.hpp>
#include <weir/flow/retry.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <limits>

namespace postgres {

using weir::relaxed;

namespace {

conninfo prepared(std::string const& settings, pool_options const& options) {
    conninfo its{settings};
    its.set_default("gssencmode", "disable");
    its.set_default("client_encoding", "UTF8");
    its.set_default("tcp_user_timeout", "10000"); // a server that went without a word is gone after 10 s
    if (options.statement_timeout.count() > 0) {
        std::string flags{its.get("options")};
        if (!flags.empty()) flags += ' ';
        its.set("options", flags + "-c statement_timeout=" + std::to_string(options.statement_timeout.count()));
    }
    return its;
}

// Counts as long as it lives.
class counted_in : weir::immovable {
public:
    explicit counted_in(weir::atomic<unsigned>& where) noexcept : where_{where} {
        where_.fetch_add(1, relaxed); // a figure
    }
    ~counted_in() { where_.fetch_sub(1, relaxed); } // the same

private:
    weir::atomic<unsigned>& where_;
};

} // namespace

pool::pool(std::string const& settings, weir::executor_ref where, pool_options options)
    : settings_{prepared(settings, options)}, options_{options}, line_{std::max<std::size_t>(options.line, 1)},
      above_{where}, links_{above_} {}

pool_figures pool::figures() const noexcept {
    pool_figures now;
    now.opened = opened_.load(relaxed); // each a figure by itself
    now.failed = failed_.load(relaxed);
    now.up = up_.load(relaxed);
    now.in_line = line_.size();
    return now;
}

weir::task<answer> pool::ask(std::string sql, parameters with) {
    counted_in const asking{asking_};
    grow();
    auto ends = weir::oneshot<answer>();
    auto receiver = std::move(ends.second);
    request one{std::move(sql), std::move(with), std::move(ends.first)};
    auto const sent = co_await line_.send(std::move(one));
    if (!sent) co_return failure{sent.error()};
    auto got = co_await receiver.recv();
    if (!got) co_return failure{got.error()};
    co_return std::move(*got);
}

// A link for each query that is under way, up to the bound.
void pool::grow() {
    unsigned begun = links_begun_.load(relaxed); // the exchange decides
    if (begun >= std::max(options_.connections, 1u) || begun >= asking_.load(relaxed) || line_.closed()) return;
    if (links_begun_.compare_exchange_strong(begun, begun + 1, relaxed, relaxed)) // a count
        links_.spawn(&keep_link, this);
}

weir::task<> pool::keep_link(pool* self) {
    weir::retry_options gently;
    gently.attempts = std::numeric_limits<unsigned>::max();
    gently.first_pause = self->options_.first_pause;
    gently.longest_pause = self->options_.longest_pause;
    gently.chance = &self->chance_;
    for (;;) {
        session one{self->line_, std::max<std::size_t>(self->options_.pipeline, 1), self->options_.grace};
        auto const opened = co_await weir::retry(gently, &attempt, self, &one);
        if (!opened) co_return; // stopped, or closed
        {
            counted_in const up{self->up_};
            co_await one.serve();
        }
        if (self->line_.closed() && self->line_.size() == 0) co_return;
        // All links lose their connections at a time when the server goes; they need not come back at a time.
        auto const slept = co_await weir::sleep_for(self->chance_.below(self->options_.first_pause));
        if (!slept) co_return;
    }
}

weir::task<weir::result<void>> pool::attempt(pool* self, session* one) {
    if (self->line_.closed() && self->line_.size() == 0) co_return weir::errc::closed;
    auto const reachable = [](pool* of, session* it) -> weir::task<std::optional<failure>> {
        auto where = co_await of->settings_.resolved(of->names_);
        if (!where) co_return failure{cannot_connect, where.error().message()};
        co_return co_await it->open(std::move(*where));
    };
    auto const failed = co_await weir::timeout(reachable(self, one), self->options_.connect_timeout);
    if (!failed) {
        self->opened_.fetch_add(1, relaxed); // a figure
        co_return weir::result<void>{};
    }
    self->failed_.fetch_add(1, relaxed); // a figure
    bool const late = failed->code == weir::errc::timed_out;
    if (self->up_.load(relaxed) == 0) // a guess: who has just come up takes from the line what is left
        self->fail_line(late ? failure{cannot_connect, "no connection was made in time"} : *failed);
    co_return failed->code;
}

void pool::fail_line(failure const& why) {
    while (auto one = line_.try_recv()) one->reply(why);
}

weir::task<> pool::close() {
    weir::context const& here = co_await weir::this_task();
    line_.close();
    auto const cut = [this](weir::errc) noexcept { links_.request_stop(); };
    {
        weir::stop_callback const on_stop{here.stop, cut};
        co_await weir::scope::join(links_);
    }
    fail_line(failure{weir::make_error_code(weir::errc::closed)});
    co_await names_.close();
}

} // namespace postgres
