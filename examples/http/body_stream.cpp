// examples/http/body_stream.cpp: the framing of a body that is streamed, and the watch over the client meanwhile.
#include "body_stream.hpp"

#include "connection.hpp"

#include <weir/base/assert.hpp>
#include <weir/coro/context.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <new>
#include <span>
#include <sys/uio.h>

namespace http {

namespace {

constexpr std::size_t copied_size = 4 * 1024;     // pieces up to this are copied behind their chunk's size
constexpr std::size_t gathered_size = 64 * 1024;  // what gather() keeps
constexpr std::size_t ahead_size = 64 * 1024;     // of requests that come while a response is streamed
constexpr std::uint64_t file_step = 256 * 1024;   // of a file, in the time limit of one send
constexpr std::string_view last_chunk = "0\r\n\r\n";

iovec piece_of(std::string_view text) noexcept { return {const_cast<char*>(text.data()), text.size()}; }

void append_chunk_size(std::string& out, std::size_t size) {
    std::array<char, 16> digits;
    auto* const end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
    out.append(digits.data(), end).append("\r\n");
}

} // namespace

// S1: left counts the bytes that a length in the head still promises.
// S2: broken or aborted, nothing more is written, and the connection ends so that the client sees it.
class body_stream::state {
public:
    response::body_kind kind = response::body_kind::chunked;
    std::uint64_t left = 0;
    std::uint64_t sent = 0;
    bool bare = false; // a head and nothing else
    bool keep_alive = true;
    bool aborted = false;
};

// The watch over the client; it has the connection's input until it has ended.
class body_stream::lookout {
public:
    explicit lookout(weir::stop_token above) : watching{above} {}

