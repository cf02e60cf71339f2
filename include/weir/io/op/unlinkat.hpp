// weir/io/op/unlinkat.hpp: takes a name from a file, which goes with its last one, or removes an empty folder.
#pragma once

#include <weir/io/blocking_op.hpp>
#include <weir/io/path.hpp>
#include <weir/io/uring_abi.hpp>

#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace weir::inline v0::io {

class unlinkat_op : public op_awaiter<unlinkat_op, void, blocking_op> {
public:
    unlinkat_op(fd_ref folder, std::string name, int flags) noexcept
        : op_awaiter{folder}, name_{std::move(name)}, flags_{flags} {}

    static constexpr readiness ready_when = readiness::blocks;
    attempt try_now() noexcept {
        return system_call([&] { return ::unlinkat(file().number(), name_.c_str(), flags_); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_UNLINKAT;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(name_.c_str());
        entry.unlink_flags = static_cast<std::uint32_t>(flags_);
    }

private:
    path const name_;
    int const flags_;
};

// With AT_REMOVEDIR in `flags` it is a folder that goes. A path that is not absolute begins at `folder`.
// Returns: result<void>.
// Errors: those of unlinkat(2), ENOENT for a path with a NUL in it; on epoll also errc::overloaded and errc::shut_down of
//         the blocking executor.
// Cancel: one that has not begun never does; one that has is waited for.  Cost: as read_at.
inline auto unlinkat(fd_ref folder, std::string name, int flags = 0) {
    return operation<unlinkat_op, fd_ref, std::string, int>{folder, std::move(name), flags};
}

} // namespace weir::io
