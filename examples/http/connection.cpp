// examples/http/connection.cpp: the life of one connection.
#include "connection.hpp"

#include <weir/coro/context.hpp>
#include <weir/timer/timeout.hpp>

#include <cstdio>
#include <exception>
#include <span>
#include <string_view>
#include <sys/socket.h>

namespace http {

namespace {

constexpr std::size_t read_size = 4 * 1024;
constexpr std::size_t flush_size = 64 * 1024; // answers to pipelined requests gather up to here
constexpr std::size_t kept_idle = 8 * 1024;   // bytes of each buffer that an idle connection keeps
constexpr std::size_t linger_size = 16 * 1024 * 1024; // of a body that was refused, for clients that read only behind it
constexpr std::chrono::seconds linger_time{2};

} // namespace

connection::connection(server& of, weir::net::tcp_socket socket)
    : server_{of}, socket_{std::move(socket)}, parser_{of.options_.bounds} {}

class connection::membership {
public:
    explicit membership(connection& one) : one_{one} { one_.server_.enter(one_); }
    membership(membership const&) = delete;
    membership& operator=(membership const&) = delete;
    ~membership() { one_.server_.leave(one_); }

private:
    connection& one_;
};

void connection::turn_to(doing what) noexcept {
    turn const next{what, server_.now()};
    if (what == doing::idle) turn_.store(next, weir::seq_cst); // [drain] then it looks at draining_
    else turn_.store(next, weir::relaxed); // a drain that takes it for idle still only ends its waiting for more
}

bool connection::check_time(std::uint32_t now) noexcept {
    auto const [what, since] = turn_.load(weir::relaxed); // a watch that is late by one turn does no harm
    auto const passed = (now - since) * server::tick;
    auto const longer_than = [&](std::chrono::seconds limit) { return passed > limit; };
    auto const& options = server_.options_;
    switch (what) {
        case doing::idle: return longer_than(options.idle) && reads_->request_stop(weir::errc::timed_out);
        case doing::reading_head: return longer_than(options.head) && reads_->request_stop(weir::errc::timed_out);
        case doing::reading_body: return longer_than(options.body) && reads_->request_stop(weir::errc::timed_out);
        case doing::sending: return longer_than(options.send) && all_->request_stop(weir::errc::timed_out);
        case doing::handling: return false; // the handler's own affair
    }
    return false;
}

void connection::drain() noexcept {
    draining_.store(true, weir::seq_cst);                                                         // [drain]
    if (turn_.load(weir::seq_cst).what == doing::idle) reads_->request_stop(weir::errc::closed); // [drain]
}

weir::task<> connection::serve() {
    weir::context const& given = co_await weir::this_task();
    weir::linked_stop_source all{given.stop};
    weir::linked_stop_source reads{all.token()};
    weir::context const working = given.with_stop(all.token());
    weir::context const reading = given.with_stop(reads.token());
    all_ = &all;
    reads_ = &reads;
    working_ = &working;
    reading_ = &reading;
    co_await weir::use_context(working);
    static_cast<void>(socket_.set_no_delay(true)); // without it everything works, only slower
    turn_to(doing::idle);
    {
        membership const listed{*this};
        co_await converse();
    }
    if (lingers_ || !in_.empty()) co_await linger();
}

weir::task<> connection::converse() {
    bool open = true;
    while (open) {
        auto const [consumed, state] = parser_.parse(in_.view());
        in_.consume(consumed);
        if (state == parser::state::complete) {
            open = co_await answer();
            if (open && out_.size() < flush_size && !in_.empty()) continue;
        } else if (state == parser::state::failed) {
            refuse(parser_.error());
            open = false;
        } else if (parser_.take_continue()) {
            out_ += continue_response;
        }
        if (!out_.empty()) {
            bool const sent = co_await flush();
            if (!sent) break;
        }
        if (open && in_.empty()) open = co_await receive();
    }
}

weir::task<bool> connection::receive() {
    bool const between = parser_.between_requests();
    if (between) {
        turn_to(doing::idle);
        parser_.trim(kept_idle);
        if (draining()) reads_->request_stop(weir::errc::closed);
    } else {
        // A head, and a body, has its time for all its pieces together, however slowly they drip.
        auto const what = parser_.in_body() ? doing::reading_body : doing::reading_head;
        if (turn_.load(weir::relaxed).what != what) turn_to(what); // written by this task only
    }
    auto const room = in_.prepare(read_size);
    // A drain ends the wait for another request, not for the rest of one.
    bool const cut_short = !between && reads_->stop_requested() && reads_->reason() == weir::errc::closed;
    co_await weir::use_context(cut_short ? *working_ : *reading_);
    auto const got = co_await socket_.recv(room);
    co_await weir::use_context(*working_);
    if (!got && !between && got.error() == weir::errc::closed) co_return true; // comes back here, by `cut_short`
    if (got) {
        in_.commit(*got);
        if (between && *got) turn_to(doing::reading_head);
        co_return *got != 0;
    }
    if (got.error() == weir::errc::timed_out) {
        server_.figures_.timed_out.add();
        if (!between) {
            refuse(error{408, "request_timeout", "the request did not arrive in time"});
            static_cast<void>(co_await flush()); // the connection ends in any case
        }
    }
    if (got.error() == weir::errc::closed && between) {
        // Drained while idle. What came in this very moment is answered still.
        std::size_t const late = receive_now();
        in_.commit(late);
        co_return late != 0;
    }
    co_return false;
}

std::size_t connection::receive_now() noexcept {
    auto const room = in_.prepare(read_size);
    auto const got = ::recv(socket_.ref().number(), room.data(), room.size(), MSG_DONTWAIT);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
}

weir::task<bool> connection::answer() {
    turn_to(doing::handling);
    auto& request = parser_.request();
    response_.clear();
    exchange both{request, response_, {}};
    try {
        co_await server_.handle_(both);
    } catch (std::exception const& thrown) {
        fail(thrown.what());
    } catch (...) {
        fail("something that is no std::exception");
    }
    bool const keep_alive = request.keep_alive() && !server_.ending() && !all_->stop_requested();
    lingers_ = request.keep_alive() && !keep_alive; // the client may be sending another
    append(request.minor_version(), request.is_head(), keep_alive);
    server_.figures_.requests.add();
    co_return keep_alive;
}

void connection::fail(char const* thrown) {
    auto const& request = parser_.request();
    std::fprintf(stderr, "http: %s %s: %s\n", std::string{request.method()}.c_str(),
                 std::string{request.path()}.c_str(), thrown);
    response_ = response{error{500, "internal_error", "the server failed to answer this request"}};
}

void connection::refuse(error const& why) {
    response_ = response{why};
    append(1, parser_.request().is_head(), false);
    lingers_ = true;
    server_.figures_.requests.add();
    server_.figures_.refused.add();
}

void connection::append(int minor_version, bool head_request, bool keep_alive) {
    response::framing how;
    if (auto const now = server_.now(); date_text_.empty() || dated_ != now) {
        date_text_ = date_.at(std::chrono::system_clock::now());
        dated_ = now;
    }
    how.date = date_text_;
    how.keep_alive = keep_alive;
    how.head_request = head_request;
    how.minor_version = minor_version;
    response_.write_to(out_, how);
}

weir::task<bool> connection::flush() {
    std::string_view left{out_};
    while (!left.empty()) {
        turn_to(doing::sending);
        auto const sent = co_await socket_.send(std::as_bytes(std::span{left}));
        if (!sent) {
            if (sent.error() == weir::errc::timed_out) server_.figures_.timed_out.add();
            co_return false;
        }
        left.remove_prefix(*sent);
    }
    out_.clear();
    if (out_.capacity() > flush_size) std::string{}.swap(out_);
    co_return true;
}

weir::task<> connection::linger() {
    socket_.shutdown_write();
    weir::time_point const until = weir::clock::now() + linger_time;
    for (std::size_t dropped = 0; dropped < linger_size;) {
        in_.clear();
        auto const got = co_await weir::deadline(socket_.recv(in_.prepare(read_size)), until);
        if (!got || *got == 0) co_return;
        dropped += *got;
    }
}

} // namespace http
