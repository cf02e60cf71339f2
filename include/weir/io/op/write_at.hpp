// weir/io/op/write_at.hpp: writes to a place in a file, as pwrite does: the file's own position plays no part.
#pragma once

#include <weir/io/blocking_op.hpp>
#include <weir/io/uring_abi.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <unistd.h>

namespace weir::inline v0::io {

class write_at_op : public op_awaiter<write_at_op, std::size_t, blocking_op> {
public:
    write_at_op(fd_ref file, std::span<std::byte const> from, std::uint64_t at) noexcept
        : op_awaiter{file}, from_{from}, at_{at} {}

    static constexpr readiness ready_when = readiness::blocks;
    attempt try_now() noexcept {
        return system_call([&] {
            return ::pwrite(file().number(), from_.data(), length_in_a_call(from_.size()), static_cast<off_t>(at_));
        });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_WRITE;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(from_.data());
        entry.len = length_in_a_call(from_.size());
        entry.off = at_;
    }
    std::size_t value_of(int written) const noexcept { return static_cast<std::size_t>(written); }

private:
    std::span<std::byte const> const from_;
    std::uint64_t const at_;
};

// Returns: result<size_t>: the bytes written, fewer than there are when the disk is full or a signal came.
// Needs: `from` untouched until then; a file opened without O_NONBLOCK; `at` below 2^63. A file opened with O_APPEND is
//        written at its end, whatever `at` says.
// Errors: those of pwrite(2); on epoll errc::overloaded and errc::shut_down of the blocking executor as well.
// Cancel: a write that has not begun never does; one that has is waited for and says how much it wrote.
// Cost: as read_at.
inline auto write_at(fd_ref file, std::span<std::byte const> from, std::uint64_t at) noexcept {
    return operation<write_at_op, fd_ref, std::span<std::byte const>, std::uint64_t>{file, from, at};
}

} // namespace weir::io
