// weir/io/op/read_at.hpp: reads a file from a place in it, as pread does: the file's own position plays no part.
#pragma once

#include <weir/io/blocking_op.hpp>
#include <weir/io/uring_abi.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <unistd.h>

namespace weir::inline v0::io {

class read_at_op : public op_awaiter<read_at_op, std::size_t, blocking_op> {
public:
    read_at_op(fd_ref file, std::span<std::byte> into, std::uint64_t at) noexcept
        : op_awaiter{file}, into_{into}, at_{at} {}

    static constexpr readiness ready_when = readiness::blocks;
    attempt try_now() noexcept {
        return system_call([&] {
            return ::pread(file().number(), into_.data(), length_in_a_call(into_.size()), static_cast<off_t>(at_));
        });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_READ;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(into_.data());
        entry.len = length_in_a_call(into_.size());
        entry.off = at_;
    }
    std::size_t value_of(int got) const noexcept { return static_cast<std::size_t>(got); }

private:
    std::span<std::byte> const into_;
    std::uint64_t const at_;
};

// Returns: result<size_t>, the bytes read, fewer than asked for at the end of the file or when a signal came; 0 behind.
// Needs: `into` untouched until then; a file opened without O_NONBLOCK; `at` below 2^63.
// Errors: those of pread(2), ESPIPE for what has no places; on epoll errc::overloaded and errc::shut_down of the blocking
//         executor as well.
// Cancel: a read that has not begun never does; one that has is waited for, as it owns `into`, and gives its bytes.
// Cost: on epoll, where there is a blocking executor, two hops between threads; without one it stops the thread.
inline auto read_at(fd_ref file, std::span<std::byte> into, std::uint64_t at) noexcept {
    return operation<read_at_op, fd_ref, std::span<std::byte>, std::uint64_t>{file, into, at};
}

} // namespace weir::io
