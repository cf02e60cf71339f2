// weir/io/signals.hpp: signals of the process as values to be awaited.
#pragma once

#include <weir/io/op/read.hpp>

#include <csignal>
#include <initializer_list>
#include <span>
#include <sys/signalfd.h>

namespace weir::inline v0::io {

// Holds the named signals back from their default action, and hands them out one by one.
// Needs: to be made before other threads are, which inherit that; so before a runtime starts.
class signal_set {
public:
    explicit signal_set(std::initializer_list<int> numbers) noexcept {
        ::sigemptyset(&mask_);
        for (int const number : numbers) ::sigaddset(&mask_, number);
        ::pthread_sigmask(SIG_BLOCK, &mask_, nullptr);
        file_ = fd{::signalfd(-1, &mask_, SFD_CLOEXEC | SFD_NONBLOCK)};
    }

    // Lets the signals have their default action again, on the calling thread.
    void give_back() const noexcept { ::pthread_sigmask(SIG_UNBLOCK, &mask_, nullptr); }

    // Returns: result<int>, the number of the next signal.  Cancel: a signal that came stays for the next call.
    auto next() noexcept;

private:
    class next_op;
    sigset_t mask_;
    fd file_;
};

class signal_set::next_op : public op_awaiter<next_op, int> {
public:
    explicit next_op(fd_ref file) noexcept : op_awaiter{file} {}

    static constexpr readiness ready_when = readiness::readable;
    attempt try_now() noexcept {
        return system_call([&] { return ::read(file().number(), &news_, sizeof news_); });
    }
    void prepare_entry(io_uring_sqe& entry) noexcept {
        entry.opcode = IORING_OP_READ;
        entry.fd = file().number();
        entry.addr = reinterpret_cast<std::uint64_t>(&news_);
        entry.len = sizeof news_;
    }
    int value_of(int) const noexcept { return static_cast<int>(news_.ssi_signo); }

private:
    signalfd_siginfo news_{};
};

inline auto signal_set::next() noexcept { return operation<next_op, fd_ref>{file_.ref()}; }

} // namespace weir::io
