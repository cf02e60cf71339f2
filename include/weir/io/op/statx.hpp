// weir/io/op/statx.hpp: what a file is: its kind, its length, its times.
#pragma once

#include <weir/io/blocking_op.hpp>
#include <weir/io/path.hpp>
#include <weir/io/uring_abi.hpp>

#include <cstdint>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <utility>

namespace weir::inline v0::io {

class statx_op : public op_awaiter<statx_op, struct ::statx, blocking_op> {
public:
    statx_op(fd_ref folder, std::string name, int flags) noexcept
        : op_awaiter{folder}, name_{std::move(name)}, flags_{flags} {}

    static constexpr readiness ready_when = readiness::blocks;
    attempt try_now() noexcept {
        return system_call([&] { return ::statx(file().number(), name_.c_str(), flags_, STATX_BASIC_STATS, &found_); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_STATX;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(name_.c_str());
        entry.len = STATX_BASIC_STATS;
        entry.off = reinterpret_cast<std::uint64_t>(&found_);
        entry.statx_flags = static_cast<std::uint32_t>(flags_);
    }
    struct ::statx const& value_of(int) const noexcept { return found_; }

private:
    path const name_;
    int const flags_;
    struct ::statx found_{};
};

// Of the file that has a name; a symbolic link is followed unless `flags` has AT_SYMLINK_NOFOLLOW.
// Returns: result<struct ::statx>, with the fields of STATX_BASIC_STATS that its stx_mask names.
// Errors: those of statx(2), ENOENT for a path with a NUL in it; on epoll also errc::overloaded and errc::shut_down of
//         the blocking executor.
// Cancel: nothing has changed.  Cost: as read_at.
inline auto statx(fd_ref folder, std::string name, int flags = 0) {
    return operation<statx_op, fd_ref, std::string, int>{folder, std::move(name), flags & ~AT_EMPTY_PATH};
}
// Of an open file.
inline auto statx(fd_ref file) {
    return operation<statx_op, fd_ref, std::string, int>{file, std::string{}, AT_EMPTY_PATH};
}

} // namespace weir::io
