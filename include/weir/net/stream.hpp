// weir/net/stream.hpp: a connection read by lines, lengths or to its end, and written in few large sends.
// A connection that waits holds no buffer: one is had when there is something to put in, from a pool where one is given,
// and let go when all was handed out or sent.
// Threads:  one reading and one writing coroutine at a time.
// Cancel:   what was received and not handed out stays for the next read. What was written and not taken by the socket
//           stays for the next flush, and no byte is sent twice.
// Cost:     a frame for each verb. Without a pool, a call to wait for the first byte of an empty stream.
#pragma once

#include <weir/coro/task.hpp>
#include <weir/memory/buffer.hpp>
#include <weir/memory/buffer_pool.hpp>
#include <weir/memory/bytes.hpp>
#include <weir/memory/bytes_chain.hpp>
#include <weir/net/stream_socket.hpp>
#include <weir/net/tcp.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <sys/uio.h>
#include <utility>

namespace weir::inline v0::net {

template <byte_stream Below>
class basic_stream {
public:
    explicit basic_stream(Below below) noexcept : below_{std::move(below)} {}
    // Has its buffers from `pool` as long as they are no larger than a block.  Needs: the pool to outlive the runtime.
    basic_stream(Below below, buffer_pool& pool) noexcept : below_{std::move(below)}, pool_{&pool} {}

    // What comes up to and including the next `mark`.
    // Errors: errc::end_of_stream when the peer ends before it; errc::too_long when it is not among the first `limit`
    //         bytes; both leave the bytes unread.
    // Needs:  `mark` is not empty, and stays until then.
    // Cancel: what came stays unread.
    task<result<bytes>> read_until(std::string_view mark, std::size_t limit);
    // Exactly `count` bytes.  Errors: errc::end_of_stream, and what came stays unread.  Cancel: likewise.
    task<result<bytes>> read_exactly(std::size_t count);
    // All until the peer's end.  Errors: errc::too_long when more than `limit` come; they stay unread.
    // Cancel: what came stays unread.
    task<result<bytes>> read_to_end(std::size_t limit);
    // What there is, waiting for at least one byte; empty at the peer's end.  Cancel: nothing was received.
    task<result<bytes>> read_some();

    // Keeps a copy until the next flush.
    void write(std::span<std::byte const> more) { gather(more); }
    void write(std::string_view more) { gather(std::as_bytes(std::span{more})); }
    // The same; what is not small is shared rather than copied.
    void write(bytes more);
    // Bytes that were written and not taken by the socket.
    std::size_t unsent() const noexcept { return chain_.size() + out_.size(); }
    // Sends what was written, all pieces of it by one call where the socket has room.
    // Errors: those of sendmsg(2), EPIPE never as a signal; what was not taken stays.
    // Needs:  no write until then.
    // Cancel: what the socket has taken is on its way; the rest stays, and the next flush goes on with it.
    task<result<void>> flush();

    Below& socket() noexcept { return below_; }
    // What was received and not handed out; for who goes on by other means.
    buffer& unread() noexcept { return in_; }

private:
    static constexpr std::size_t read_size = 16 * 1024;
    static constexpr std::size_t least_room = 256; // less is not worth a call where more may come
    static constexpr std::size_t worth_sharing = 512; // bytes: below, a copy costs less than a piece of its own
    static constexpr std::size_t pieces_in_a_call = 16;

    // Receives once more, behind what is unread, with room for `wanted` bytes or more; 0 at the peer's end.
    task<result<std::size_t>> fill(std::size_t wanted);
    bytes take(std::size_t count) noexcept;
    void gather(std::span<std::byte const> more);
    void end_piece();

