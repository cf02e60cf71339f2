// weir/io/op/openat.hpp: opens a file by its path.
#pragma once

#include <weir/io/blocking_op.hpp>
#include <weir/io/path.hpp>
#include <weir/io/uring_abi.hpp>

#include <fcntl.h>
#include <string>
#include <utility>

namespace weir::inline v0::io {

class openat_op : public op_awaiter<openat_op, fd, blocking_op> {
public:
    openat_op(fd_ref folder, std::string name, int flags, mode_t mode) noexcept
        : op_awaiter{folder}, name_{std::move(name)}, flags_{flags | O_CLOEXEC}, mode_{mode} {}

    static constexpr readiness ready_when = readiness::blocks;
    attempt try_now() noexcept {
        return system_call([&] { return ::openat(file().number(), name_.c_str(), flags_, mode_); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_OPENAT;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(name_.c_str());
        entry.open_flags = static_cast<std::uint32_t>(flags_);
        entry.len = mode_;
    }
    fd value_of(int number) const noexcept { return fd{number}; }

private:
    path const name_;
    int const flags_;
    mode_t const mode_;
};

// `flags` as of open(2): O_RDONLY, O_WRONLY | O_CREAT ...; `mode` is that of a file which this creates, less the umask.
// A path that is not absolute begins at `folder`.
// Returns: result<fd>, close-on-exec.  Errors: those of openat(2), ENOENT for a path with a NUL in it; on epoll also
//          errc::overloaded and errc::shut_down of the blocking executor.
// Cancel: an open that has not begun never does; one that has is waited for and gives its file, which dies with the
//         result where nobody takes it. A FIFO waits for its other end and nothing but that end ends the wait on epoll;
//         open one with O_NONBLOCK.
// Cost: as read_at.
inline auto openat(fd_ref folder, std::string name, int flags, mode_t mode = 0666) {
    return operation<openat_op, fd_ref, std::string, int, mode_t>{folder, std::move(name), flags, mode};
}
inline auto open(std::string name, int flags, mode_t mode = 0666) {
    return openat(working_folder(), std::move(name), flags, mode);
}

} // namespace weir::io
