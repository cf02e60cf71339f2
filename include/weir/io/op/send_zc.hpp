// weir/io/op/send_zc.hpp: sends as much of a span as a socket takes, from where it lies, without a copy into the kernel.
// The kernel pins the pages, and tells when it has let go of them: only then is this complete. Where it cannot do without
// a copy after all, as on the loopback, it says so, and that socket's next ones are plain sends; so are short ones, and
// all of them on epoll, on an older kernel, and where memory must not be pinned.
// Not:      sooner over than a send: it waits until the peer has acknowledged the bytes, which it may delay by 40 ms.
//           Not for datagrams.
// Source:   IORING_OP_SEND_ZC of io_uring_enter(2).
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/socket.h>

namespace weir::inline v0::io {

// Bytes from which on pinning pages may cost less than copying them: with a network card that sends from them. On the
// loopback no length does: there the first send of a socket takes two to three times the time of a plain one.
inline constexpr std::size_t send_zc_threshold = 32 * 1024;

class send_zc_op : public op_awaiter<send_zc_op, std::size_t> {
public:
    send_zc_op(fd_ref socket, std::span<std::byte const> from) noexcept
        : op_awaiter{socket}, from_{from}, plain_{from.size() < send_zc_threshold} {}

    static constexpr readiness ready_when = readiness::writable;
    attempt try_now() noexcept {
        return system_call(
            [&] { return ::send(file().number(), from_.data(), from_.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        plain_ = plain_ || !home().sends_without_copy(file());
        entry.opcode = plain_ ? IORING_OP_SEND : IORING_OP_SEND_ZC;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(from_.data());
        entry.len = length_in_a_call(from_.size());
        entry.msg_flags = MSG_NOSIGNAL;
        if (!plain_) entry.ioprio = IORING_SEND_ZC_REPORT_USAGE;
    }
    // Z1: the coroutine goes on after the last completion, which is the notification where one was announced.
    bool hears(int& result, std::uint32_t flags) noexcept {
        if (flags & IORING_CQE_F_MORE) {
            sent_ = result;
            return false; // keeps Z1: the kernel has the pages still
        }
        if (flags & IORING_CQE_F_NOTIF) result = sent_;
        if (plain_ || !refuses_pages(result)) return true;
        plain_ = true; // nothing was sent
        return submit_again(result);
    }
    std::size_t value_of(int sent) const noexcept { return static_cast<std::size_t>(sent); }

private:
    // No memory may be pinned (RLIMIT_MEMLOCK), the protocol has no such thing, the kernel cannot report; or a signal
    // came, or the socket does not block and was not ready, which a plain send waits for.
    static bool refuses_pages(int result) noexcept {
        return result == -ENOMEM || result == -ENOBUFS || result == -EOPNOTSUPP || result == -EINVAL ||
               result == -EINTR || result == -EAGAIN;
    }

    std::span<std::byte const> const from_;
    bool plain_;
    int sent_ = 0; // by the first of two completions
};

// Returns: result<size_t>, the bytes taken, which may be fewer than there are.  Needs: `from` untouched until then.
// Errors: those of send(2); EPIPE comes as an error, never as a signal.
// Cancel: nothing was taken; or the send has won and says how much. It goes on when the kernel has let go of the pages:
//         once bytes were taken, that is when they were acknowledged, or when the connection has failed.
inline operation<send_zc_op, fd_ref, std::span<std::byte const>> send_zc(fd_ref socket,
                                                                         std::span<std::byte const> from) noexcept {
    return operation<send_zc_op, fd_ref, std::span<std::byte const>>{socket, from};
}

} // namespace weir::io
