// examples/http/client_link.cpp: a request goes out, and its answer comes in.
#include "client_link.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <string>
#include <sys/uio.h>
#include <system_error>

namespace http {

namespace {

constexpr std::size_t least_room = 4 * 1024; // for a read
constexpr std::size_t most_room = 16 * 1024; // of one block, of which small pieces share

iovec piece_of(std::string_view text) noexcept { return {const_cast<char*>(text.data()), text.size()}; }

} // namespace

weir::task<weir::result<void>> client_link::open() {
    if (!transport_.layer()) co_return weir::result<void>{};
    co_return co_await transport_.layer()->open();
}

weir::task<weir::result<void>> client_link::converse(client_request const& ask) {
    parser_.begin(ask.method() == "HEAD");
    auto const sent = co_await send(ask);
    sent_whole_ = static_cast<bool>(sent);
    if (source_failed_) co_return sent.error();
    // A server that has had enough of a body answers and closes: what it has said counts for more than the broken pipe.
    while (!parser_.head_complete()) {
        auto const got = co_await receive();
        if (!got) co_return sent ? got.error() : sent.error();
    }
    co_return weir::result<void>{};
}

weir::task<weir::result<void>> client_link::send(client_request const& ask) {
    auto const head = ask.head();
    std::array<iovec, 2> pieces{piece_of(head), piece_of(ask.body())};
    auto sent = co_await transport_.send_all(pieces);
    if (sent && ask.source()) sent = co_await send_chunks(ask.source());
    co_return sent;
}

weir::task<weir::result<void>> client_link::send_chunks(body_source const& next) {
    for (;;) {
        auto const piece = co_await next();
        if (!piece) {
            source_failed_ = true;
            co_return piece.error();
        }
        std::array<char, 20> size;
        auto* end = std::to_chars(size.data(), size.data() + 16, piece->size(), 16).ptr;
        *end++ = '\r';
        *end++ = '\n';
        std::array<iovec, 3> pieces{piece_of({size.data(), end}), piece_of(*piece), piece_of("\r\n")};
        auto const sent = co_await transport_.send_all(pieces);
        if (!sent || piece->empty()) co_return sent;
    }
}

weir::task<weir::result<void>> client_link::receive() {
    auto const room = in_.prepare(least_room);
    auto const got = co_await transport_.recv(room.first(std::min(room.size(), most_room)));
    if (!got) co_return got.error();
    if (*got == 0) {
        if (parser_.finish()) co_return weir::result<void>{};
        co_return weir::errc::end_of_stream;
    }
    in_.commit(*got);
    if (!parser_.parse(in_.split(*got))) co_return std::make_error_code(std::errc::bad_message);
    co_return weir::result<void>{};
}

weir::task<weir::result<weir::bytes>> client_link::next() {
    for (;;) {
        auto piece = parser_.take_piece();
        if (!piece.empty() || parser_.complete()) co_return piece;
        auto const got = co_await receive();
        if (!got) co_return got.error();
    }
}

void client_link::let_go(std::unique_ptr<client_link> link) noexcept {
    if (!link) return;
    auto& site = link->site_;
    auto const place = std::move(link->place_); // given back behind the rest
    if (!link->sent_whole_ || !link->parser_.complete() || !link->parser_.keep_alive()) return;
    link->idle_since_ = weir::clock::now();
    std::lock_guard const locked{site.mutex};
    if (site.idle.size() >= site.keeps) return;
    try {
        site.idle.push_back(std::move(link));
    } catch (std::exception const&) { // too little memory to keep it
    }
}

} // namespace http
