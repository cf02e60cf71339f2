// weir/net/sendfile.hpp: sends a stretch of a file over a socket without a copy through the program.
// The kernel is asked in place, on both backends, because io_uring has no such operation and would splice on threads of
// its own; what waits is the operation `poll_writable`. What the page cache does not hold is read as read_at does, so
// that a cold disk does not stop the worker, and so is all of a file whose file system refuses the call.
#pragma once

#include <weir/coro/task.hpp>
#include <weir/coro/yield.hpp>
#include <weir/io/op/poll.hpp>
#include <weir/io/op/read_at.hpp>
#include <weir/io/op/send.hpp>
#include <weir/io/sigpipe.hpp>
#include <weir/io/unblocked.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <sys/sendfile.h>
#include <sys/uio.h>

namespace weir::inline v0::net {

// Of a file: `length` bytes from `offset` on.
class file_range {
public:
    file_range(std::uint64_t offset, std::uint64_t length) noexcept : at{offset}, left{length} {}
    std::uint64_t at;
    std::uint64_t left;

    void advance(std::uint64_t count) noexcept {
        at += count;
        left -= count;
    }
};

// Sends what `range` names of `file`.
// Needs: `socket` to be a stream, and nobody else to send on it meanwhile; while this goes on it does not block.
// Errors: errc::end_of_stream when the file is, or becomes meanwhile, shorter than that; those of send(2), EPIPE never
//         as a signal, and of pread(2).
// Cancel: some of it may be on its way, as after an error; the connection is of no further use then.
// Cost: a frame, and a buffer of 64 KiB once something must be copied; two or three system calls for each 512 KiB, and
//       gives way between them.
task<result<void>> sendfile(io::fd_ref socket, io::fd_ref file, file_range range);

namespace detail {

// One call; the bytes moved, or the negated errno.
inline int sendfile_once(int socket, int file, file_range const& range, std::size_t most) noexcept {
    io::no_sigpipe guard;
    auto at = static_cast<off_t>(range.at);
    int const moved = io::system_call([&] { return ::sendfile(socket, file, &at, most); });
    if (moved == -EPIPE) guard.broken();
    return moved;
}

// Whether a call would wait for the disk, as far as the byte at `at` tells. Not where the file system cannot say.
inline bool is_cold(int file, std::uint64_t at) noexcept {
    std::byte one;
    iovec into{&one, 1};
    return io::system_call([&] { return ::preadv2(file, &into, 1, static_cast<off_t>(at), RWF_NOWAIT); }) == -EAGAIN;
}

// Sends by way of a buffer, and advances `range` by what was sent.
inline task<result<void>> copy_some(io::fd_ref socket, io::fd_ref file, file_range& range, std::span<std::byte> buffer) {
    auto const wanted = static_cast<std::size_t>(std::min<std::uint64_t>(range.left, buffer.size()));
    auto const got = co_await io::read_at(file, buffer.first(wanted), range.at);
    if (!got) co_return got.error();
    if (*got == 0) co_return errc::end_of_stream;
    for (std::span<std::byte const> rest = buffer.first(*got); !rest.empty();) {
        auto const sent = co_await io::send(socket, rest);
        if (!sent) co_return sent.error();
        rest = rest.subspan(*sent);
        range.advance(*sent);
    }
    co_return {};
}

} // namespace detail

inline task<result<void>> sendfile(io::fd_ref socket, io::fd_ref file, file_range range) {
    constexpr std::uint64_t in_a_call = 512 * 1024;
    constexpr std::size_t in_a_copy = 64 * 1024;
    context const& here = co_await this_task();
    io::unblocked const does_not_block{socket.number()};
    std::unique_ptr<std::byte[]> buffer;
    bool refused = false; // by the file system
    while (range.left > 0) {
        auto const most = static_cast<std::size_t>(std::min(range.left, in_a_call));
        if (refused || detail::is_cold(file.number(), range.at + most - 1)) {
            if (!buffer) buffer = std::make_unique_for_overwrite<std::byte[]>(in_a_copy);
            std::span<std::byte> const room{buffer.get(), in_a_copy};
            auto const copied = co_await detail::copy_some(socket, file, range, room);
            if (!copied) co_return copied.error();
            continue;
        }
        int const moved = detail::sendfile_once(socket.number(), file.number(), range, most);
        if (moved == 0) co_return errc::end_of_stream; // not a loop: the file has been cut short
        if (moved > 0) {
            range.advance(static_cast<std::uint64_t>(moved));
            if (range.left == 0) break;
            co_await yield();
            if (here.stop.stop_requested()) co_return here.stop.reason();
        } else if (moved == -EAGAIN) {
            auto const ready = co_await io::poll_writable(socket);
            if (!ready) co_return ready.error();
        } else if (moved == -EINVAL || moved == -ENOSYS) {
            refused = true;
        } else {
            co_return system_error_code(-moved);
        }
    }
    co_return {};
}

} // namespace weir::net
