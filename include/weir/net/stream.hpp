// weir/net/stream.hpp: a connection read by lines, lengths or to its end, and written in few large sends.
// Threads:  one reading and one writing coroutine at a time.
// Cancel:   what was received and not handed out stays for the next read; what was written and not flushed stays, too,
//           but a flush that is cancelled may have sent a part of it.
#pragma once

#include <weir/coro/task.hpp>
#include <weir/memory/buffer.hpp>
#include <weir/net/tcp.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace weir::net {

class stream {
public:
    explicit stream(tcp_socket socket) noexcept : socket_{std::move(socket)} {}

    // What comes up to and including the next `mark`.
    // Errors: errc::end_of_stream when the peer ends before it; errc::too_long when it is not among the first `limit`
    //         bytes; both leave the bytes unread.
    // Needs:  `mark` is not empty, and stays until then.
    task<result<bytes>> read_until(std::string_view mark, std::size_t limit);
    // Exactly `count` bytes.  Errors: errc::end_of_stream, and what came stays unread.
    task<result<bytes>> read_exactly(std::size_t count);
    // All until the peer's end.  Errors: errc::too_long when more than `limit` come; they stay unread.
    task<result<bytes>> read_to_end(std::size_t limit);
    // What there is, waiting for at least one byte; empty at the peer's end.
    task<result<bytes>> read_some();

    // Keeps a copy until the next flush.
    void write(std::span<std::byte const> more) { out_.append(more); }
    void write(std::string_view more) { out_.append(more); }
    // Sends what was written.
    task<result<void>> flush();

    tcp_socket& socket() noexcept { return socket_; }

private:
    static constexpr std::size_t read_size = 16 * 1024;

    // Receives once more; 0 at the peer's end.
    task<result<std::size_t>> fill();

    tcp_socket socket_;
    buffer in_;
    buffer out_;
};

inline task<result<std::size_t>> stream::fill() {
    auto const room = in_.prepare(read_size);
    auto const got = co_await socket_.recv(room);
    if (got) in_.commit(*got);
    co_return got;
}

inline task<result<bytes>> stream::read_until(std::string_view mark, std::size_t limit) {
    WEIR_ASSERT(!mark.empty(), "read_until was given an empty mark");
    std::size_t searched = 0; // no mark begins before
    for (;;) {
        auto const there = in_.view().substr(0, limit);
        auto const at = there.find(mark, searched);
        if (at != std::string_view::npos) co_return in_.split(at + mark.size());
        if (in_.size() >= limit) co_return errc::too_long;
        searched = there.size() < mark.size() ? 0 : there.size() - mark.size() + 1;
        auto const got = co_await fill();
        if (!got) co_return got.error();
        if (*got == 0) co_return errc::end_of_stream;
    }
}

inline task<result<bytes>> stream::read_exactly(std::size_t count) {
    while (in_.size() < count) {
        auto const got = co_await fill();
        if (!got) co_return got.error();
        if (*got == 0) co_return errc::end_of_stream;
    }
    co_return in_.split(count);
}

inline task<result<bytes>> stream::read_to_end(std::size_t limit) {
    for (;;) {
        if (in_.size() > limit) co_return errc::too_long;
        auto const got = co_await fill();
        if (!got) co_return got.error();
        if (*got == 0) co_return in_.freeze();
    }
}

inline task<result<bytes>> stream::read_some() {
    if (in_.empty()) {
        auto const got = co_await fill();
        if (!got) co_return got.error();
    }
    co_return in_.split(in_.size());
}

inline task<result<void>> stream::flush() {
    while (!out_.empty()) {
        auto const sent = co_await socket_.send(out_.readable());
        if (!sent) co_return sent.error();
        out_.consume(*sent);
    }
    co_return {};
}

} // namespace weir::net