    weir::linked_stop_source watching; // ends it
    weir::event ended;
};

body_stream::body_stream(connection& on) noexcept : on_{on} {}
body_stream::~body_stream() = default;

void body_stream::watch() {
    if (lookout_) return;
    try {
        lookout_ = std::make_unique<lookout>(on_.all_->token());
        on_.server_.tasks_->spawn(
            [](connection* self, lookout* of) { return self->watch_client(of->watching.token(), &of->ended); }, &on_,
            lookout_.get());
    } catch (std::bad_alloc const&) { // too little memory to watch the client, who is noticed when it is written to
        lookout_.reset();
    }
}

void body_stream::begin(std::optional<std::uint64_t> length) {
    WEIR_ASSERT(!state_, "a response was begun twice");
    auto const& request = on_.parser_.request();
    auto made = std::make_unique<state>();
    made->bare = request.is_head() || !on_.response_.may_have_body();
    response::framing how;
    how.head_request = request.is_head();
    how.minor_version = request.minor_version();
    how.length = made->left = length.value_or(0);
    if (length) how.kind = response::body_kind::sized;
    else how.kind = how.minor_version == 0 ? response::body_kind::until_close : response::body_kind::chunked;
    how.keep_alive = on_.may_keep_alive() && how.kind != response::body_kind::until_close;
    made->kind = how.kind;
    made->keep_alive = how.keep_alive;
    on_.append(how);
    state_ = std::move(made);
    watch();
}

bool body_stream::wants_body() const noexcept { return !state_->bare; }
std::uint64_t body_stream::sent() const noexcept { return state_ ? state_->sent : 0; }
bool body_stream::server_ending() const noexcept { return on_.server_.ending(); }

void body_stream::abort() noexcept {
    WEIR_ASSERT(state_, "a response was aborted that was not begun");
    state_->aborted = true;
}

// Whether `size` more bytes may be written.
weir::result<void> body_stream::admit(std::uint64_t size) noexcept {
    WEIR_ASSERT(state_, "a response was written to that was not begun");
    if (state_->aborted || (state_->bare && size > 0)) return weir::errc::closed; // keeps S2
    bool const sized = state_->kind == response::body_kind::sized && !state_->bare;
    if (sized && size > state_->left) {
        state_->aborted = true; // the client could take what follows for another response
        return weir::errc::too_long;
    }
    if (sized) state_->left -= size; // keeps S1
    state_->sent += size;
    return {};
}

// Needs: admitted.
void body_stream::append(std::string_view piece) {
    bool const chunk = state_->kind == response::body_kind::chunked && !piece.empty();
    if (chunk) append_chunk_size(on_.out_, piece.size());
    on_.out_.append(piece);
    if (chunk) on_.out_.append("\r\n");
}

weir::task<weir::result<void>> body_stream::write(std::string_view piece) {
    if (auto const admitted = admit(piece.size()); !admitted) co_return admitted.error();
    auto& out = on_.out_;
    std::array<iovec, 3> pieces{};
    if (piece.size() <= copied_size) {
        append(piece);
    } else {
        bool const chunk = state_->kind == response::body_kind::chunked;
        if (chunk) append_chunk_size(out, piece.size());
        pieces[1] = piece_of(piece);
        if (chunk) pieces[2] = piece_of("\r\n");
    }
    pieces[0] = piece_of(out);
    auto const sent = co_await on_.send_pieces(pieces);
    out.clear();
    if (!sent) state_->aborted = true;
    co_return sent;
}

weir::task<weir::result<void>> body_stream::gather(std::string_view piece) {
    if (piece.empty()) co_return weir::result<void>{};
    if (piece.size() + on_.out_.size() >= gathered_size) co_return co_await write(piece);
    if (auto const admitted = admit(piece.size()); !admitted) co_return admitted.error();
    append(piece);
    co_return weir::result<void>{};
}

weir::task<weir::result<void>> body_stream::send_file(weir::io::fd_ref file, weir::net::file_range range) {
    WEIR_ASSERT(state_ && state_->kind == response::body_kind::sized, "a file was sent without a length in the head");
    if (auto const admitted = admit(range.left); !admitted) co_return admitted.error();
    auto flushed = co_await flush();
    while (flushed && range.left > 0) {
        weir::net::file_range const step{range.at, std::min(range.left, file_step)};
        on_.turn_to(connection::doing::sending);
        flushed = co_await on_.transport_.send_file(file, step);
        range.advance(step.left);
    }
    on_.turn_to(connection::doing::handling);
    if (!flushed) state_->aborted = true;
    if (flushed.error() == weir::errc::timed_out) on_.server_.figures_.timed_out.add();
    co_return flushed;
}

// Ends whatever else is stopped.
weir::task<> connection::end_watch(body_stream& body) {
    body.lookout_->watching.request_stop();
    weir::context const unstopped = working_->with_stop({});
    co_await weir::use_context(unstopped);
    static_cast<void>(co_await body.lookout_->ended.wait());
    co_await weir::use_context(*working_);
}

weir::task<bool> connection::end_stream(body_stream& body, bool whole) {
    auto& state = *body.state_;
    bool const kept = state.bare ? !broken_ : whole && !state.aborted && state.left == 0;
    server_.figures_.requests.add();
    if (kept && !all_->stop_requested()) {
        if (!state.bare && state.kind == response::body_kind::chunked) out_ += last_chunk;
        lingers_ = parser_.request().keep_alive() && !state.keep_alive;
        co_return state.keep_alive;
    }
    server_.figures_.broken_off.add();
    broken_ = true; // keeps S2: neither a last chunk nor an orderly end
    out_.clear();
    if (state.kind == response::body_kind::until_close) transport_.reset_at_end();
    co_return false;
}

weir::task<> connection::watch_client(weir::stop_token until, weir::event* ended) {
    weir::context const& given = co_await weir::this_task();
    weir::context const watching = given.with_stop(until);
    co_await weir::use_context(watching);
    bool left = false;
    try {
        while (!left && !until.stop_requested() && in_.size() < ahead_size) {
            auto const room = in_.prepare(copied_size);
            auto const got = co_await transport_.recv(room);
            left = got ? *got == 0 : !until.stop_requested();
            if (got) in_.commit(*got);
        }
    } catch (std::exception const& thrown) { // the client is noticed when it is written to
        std::fprintf(stderr, "http: a client is not watched: %s\n", thrown.what());
    }
    if (left) all_->request_stop(weir::errc::closed);
    ended->set();
    // ---- the connection may be gone
}

weir::task<weir::result<void>> connection::send_pieces(std::span<iovec> pieces) {
    pieces = without_prefix(pieces, 0);
    while (!pieces.empty()) {
        turn_to(doing::sending);
        weir::result<std::size_t> sent = weir::errc::closed;
        if (auto* const layer = transport_.layer()) sent = co_await layer->send(pieces);
        else sent = co_await transport_.socket().send(std::span<iovec const>{pieces});
        if (!sent) {
            if (sent.error() == weir::errc::timed_out) server_.figures_.timed_out.add();
            co_return sent.error();
        }
        pieces = without_prefix(pieces, *sent);
    }
    turn_to(doing::handling);
    co_return weir::result<void>{};
}

} // namespace http
