// examples/http/transport.cpp: sending to the end, with a layer and without.
#include "transport.hpp"

#include <weir/io/op/read_at.hpp>

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>

namespace http {

std::span<iovec> without_prefix(std::span<iovec> pieces, std::size_t count) noexcept {
    while (!pieces.empty() && count >= pieces.front().iov_len) {
        count -= pieces.front().iov_len;
        pieces = pieces.subspan(1);
    }
    if (count > 0) {
        pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + count;
        pieces.front().iov_len -= count;
    }
    return pieces;
}

weir::task<weir::result<std::size_t>> transport::recv(std::span<std::byte> into) {
    if (layer_) co_return co_await layer_->recv(into);
    co_return co_await socket_.recv(into);
}

weir::task<weir::result<void>> transport::send_all(std::span<iovec> pieces) {
    pieces = without_prefix(pieces, 0);
    while (!pieces.empty()) {
        weir::result<std::size_t> sent = weir::errc::closed;
        if (layer_) sent = co_await layer_->send(pieces);
        else sent = co_await socket_.send(std::span<iovec const>{pieces});
        if (!sent) co_return sent.error();
        pieces = without_prefix(pieces, *sent);
    }
    co_return weir::result<void>{};
}

weir::task<weir::result<void>> transport::send_file(weir::io::fd_ref file, weir::net::file_range range) {
    constexpr std::uint64_t in_a_copy = 64 * 1024;
    if (!layer_) co_return co_await weir::net::sendfile(socket_.ref(), file, range);
    auto const room = std::make_unique_for_overwrite<std::byte[]>(in_a_copy);
    while (range.left > 0) {
        std::span const wanted{room.get(), static_cast<std::size_t>(std::min(range.left, in_a_copy))};
        auto const got = co_await weir::io::read_at(file, wanted, range.at);
        if (!got) co_return got.error();
        if (*got == 0) co_return weir::errc::end_of_stream; // the file has been cut short
        iovec piece{room.get(), *got};
        auto const sent = co_await send_all(std::span{&piece, 1});
        if (!sent) co_return sent.error();
        range.advance(*got);
    }
    co_return weir::result<void>{};
}

std::size_t transport::recv_now(std::span<std::byte> into) noexcept {
    if (layer_) return layer_->recv_now(into);
    auto const got = ::recv(socket_.ref().number(), into.data(), into.size(), MSG_DONTWAIT);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
}

bool transport::is_stale() const noexcept {
    if (layer_ && layer_->is_stale()) return true;
    std::byte one;
    auto const got = ::recv(socket_.ref().number(), &one, 1, MSG_DONTWAIT | MSG_PEEK);
    if (got > 0) return !layer_; // a layer has words of its own
    return got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

weir::task<> transport::shut_writing() {
    if (layer_) co_await layer_->say_end();
    socket_.shutdown_write();
}

void transport::reset_at_end() noexcept {
    linger const at_once{1, 0};
    ::setsockopt(socket_.ref().number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

} // namespace http
