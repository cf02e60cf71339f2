// examples/redis/session.cpp: connecting, logging in, and the two directions of a connection.
#include "session.hpp"

#include "redis_errc.hpp"

#include <weir/net/happy_eyeballs.hpp>
#include <weir/net/tcp.hpp>
#include <weir/net/unix.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <utility>

#include <sys/socket.h>

namespace redis {

namespace {

constexpr std::size_t least_room = 4 * 1024; // for a read
// A long string is received into one piece as it proves to come, rather than on its announcement alone.
constexpr std::size_t most_room = 4 * 1024 * 1024;

weir::result<void> checked(value const& reply) {
    if (!reply.is_error()) return {};
    return make_error_code(code_of(reply.string().view()));
}

} // namespace

weir::task<weir::result<void>> session::open(location const& where, weir::net::resolver& names) {
    auto const connected = co_await connect(where, names);
    if (!connected) co_return connected.error();
    auto const welcome = co_await log_in(where);
    co_return welcome;
}

weir::task<weir::result<void>> session::connect(location const& where, weir::net::resolver& names) {
    if (where.is_path()) {
        auto const at = weir::net::address::at_path(where.path);
        if (!at) co_return at.error();
        auto local = co_await weir::net::connect_unix(*at);
        if (!local) co_return local.error();
        stream_.socket() = weir::net::stream_socket{local->release()};
        co_return weir::result<void>{};
    }
    auto addresses = co_await names.resolve(where.host, where.port);
    if (!addresses) co_return addresses.error();
    auto remote = co_await weir::net::connect_tcp_any(std::move(*addresses));
    if (!remote) co_return remote.error();
    static_cast<void>(remote->set_no_delay(true)); // without it everything works, only slower
    stream_.socket() = weir::net::stream_socket{remote->release()};
    co_return weir::result<void>{};
}

weir::task<weir::result<void>> session::log_in(location const& where) {
    request const hello = where.logs_in() ? request{"HELLO", 3, "AUTH", where.user, where.password} : request{"HELLO", 3};
    request const select{"SELECT", where.database};
    for (auto const* each : {&hello, &select})
        for (std::size_t n = 0; n < each->wire().pieces(); ++n) stream_.write(each->wire().piece(n));
    auto const sent = co_await stream_.flush();
    if (!sent) co_return sent.error();
    auto const greeted = co_await next_reply();
    if (!greeted) co_return greeted.error();
    if (auto const good = checked(*greeted); !good) {
        if (good.error() == redis_errc::refused) co_return weir::errc::unsupported; // it knows no HELLO
        co_return good.error();
    }
    auto const selected = co_await next_reply();
    if (!selected) co_return selected.error();
    co_return checked(*selected);
}

weir::task<weir::result<value>> session::next_reply() {
    for (;;) {
        auto const now = parser_.parse(in_);
        if (now == reply_parser::progress::broken) co_return make_error_code(redis_errc::bad_reply);
        if (now == reply_parser::progress::complete) {
            auto reply = parser_.take();
            if (reply.kind() != kind::push) co_return reply;
            continue;
        }
        auto const got = co_await receive();
        if (!got) co_return got.error();
    }
}

weir::task<weir::result<void>> session::receive() {
    auto const room = in_.prepare(std::clamp(parser_.wanted(in_), least_room, most_room));
    auto const got = co_await stream_.socket().recv(room);
    if (!got) co_return got.error();
    if (*got == 0) co_return weir::errc::end_of_stream;
    in_.commit(*got);
    co_return weir::result<void>{};
}

weir::task<std::error_code> session::serve() {
    std::error_code why;
    while (!why) {
        auto const got = co_await weir::timeout(receive(), patience_);
        if (got) {
            if (!take_replies()) why = redis_errc::bad_reply;
        } else if (got.error() != weir::errc::timed_out || is_overdue()) {
            why = got.error();
        }
    }
    lose();
    co_return why;
}

weir::task<bool> session::exchange(std::span<request const> batch, weir::replies<value>& to) {
    flight mine{to};
    {
        auto const turn = co_await turn_.lock();
        if (!enter(mine)) co_return false; // keeps S3
        for (auto const& each : batch)
            for (std::size_t n = 0; n < each.wire().pieces(); ++n) stream_.write(each.wire().piece(n));
        auto const sent = co_await stream_.flush();
        // What could not be sent is the end of the connection, which the reader meets and tells everybody.
        if (!sent) ::shutdown(stream_.socket().ref().number(), SHUT_RDWR);
        figures_.sent.add();
    }
    static_cast<void>(co_await mine.done.wait()); // keeps S2
    co_return true;
}

bool session::enter(flight& one) {
    weir::spin_guard const locked{lock_};
    if (lost_) return false;
    one.since = weir::clock::now();
    expected_.push_back(&one); // keeps S1
    return true;
}

session::flight* session::first() noexcept {
    weir::spin_guard const locked{lock_};
    return expected_.empty() ? nullptr : expected_.front();
}

bool session::take_replies() {
    flight* of = nullptr;
    for (;;) {
        auto const now = parser_.parse(in_);
        if (now == reply_parser::progress::broken) return false;
        if (now == reply_parser::progress::hungry) break;
        auto reply = parser_.take();
        if (reply.kind() == kind::push) {
            figures_.pushed.add();
            continue;
        }
        if (!of) of = first();
        if (!of) return false; // a reply to nothing
        of->to.set(of->answered++, std::move(reply));
        if (of->answered < of->to.size()) continue;
        {
            weir::spin_guard const locked{lock_};
            expected_.pop_front();
        }
        of->done.set();
        // ---- the flight is gone
        of = nullptr;
    }
    if (!of) of = first();
    if (!of) return true;
    weir::spin_guard const locked{lock_};
    of->since = weir::clock::now();
    return true;
}

bool session::is_overdue() noexcept {
    weir::spin_guard const locked{lock_};
    return !expected_.empty() && weir::clock::now() - expected_.front()->since >= patience_;
}

void session::lose() noexcept {
    std::deque<flight*> left;
    {
        weir::spin_guard const locked{lock_};
        lost_ = true;
        left.swap(expected_);
    }
    ::shutdown(stream_.socket().ref().number(), SHUT_RDWR); // a sender may be waiting for room
    for (flight* const each : left) {
        while (each->answered < each->to.size()) each->to.fail(each->answered++, redis_errc::connection_lost);
        each->done.set();
        // ---- the flight is gone
    }
}

} // namespace redis
