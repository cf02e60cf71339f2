// weir/io/op/close.hpp: closes a descriptor, in the background where the kernel can.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <unistd.h>

namespace weir::inline v0::io {

class close_op : public op_awaiter<close_op, void> {
public:
    explicit close_op(fd_ref file) noexcept : op_awaiter{file} {}

    static constexpr readiness ready_when = readiness::never_waits;
    attempt try_now() noexcept {
        int const closed = ::close(file().number());
        return closed < 0 && errno != EINTR ? -errno : 0; // interrupted, it is closed all the same
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_CLOSE;
        entry.fd = file().number();
    }
};

// A close that owns the descriptor until the kernel has it.
class owning_close : public close_op {
public:
    explicit owning_close(fd file) noexcept : close_op{file.ref()}, owned_{std::move(file)} {}
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
        owned_.release(); // to the operation, which nothing stops
        return close_op::await_suspend(handle);
    }

private:
    fd owned_;
};

// Returns: result<void>; the descriptor is gone in every case.  Needs: no operation on it in flight.
// Cancel: has no effect; a close is short, and must happen.
inline operation<owning_close, fd> close(fd file) noexcept { return operation<owning_close, fd>{std::move(file)}; }

} // namespace weir::io
