// weir/io/blocking_op.hpp: an operation whose system call may stop its thread: a file's data, a path that is walked.
// io_uring carries it out by itself. For epoll, to which every file is ready, the thread's blocking executor makes the
// call; on a thread that has none it is made in place, and everything else on that thread waits for it.
// For:      authors of primitives.
//
// The errand is with one party at a time: with the executor from `offer` until its call has returned, then in the
// driver's mail, then on the driver's thread, which completes the operation. So it needs neither a lock nor a word of
// its own.
// E1: a stop takes the errand back before it has begun, and completes the operation then; or it waits for the call, which
//     owns the buffers and which nothing hurries.
#pragma once

#include <weir/io/blocking_executor.hpp>
#include <weir/io/op.hpp>

#include <optional>

namespace weir::inline v0::io {

class blocking_op : public op {
public:
    // For a driver whose kernel does not do it, in `submit`.
    // Returns: nothing, and the operation completes through the driver's mail; or what it brought, done in place or
    //          refused by the executor (errc::overloaded, errc::shut_down).
    std::optional<int> start_elsewhere() noexcept;
    // The same driver's `cancel`.
    void call_back() noexcept {
        if (executor_->withdraw(errand_)) complete(-ECANCELED); // keeps E1
        // ---- the frame may be gone
    }

protected:
    blocking_op(actions const& with, fd_ref file) noexcept : op{with, file}, errand_{this} {}
    ~blocking_op() = default;

private:
    class errand : public job {
    public:
        explicit errand(blocking_op* of) noexcept : job{&carry_out}, of_{of} {}

    private:
        static void carry_out(job& self) noexcept; // on a thread of the executor
        static void deliver(job& self) noexcept;   // on the driver's
        blocking_op* of_;
        int outcome_ = 0;
    };

    errand errand_;
    blocking_executor* executor_ = nullptr;
};

inline std::optional<int> blocking_op::start_elsewhere() noexcept {
    executor_ = current<blocking_executor>();
    if (!executor_) return try_once().result;
    std::error_code const refused = executor_->offer(errand_);
    // ---- only the driver's thread completes, so the frame is still there
    if (!refused) return std::nullopt;
    return refused.category() == category() ? own_reason(static_cast<errc>(refused.value())) : -refused.value();
}

inline void blocking_op::errand::carry_out(job& self) noexcept {
    auto& one = static_cast<errand&>(self);
    driver& home = one.of_->home();
    one.outcome_ = one.of_->try_once().result;
    one.run_with(&deliver);
    home.post(one); // its queue hands over what was written above
    // ---- the frame may be gone
}

inline void blocking_op::errand::deliver(job& self) noexcept {
    auto& one = static_cast<errand&>(self);
    one.of_->complete(one.outcome_);
    // ---- the frame may be gone
}

} // namespace weir::io
