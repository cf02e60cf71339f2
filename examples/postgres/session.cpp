// examples/postgres/session.cpp: connecting, sending and reading, all by libpq's calls that do not wait.
#include "session.hpp"

#include <weir/coro/context.hpp>
#include <weir/io/op/poll.hpp>
#include <weir/runtime/blocking.hpp>
#include <weir/timer/timeout.hpp>

namespace postgres {

namespace {

// The end of a query on the wire. Where libpq has the call, the bytes wait for company and go out with those of others.
bool put_sync(PGconn* to) noexcept {
#if defined(LIBPQ_HAS_SEND_PIPELINE_SYNC)
    return PQsendPipelineSync(to) == 1;
#else
    return PQpipelineSync(to) == 1;
#endif
}

bool send_cancel(PGcancel* what) noexcept {
    char words[256];
    return PQcancel(what, words, sizeof words) == 1;
}

} // namespace

std::string session::words_of(char const* text) {
    std::string words = text ? text : "";
    while (!words.empty() && words.back() == '\n') words.pop_back();
    return words;
}

weir::task<std::optional<failure>> session::open(conninfo where) {
    auto const keys = where.keywords();
    auto const values = where.values();
    connection_.reset(PQconnectStartParams(keys.data(), values.data(), 0));
    if (!connection_) co_return failure{cannot_connect, "no memory for a connection"};
    PGconn* const it = connection_.get();
    PQsetNoticeReceiver(it, [](void*, PGresult const*) {}, nullptr); // libpq would print them
    auto state = PQstatus(it) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED) co_return why_now(cannot_connect);
        auto const socket = weir::io::borrow(PQsocket(it)); // each time anew: it may try another address
        weir::result<void> ready;
        if (state == PGRES_POLLING_WRITING) ready = co_await weir::io::poll_writable(socket);
        else ready = co_await weir::io::poll_readable(socket);
        if (!ready) co_return failure{ready.error()};
        state = PQconnectPoll(it);
    }
    if (PQsetnonblocking(it, 1) != 0 || PQenterPipelineMode(it) != 1) co_return why_now(cannot_connect);
    socket_ = weir::io::borrow(PQsocket(it));
    co_return std::nullopt;
}

weir::task<> session::serve() {
    co_await weir::in_scope([](weir::scope& both, session* self) -> weir::task<> {
        both.spawn(&read_all, self, &both);
        co_await self->send_all();
        static_cast<void>(co_await self->free_.acquire(self->depth_)); // until all is answered, or stopped
        both.request_stop();
    }, this);
    // Keeps S3; nobody else is left.
    if (in_hand_ || !sent_.empty()) lose(failure{weir::make_error_code(weir::errc::shut_down)});
    if (in_hand_) in_hand_->reply(*lost_);
}

weir::task<> session::send_all() {
    for (;;) {
        auto place = co_await free_.acquire();
        if (!place) co_return;
        auto next = co_await line_.recv();
        if (!next) co_return;
        in_hand_ = std::move(*next);
        bool full = false;
        {
            auto turn = co_await turn_.lock();
            if (turn && is_held() && line_.try_send(std::move(*in_hand_))) in_hand_.reset();
            while (turn && is_held()) { // keeps S5
                auto const answered = co_await answered_.wait(*turn);
                if (!answered) co_return;
            }
            if (!turn || lost_) co_return;
            if (in_hand_) put(std::move(*in_hand_), std::move(*place));
            in_hand_.reset();
            while (!lost_) { // what else there is goes along
                auto room = free_.try_acquire();
                if (!room) break;
                auto more = line_.try_recv();
                if (!more) break;
                put(std::move(*more), std::move(room));
            }
            int const left = lost_ ? 0 : PQflush(connection_.get());
            if (left < 0) lose(why_now(connection_failure));
            if (lost_) co_return;
            full = left > 0;
        }
        if (full) co_await empty_buffer();
    }
}

// Writes what the socket had no room for. The other task reads meanwhile, so the server is not kept from reading, either.
weir::task<> session::empty_buffer() {
    for (;;) {
        auto const ready = co_await weir::io::poll_writable(socket_);
        if (!ready) co_return;
        auto const turn = co_await turn_.lock();
        if (!turn || lost_) co_return;
        int const left = PQflush(connection_.get());
        if (left < 0) lose(why_now(connection_failure));
        if (left <= 0) co_return;
    }
}

