// weir/io/op/read.hpp: reads from what is no socket and has no position: an eventfd, a signalfd, a pipe.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <cstddef>
#include <span>
#include <unistd.h>

namespace weir::inline v0::io {

class read_op : public op_awaiter<read_op, std::size_t> {
public:
    read_op(fd_ref file, std::span<std::byte> into) noexcept : op_awaiter{file}, into_{into} {}

    static constexpr readiness ready_when = readiness::readable;
    attempt try_now() noexcept {
        return system_call([&] { return ::read(file().number(), into_.data(), into_.size()); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_READ;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(into_.data());
        entry.len = length_in_a_call(into_.size());
        entry.off = ~std::uint64_t{0}; // where the file stands
    }
    std::size_t value_of(int got) const noexcept { return static_cast<std::size_t>(got); }

private:
    std::span<std::byte> const into_;
};

// Returns: result<size_t>, 0 at the end.  Needs: a descriptor that does not block.  Errors: those of read(2).
// Cancel: nothing was read; or the read has won and gives its bytes.
inline operation<read_op, fd_ref, std::span<std::byte>> read(fd_ref file, std::span<std::byte> into) noexcept {
    return operation<read_op, fd_ref, std::span<std::byte>>{file, into};
}

} // namespace weir::io
