// weir/io/op/splice.hpp: moves bytes between a pipe and another descriptor without a copy through the program.
// A pipe of one's own between two sockets makes a relay:
//     auto const taken = co_await io::splice_in(from, pipe_in, 64 * 1024);
//     for (...) co_await io::splice_out(pipe_out, to, left);
// Not:      for a file to a socket: net/sendfile.hpp needs no pipe for that.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/sigpipe.hpp>
#include <weir/io/unblocked.hpp>
#include <weir/io/uring_abi.hpp>

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <poll.h>

namespace weir::inline v0::io {

// The operation is that of the end which is no pipe, and waits for that one.
template <readiness For>
class splice_op : public op_awaiter<splice_op<For>, std::size_t> {
public:
    splice_op(fd_ref other, fd_ref pipe, std::size_t most) noexcept
        : op_awaiter<splice_op, std::size_t>{other}, pipe_{pipe}, most_{length_in_a_call(most)} {}

    static constexpr readiness ready_when = For;
    attempt try_now() noexcept {
        if (!other_is_ready()) return -EAGAIN;
        unblocked const other{this->file().number()}; // it may be ready for less than this moves
        no_sigpipe guard;
        int const moved = system_call(
            [&] { return ::splice(from(), nullptr, to(), nullptr, most_, SPLICE_F_MOVE | SPLICE_F_NONBLOCK); });
        if (moved == -EPIPE) guard.broken();
        if (moved == -EAGAIN && other_is_ready()) return -ENOBUFS; // the pipe it is, of which no news would come
        return moved;
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_SPLICE;
        entry.fd = to();
        entry.splice_fd_in = from();
        entry.off = entry.splice_off_in = ~std::uint64_t{0}; // where each stands
        entry.len = most_;
        entry.splice_flags = SPLICE_F_MOVE;
    }
    std::size_t value_of(int moved) const noexcept { return static_cast<std::size_t>(moved); }

private:
    static constexpr bool inwards = For == readiness::readable;
    int from() const noexcept { return inwards ? this->file().number() : pipe_.number(); }
    int to() const noexcept { return inwards ? pipe_.number() : this->file().number(); }
    bool other_is_ready() const noexcept {
        pollfd asked{this->file().number(), inwards ? POLLIN : POLLOUT, 0};
        return system_call([&] { return ::poll(&asked, 1, 0); }) != 0;
    }

    fd_ref const pipe_;
    std::uint32_t const most_;
};

// Moves what `from` has into a pipe, up to `most` bytes, waiting for at least one.
// Returns: result<size_t>, 0 at the end of `from`.
// Needs: a pipe with room; where it has none, epoll gives ENOBUFS and io_uring waits for some.
// Errors: those of splice(2), EPIPE never as a signal.
// Cancel: nothing was moved; or the splice has won and says how much.
inline auto splice_in(fd_ref from, fd_ref pipe, std::size_t most) noexcept {
    return operation<splice_op<readiness::readable>, fd_ref, fd_ref, std::size_t>{from, pipe, most};
}
// Moves what a pipe holds to `to`, up to `most` bytes or what `to` has room for, waiting for some.
// Returns: result<size_t>, 0 at the end of the pipe.
// Needs: a pipe that is not empty; where it is, and has not ended, epoll gives ENOBUFS and io_uring waits.
// Errors, Cancel: the same.
inline auto splice_out(fd_ref pipe, fd_ref to, std::size_t most) noexcept {
    return operation<splice_op<readiness::writable>, fd_ref, fd_ref, std::size_t>{to, pipe, most};
}

} // namespace weir::io