weir::task<> session::read_all(session* self, weir::scope* both) {
    for (;;) {
        auto const ready = co_await weir::timeout(weir::io::poll_readable(self->socket_), self->grace_);
        auto locked = co_await self->turn_.lock();
        if (!locked) break; // stopped
        weir::mutex_guard turn = std::move(*locked);
        bool const quiet = !ready && ready.error() == weir::errc::timed_out;
        if (ready || quiet) self->take_answers();
        else self->lose(failure{connection_failure, ready.error().message()});
        if (!self->lost_ && self->is_overdue() && !self->anybody_waits()) co_await self->cancel_first(turn); // keeps S6
        if (!turn || self->lost_) break;
    }
    both->request_stop();
}

void session::put(request one, weir::permit place) {
    if (one.caller.is_closed()) return; // nobody waits, and nothing was sent
    if (one.with.any_zero_byte()) {
        one.reply(failure{state("22021"), "a parameter has a zero byte, which no text of PostgreSQL can have"});
        return;
    }
    std::vector<char const*> texts;
    for (std::size_t n = 0; n < one.with.size(); ++n) texts.push_back(one.with.text(n));
    PGconn* const it = connection_.get();
    bool const queued = PQsendQueryParams(it, one.sql.c_str(), static_cast<int>(texts.size()), nullptr, texts.data(),
                                          nullptr, nullptr, 0) == 1;
    if (!queued && PQstatus(it) == CONNECTION_OK) {
        one.reply(why_now(state("08P01"))); // libpq refuses it, as one of too many parameters
        return;
    }
    sent_.emplace_back(std::move(one), std::move(place)); // keeps S2
    if (!queued || !put_sync(it)) lose(why_now(connection_failure));
}

void session::take_answers() {
    PGconn* const it = connection_.get();
    bool const alive = PQconsumeInput(it) == 1;
    while (alive && !sent_.empty() && !PQisBusy(it) && PQstatus(it) == CONNECTION_OK)
        if (PGresult* const one = PQgetResult(it)) take(one);
    if (!alive || PQstatus(it) != CONNECTION_OK) lose(why_now(connection_failure));
}

void session::take(PGresult* one) {
    rows got{one};
    flight& first = sent_.front();
    switch (PQresultStatus(one)) {
        case PGRES_PIPELINE_SYNC: return end_first();
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY:
            if (!first.said) first.said = answer{std::move(got)};
            return;
        default: { // an error, also one that comes with the commit and after rows
            char const* const code = PQresultErrorField(one, PG_DIAG_SQLSTATE);
            first.said = answer{failure{code ? state(code) : connection_failure, words_of(PQresultErrorMessage(one))}};
        }
    }
}

void session::end_first() {
    flight ended = std::move(sent_.front());
    sent_.pop_front();
    if (sent_.empty()) clearing_ = false; // keeps S7: the last was the sync alone
    answered_.notify_all();
    if (!ended.what) return;
    answer said = ended.said ? std::move(*ended.said) : answer{failure{connection_failure, "no result"}};
    ended.what->reply(std::move(said)); // a caller who has left is no error
}

void session::lose(failure why) {
    if (!lost_) lost_ = std::move(why);
    while (!sent_.empty()) { // keeps S3
        flight& first = sent_.front();
        // What PostgreSQL has said of an error holds; rows without the sync may not have been committed.
        if (first.what) first.what->reply(first.said && !*first.said ? std::move(*first.said) : answer{*lost_});
        sent_.pop_front();
    }
}

bool session::is_overdue() {
    if (sent_.empty() || !sent_.front().is_deserted()) return false;
    auto& at = sent_.front().overdue_at;
    if (!at) at = weir::clock::now() + grace_;
    return weir::clock::now() >= *at;
}

weir::task<> session::cancel_first(weir::mutex_guard& turn) {
    PGconn* const it = connection_.get();
    std::unique_ptr<PGcancel, void (*)(PGcancel*)> const what{PQgetCancel(it), &PQfreeCancel};
    if (!what) co_return; // no memory; it is overdue the next time, too
    clearing_ = true;
    sent_.front().overdue_at = weir::clock::now() + grace_; // it may take a while, or what is behind it may run on
    turn.unlock();
    auto const told = co_await weir::blocking(&send_cancel, what.get());
    auto again = co_await turn_.lock();
    if (!again) co_return;
    turn = std::move(*again);
    if (lost_) co_return;
    if (told && !*told) {
        lose(failure{connection_failure, "a cancel may be on its way"});
        co_return;
    }
    sent_.emplace_back(); // keeps S7
    if (!put_sync(it) || PQflush(it) < 0) lose(why_now(connection_failure));
}

} // namespace postgres
