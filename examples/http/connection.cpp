// examples/http/connection.cpp: the life of one connection.
#include "connection.hpp"

#include <weir/coro/context.hpp>
#include <weir/io/op/poll.hpp>
#include <weir/timer/timeout.hpp>

#include <cstdio>
#include <exception>
#include <mutex>
#include <span>
#include <string_view>

namespace http {

namespace {

constexpr std::size_t read_size = 4 * 1024;
constexpr std::size_t flush_size = 64 * 1024; // answers to pipelined requests gather up to here
constexpr std::size_t kept_idle = 8 * 1024;   // bytes of each buffer that an idle connection keeps
constexpr std::size_t linger_size = 16 * 1024 * 1024; // of a body that was refused, for clients that read only behind it
constexpr std::chrono::seconds linger_time{2};

} // namespace

connection::connection(server& of, weir::net::tcp_socket socket)
    : server_{of}, transport_{std::move(socket), of.options_.layers}, parser_{of.options_.bounds} {}

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

void connection::drain() noexcept {
    draining_.store(true, weir::seq_cst);                                                         // [drain]
    auto const what = turn_.load(weir::seq_cst).what;                                             // [drain]
    if (what == doing::idle || what == doing::resting) (*reads_)->stop.request_stop(weir::errc::closed);
}

weir::task<> connection::serve() {
    weir::context const& given = co_await weir::this_task();
    weir::linked_stop_source all{given.stop};
    weir::context const working = given.with_stop(all.token());
    std::optional<waiting> reads;
    reads.emplace(working, all.token());
    all_ = &all;
    reads_ = &reads;
    working_ = &working;
    co_await weir::use_context(working);
    static_cast<void>(transport_.socket().set_no_delay(true)); // without it everything works, only slower
    turn_to(doing::idle);
    {
        membership const listed{*this};
        bool opened = true;
        if (transport_.layer()) opened = co_await greet();
        if (!opened) co_return;
        co_await converse();
    }
    if (broken_) co_return;
    if (lingers_ || !in_.empty()) co_await linger();
    else if (transport_.layer()) co_await weir::timeout(transport_.shut_writing(), linger_time);
}

weir::task<bool> connection::greet() {
    turn_to(doing::reading_head);
    co_await weir::use_context((*reads_)->where);
    auto const opened = co_await transport_.layer()->open();
    co_await weir::use_context(*working_);
    if (!opened && opened.error() == weir::errc::timed_out) server_.figures_.timed_out.add();
    co_return static_cast<bool>(opened);
}

weir::task<> connection::converse() {
    bool open = true;
    std::size_t gathered = 0; // answers in out_
    while (open) {
        auto const [consumed, state] = parser_.parse(in_.view());
        in_.consume(consumed);
        if (state == parser::state::complete) {
            open = co_await answer();
            bool const full = out_.size() >= flush_size || ++gathered >= server_.options_.most_gathered;
            if (open && !full && !in_.empty()) continue;
        } else if (state == parser::state::failed) {
            refuse(parser_.error());
            open = false;
        } else if (parser_.take_continue()) {
            out_ += continue_response;
        }
        gathered = 0;
        if (!out_.empty()) {
            bool const sent = co_await flush();
            if (!sent) break;
        }
        if (open && in_.empty()) open = co_await receive();
    }
}

void connection::renew() {
    std::lock_guard const locked{server_.mutex_};
    reads_->emplace(*working_, all_->token());
}

void connection::rest() {
    in_ = weir::buffer{};
    std::string{}.swap(out_);
    parser_.trim(0);
    response_ = response{};
    auto const since = turn_.load(weir::relaxed).since; // written by this task only
    turn_.store(turn{doing::resting, since}, weir::seq_cst); // [drain]
    renew(); // behind that, so that nobody asks for a rest again
    if (draining()) (*reads_)->stop.request_stop(weir::errc::closed);
}

weir::task<bool> connection::receive() {
    bool const between = parser_.between_requests();
    if (between) {
        turn_to(doing::idle);
        parser_.trim(kept_idle);
        if (draining()) (*reads_)->stop.request_stop(weir::errc::closed);
    } else {
        // A head, and a body, has its time for all its pieces together, however slowly they drip.
        auto const what = parser_.in_body() ? doing::reading_body : doing::reading_head;
        if (turn_.load(weir::relaxed).what != what) { // written by this task only
            turn_to(what);
            body_begun_ = server_.now();
            body_credit_ = 0;
        }
    }
    bool const in_body = parser_.in_body();
    // A drain ends the wait for another request, not for the rest of one.
    auto const& stop = (*reads_)->stop;
    bool const cut_short = !between && stop.stop_requested() && stop.reason() == weir::errc::closed;
    weir::result<std::size_t> got = weir::errc::closed;
    for (;;) {
        auto const room = in_.prepare(read_size);
        co_await weir::use_context(cut_short ? *working_ : (*reads_)->where);
        if (auto* const layer = transport_.layer()) got = co_await layer->recv(room);
        else got = co_await transport_.socket().recv(room);
        co_await weir::use_context(*working_);
        if (got || got.error() != rest_reason) break;
        if (!between) { // a request began in that very moment
            renew();
            continue;
        }
        rest();
        co_await weir::use_context((*reads_)->where);
        auto const woken = co_await weir::io::poll_readable(transport_.socket().ref());
        co_await weir::use_context(*working_);
        if (!woken) {
            got = woken.error();
            break;
        }
    }
    if (!got && !between && got.error() == weir::errc::closed) co_return true; // comes back here, by `cut_short`
    if (got) {
        in_.commit(*got);
        if (between && *got) turn_to(doing::reading_head);
        if (!in_body || count_body(*got)) co_return *got != 0;
        co_await give_up();
        co_return false;
    }
    if (got.error() == weir::errc::timed_out) {
        if (between) server_.figures_.timed_out.add();
        else co_await give_up();
    }
    if (got.error() == weir::errc::closed && between) {
        // Drained while idle. What came in this very moment is answered still.
        std::size_t const late = transport_.recv_now(in_.prepare(read_size));
        in_.commit(late);
        co_return late != 0;
    }
    co_return false;
}

weir::task<bool> connection::answer() {
    turn_to(doing::handling);
    auto& request = parser_.request();
    response_.clear();
    exchange both{request, response_, {}, body_stream{*this}, transport_.socket()};
    bool whole = false;
    try {
        co_await server_.handle_(both);
        whole = true;
    } catch (std::exception const& thrown) {
        report(thrown.what());
    } catch (...) {
        report("something that is no std::exception");
    }
    if (both.stream.watched()) co_await end_watch(both.stream);
    if (both.stream.begun()) co_return co_await end_stream(both.stream, whole);
    if (!whole) response_ = response{error{500, "internal_error", "the server failed to answer this request"}};
    response::framing how;
    how.keep_alive = may_keep_alive();
    how.head_request = request.is_head();
    how.minor_version = request.minor_version();
    lingers_ = request.keep_alive() && !how.keep_alive; // the client may be sending another
    append(how);
    server_.figures_.requests.add();
    co_return how.keep_alive;
}

bool connection::may_keep_alive() const noexcept {
    return parser_.request().keep_alive() && !server_.ending() && !all_->stop_requested();
}

void connection::report(char const* thrown) const {
    auto const& request = parser_.request();
    std::fprintf(stderr, "http: %s %s: %s\n", std::string{request.method()}.c_str(),
                 std::string{request.path()}.c_str(), thrown);
}

void connection::refuse(error const& why) {
    response_ = response{why};
    response::framing how;
    how.keep_alive = false;
    how.head_request = parser_.request().is_head();
    append(how);
    lingers_ = true;
    server_.figures_.requests.add();
    server_.figures_.refused.add();
}

void connection::append(response::framing how) {
    if (auto const now = server_.now(); date_text_.empty() || dated_ != now) {
        date_text_ = date_.at(std::chrono::system_clock::now());
        dated_ = now;
    }
    how.date = date_text_;
    response_.write_to(out_, how);
}

weir::task<bool> connection::flush() {
    if (transport_.layer()) {
        iovec all{out_.data(), out_.size()};
        auto const sent = co_await send_pieces(std::span{&all, 1});
        if (!sent) co_return false;
    } else {
        std::string_view left{out_};
        while (!left.empty()) {
            turn_to(doing::sending);
            auto const sent = co_await transport_.socket().send(std::as_bytes(std::span{left}));
            if (!sent) {
                if (sent.error() == weir::errc::timed_out) server_.figures_.timed_out.add();
                co_return false;
            }
            left.remove_prefix(*sent);
        }
    }
    out_.clear();
    if (out_.capacity() > flush_size) std::string{}.swap(out_);
    co_return true;
}

weir::task<> connection::linger() {
    weir::time_point const until = weir::clock::now() + linger_time;
    co_await weir::deadline(transport_.shut_writing(), until);
    for (std::size_t dropped = 0; dropped < linger_size;) {
        in_.clear();
        auto const got = co_await weir::deadline(transport_.socket().recv(in_.prepare(read_size)), until);
        if (!got || *got == 0) co_return;
        dropped += *got;
    }
}

} // namespace http
