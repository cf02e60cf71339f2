// weir/io/op/renameat.hpp: gives a file another name, in the place of what had it: the last step of replacing a file.
#pragma once

#include <weir/io/blocking_op.hpp>
#include <weir/io/path.hpp>
#include <weir/io/uring_abi.hpp>

#include <cstdio>
#include <fcntl.h>
#include <string>
#include <utility>

namespace weir::inline v0::io {

class renameat_op : public op_awaiter<renameat_op, void, blocking_op> {
public:
    renameat_op(fd_ref folder, std::string from, fd_ref to_folder, std::string to) noexcept
        : op_awaiter{folder}, from_{std::move(from)}, to_folder_{to_folder}, to_{std::move(to)} {}

    static constexpr readiness ready_when = readiness::blocks;
    attempt try_now() noexcept {
        return system_call(
            [&] { return ::renameat(file().number(), from_.c_str(), to_folder_.number(), to_.c_str()); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_RENAMEAT;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(from_.c_str());
        entry.len = static_cast<std::uint32_t>(to_folder_.number());
        entry.off = reinterpret_cast<std::uint64_t>(to_.c_str());
    }

private:
    path const from_;
    fd_ref const to_folder_;
    path const to_;
};

// Paths that are not absolute begin at their folders. Whoever opens `to` meanwhile has the old file or the new one.
// Returns: result<void>. That the disk has it, an fsync of the folder tells.
// Errors: those of renameat(2), EXDEV for another file system, ENOENT for a path with a NUL in it; on epoll also
//         errc::overloaded and errc::shut_down of the blocking executor.
// Cancel: a rename that has not begun never does; one that has is waited for.  Cost: as read_at.
inline auto renameat(fd_ref folder, std::string from, fd_ref to_folder, std::string to) {
    return operation<renameat_op, fd_ref, std::string, fd_ref, std::string>{folder, std::move(from), to_folder,
                                                                            std::move(to)};
}
inline auto rename(std::string from, std::string to) {
    return renameat(working_folder(), std::move(from), working_folder(), std::move(to));
}

} // namespace weir::io