    // I1: in_ has a block only while there is something unread, or a receive behind it under way.
    // I2: what was written is chain_ and then out_; both are empty, and without a block, once all was taken.
    Below below_;
    buffer_pool* pool_ = nullptr;
    buffer in_;
    bytes_chain chain_;
    buffer out_;
};

using stream = basic_stream<tcp_socket>;

template <byte_stream Below>
task<result<std::size_t>> basic_stream<Below>::fill(std::size_t wanted) {
    if (in_.empty()) {
        in_ = {}; // keeps I1
        if (pool_) {
            auto block = co_await below_.recv_block(*pool_);
            if (!block) co_return block.error();
            std::size_t const got = block->size();
            in_ = std::move(*block).into_buffer();
            co_return got;
        }
        auto const ready = co_await below_.readable();
        if (!ready) co_return ready.error();
    }
    auto const room = in_.prepare(in_.empty() ? read_size : std::min(wanted, read_size));
    auto const got = co_await below_.recv(room);
    if (got) in_.commit(*got);
    if (in_.empty()) in_ = {}; // keeps I1
    co_return got;
}

template <byte_stream Below>
bytes basic_stream<Below>::take(std::size_t count) noexcept {
    if (count == in_.size()) return in_.freeze(); // keeps I1
    return in_.split(count);
}

template <byte_stream Below>
task<result<bytes>> basic_stream<Below>::read_until(std::string_view mark, std::size_t limit) {
    WEIR_ASSERT(!mark.empty(), "read_until was given an empty mark");
    std::size_t searched = 0; // no mark begins before
    for (;;) {
        auto const there = in_.view().substr(0, limit);
        auto const at = there.find(mark, searched);
        if (at != std::string_view::npos) co_return take(at + mark.size());
        if (in_.size() >= limit) co_return errc::too_long;
        searched = there.size() < mark.size() ? 0 : there.size() - mark.size() + 1;
        auto const got = co_await fill(least_room);
        if (!got) co_return got.error();
        if (*got == 0) co_return errc::end_of_stream;
    }
}

template <byte_stream Below>
task<result<bytes>> basic_stream<Below>::read_exactly(std::size_t count) {
    while (in_.size() < count) {
        auto const got = co_await fill(count - in_.size());
        if (!got) co_return got.error();
        if (*got == 0) co_return errc::end_of_stream;
    }
    co_return take(count);
}

template <byte_stream Below>
task<result<bytes>> basic_stream<Below>::read_to_end(std::size_t limit) {
    for (;;) {
        if (in_.size() > limit) co_return errc::too_long;
        auto const got = co_await fill(read_size);
        if (!got) co_return got.error();
        if (*got == 0) co_return in_.freeze();
    }
}

template <byte_stream Below>
task<result<bytes>> basic_stream<Below>::read_some() {
    if (in_.empty()) {
        auto const got = co_await fill(read_size);
        if (!got) co_return got.error();
    }
    co_return in_.freeze();
}

// What was gathered so far becomes a piece of its own, and the buffer goes on behind it.
template <byte_stream Below>
void basic_stream<Below>::end_piece() {
    if (!out_.empty()) chain_.push_back(out_.split(out_.size()));
}

template <byte_stream Below>
void basic_stream<Below>::gather(std::span<std::byte const> more) {
    if (pool_ && out_.capacity() == 0) {
        if (auto block = pool_->try_lease()) out_ = std::move(block).into_buffer();
    }
    out_.append(more);
}

template <byte_stream Below>
void basic_stream<Below>::write(bytes more) {
    if (more.size() < worth_sharing) return gather({more.data(), more.size()});
    end_piece();
    chain_.push_back(std::move(more));
}

template <byte_stream Below>
task<result<void>> basic_stream<Below>::flush() {
    end_piece();
    out_ = {}; // keeps I2: the chain holds the block as long as it is needed
    std::array<iovec, pieces_in_a_call> pieces;
    while (!chain_.empty()) {
        std::span<iovec const> const next{pieces.data(), chain_.fill(std::span<iovec>{pieces})};
        auto const taken = co_await below_.send(next);
        if (!taken) co_return taken.error();
        chain_.remove_prefix(*taken);
    }
    co_return {};
}

} // namespace weir::net
