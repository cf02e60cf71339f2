// weir/io/op/poll.hpp: waits until a descriptor is ready, for who makes the call himself: another library, for instance.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <cerrno>
#include <poll.h>

namespace weir::inline v0::io {

template <readiness For>
class poll_op : public op_awaiter<poll_op<For>, void> {
public:
    explicit poll_op(fd_ref file) noexcept : op_awaiter<poll_op, void>{file} {}

    static constexpr readiness ready_when = For;
    attempt try_now() noexcept {
        pollfd asked{this->file().number(), mask, 0};
        int const count = system_call([&] { return ::poll(&asked, 1, 0); });
        if (count == 0) return -EAGAIN;
        return asked.revents & POLLNVAL ? -EBADF : count < 0 ? count : 0;
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_POLL_ADD;
        entry.fd = this->file().number();
        entry.poll32_events = static_cast<std::uint32_t>(mask);
    }

private:
    static constexpr short mask = For == readiness::readable ? POLLIN : POLLOUT;
};

// A reference to a descriptor that others own, as a driver of another library.
// Needs: to be borrowed anew once its owner may have closed it and had the number again for another file: operations with
//        the reference from before end with EBADF then. Nothing may wait on it while its owner closes it.
inline fd_ref borrow(int number) noexcept {
    fd whole{number};
    fd_ref const lent = whole.ref();
    whole.release();
    return lent;
}

// Returns: result<void>, when a read would not wait: there is something, or the end, or an error that the read will tell.
// Errors: EBADF; those of epoll_ctl(2).  Cancel: nothing has happened.
inline operation<poll_op<readiness::readable>, fd_ref> poll_readable(fd_ref file) noexcept {
    return operation<poll_op<readiness::readable>, fd_ref>{file};
}
// Likewise for a write.
inline operation<poll_op<readiness::writable>, fd_ref> poll_writable(fd_ref file) noexcept {
    return operation<poll_op<readiness::writable>, fd_ref>{file};
}

} // namespace weir::io
