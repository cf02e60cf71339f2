// weir/io/op/fsync.hpp: has what was written to a file carried to its disk.
#pragma once

#include <weir/io/blocking_op.hpp>
#include <weir/io/uring_abi.hpp>

#include <unistd.h>

namespace weir::inline v0::io {

// Of a file's description, what is not needed to read its data back (the times, for instance) may stay behind.
enum class synced : unsigned char { all, data };

class fsync_op : public op_awaiter<fsync_op, void, blocking_op> {
public:
    fsync_op(fd_ref file, synced what) noexcept : op_awaiter{file}, what_{what} {}

    static constexpr readiness ready_when = readiness::blocks;
    attempt try_now() noexcept {
        auto const call = what_ == synced::data ? &::fdatasync : &::fsync;
        return system_call([&] { return call(file().number()); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_FSYNC;
        entry.fd = file().number();
        entry.fsync_flags = what_ == synced::data ? IORING_FSYNC_DATASYNC : 0;
    }

private:
    synced const what_;
};

// Returns: result<void>. What was written before, and had ended by now, is on the disk then.
// Errors: those of fsync(2). After EIO the kernel has given up on what it could not write: a second fsync that succeeds
//         says nothing of it. On epoll also errc::overloaded and errc::shut_down of the blocking executor.
// Cancel: one that has not begun never does; on epoll one that has is waited for, on io_uring it may be broken off.
// Cost: as read_at.
inline operation<fsync_op, fd_ref, synced> fsync(fd_ref file) noexcept {
    return operation<fsync_op, fd_ref, synced>{file, synced::all};
}
// The same for the data alone, and for what is needed to read them back, as their length.
inline operation<fsync_op, fd_ref, synced> fdatasync(fd_ref file) noexcept {
    return operation<fsync_op, fd_ref, synced>{file, synced::data};
}

} // namespace weir::io
