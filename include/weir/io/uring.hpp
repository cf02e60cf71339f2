// weir/io/uring.hpp: the driver on io_uring.
// Entries gather while coroutines run and go to the kernel with the next wait, many in one system call.
// An operation that meets EAGAIN, on a descriptor that does not block, is polled for and tried again.
#pragma once

#include <weir/io/driver.hpp>
#include <weir/io/op.hpp>
#include <weir/io/ring.hpp>

#include <cstdint>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/eventfd.h>

namespace weir::io {

class uring_driver final : public driver {
public:
    // Null, with the reason in `why`, where the kernel refuses.  Threads: the one that will use it.
    static std::unique_ptr<uring_driver> open(unsigned entries, std::string& why);
    ~uring_driver() override { retire(); }

    backend kind() const noexcept override { return backend::io_uring; }
    void retire() noexcept override;
    std::optional<int> submit(op& one) noexcept override;
    void cancel(op& one) noexcept override;

protected:
    void reap(time_point until) noexcept override;
    void interrupt() noexcept override;

private:
    uring_driver() = default;

    // What a completion's user_data holds: an operation's address, with bit 0 set for the poll that precedes its next try;
    // or one of these.
    static constexpr std::uint64_t nobody = 0; // a cancellation's own answer
    static constexpr std::uint64_t wake_up = 2;
    static constexpr std::uint64_t polled = 1;
    // op::backend_state
    static constexpr unsigned char started = 0;
    static constexpr unsigned char polling = 1;
    static constexpr unsigned char cancelled = 2; // added to either

    static std::uint64_t tag(op const& one) noexcept { return reinterpret_cast<std::uintptr_t>(&one); }
    io_uring_sqe& entry() noexcept;
    void start(op& one) noexcept;
    void poll_for(op& one) noexcept;
    void completed(io_uring_cqe const& completion) noexcept;
    void listen_for_wakes() noexcept;
    void flush() noexcept;

    ring ring_;
    fd wake_file_;
    std::uint64_t wake_count_ = 0; // the kernel's until the wake-up's completion
    bool listening_ = false;
};

inline std::unique_ptr<uring_driver> uring_driver::open(unsigned entries, std::string& why) {
    std::unique_ptr<uring_driver> made{new uring_driver};
    if (!made->ring_.open(entries, why)) return nullptr;
    made->wake_file_ = fd{::eventfd(0, EFD_CLOEXEC)};
    if (!made->wake_file_) {
        why = std::string{"eventfd: "} + std::strerror(errno);
        return nullptr;
    }
    return made;
}

// The wake-up's read is called back, because its buffer dies with us.
inline void uring_driver::retire() noexcept {
    if (!listening_) return;
    interrupt();
    auto const patience = clock::now() + std::chrono::seconds{5};
    while (listening_ && clock::now() < patience) {
        ring_.enter(patience);
        ring_.for_each_completion([&](io_uring_cqe const& completion) {
            if (completion.user_data == wake_up) listening_ = false;
        });
    }
    if (listening_) WEIR_FATAL("io_uring did not give back the buffer of its wake-up");
}

inline void uring_driver::flush() noexcept {
    int const error = ring_.enter(time_point::min());
    // EAGAIN and EBUSY: the kernel is short of memory, or wants its completions read first; both pass.
    if (error < 0 && error != -EAGAIN && error != -EBUSY) WEIR_FATAL("io_uring_enter failed for good");
}

inline io_uring_sqe& uring_driver::entry() noexcept {
    for (;;) {
        if (io_uring_sqe* const free = ring_.next_entry()) return *free;
        flush();
        // A kernel that is busy wants room for completions. They only queue jobs, so reading them here resumes nobody;
        // they may submit polls, and come back here, at a depth that the completions present bound.
        if (ring_.unsubmitted()) ring_.for_each_completion([this](io_uring_cqe const& c) { completed(c); });
    }
}

inline void uring_driver::start(op& one) noexcept {
    io_uring_sqe& into = entry();
    one.prepare(into);
    into.user_data = tag(one);
    one.backend_state = static_cast<unsigned char>((one.backend_state & cancelled) | started);
}

inline void uring_driver::poll_for(op& one) noexcept {
    io_uring_sqe& into = entry();
    into.opcode = IORING_OP_POLL_ADD;
    into.fd = one.file().number();
    into.poll32_events = one.waits_for() == readiness::readable ? POLLIN : POLLOUT;
    into.user_data = tag(one) | polled;
    one.backend_state = static_cast<unsigned char>((one.backend_state & cancelled) | polling);
}

inline std::optional<int> uring_driver::submit(op& one) noexcept {
    one.backend_state = started;
    start(one);
    return std::nullopt;
}

inline void uring_driver::cancel(op& one) noexcept {
    std::uint64_t const target = tag(one) | ((one.backend_state & polling) ? polled : 0);
    one.backend_state |= cancelled;
    io_uring_sqe& into = entry(); // may complete the operation, and then this asks for nobody
    into.opcode = IORING_OP_ASYNC_CANCEL;
    into.fd = -1;
    into.addr = target;
    into.user_data = nobody;
}

inline void uring_driver::completed(io_uring_cqe const& completion) noexcept {
    if (completion.user_data == nobody) return;
    if (completion.user_data == wake_up) {
        listening_ = false;
        return;
    }
    op& one = *reinterpret_cast<op*>(completion.user_data & ~polled);
    bool const was_cancelled = one.backend_state & cancelled;
    if (completion.user_data & polled) {
        if (completion.res >= 0 && !was_cancelled) return start(one);
        return one.complete(completion.res < 0 ? completion.res : -ECANCELED);
    }
    if (completion.res == -EAGAIN) return was_cancelled ? one.complete(-ECANCELED) : poll_for(one);
    if (completion.res == -EINTR && !was_cancelled) return start(one);
    one.complete(completion.res == -EINTR ? -ECANCELED : completion.res);
}

inline void uring_driver::listen_for_wakes() noexcept {
    io_uring_sqe& into = entry();
    into.opcode = IORING_OP_READ;
    into.fd = wake_file_.number();
    into.addr = reinterpret_cast<std::uint64_t>(&wake_count_);
    into.len = sizeof wake_count_;
    into.user_data = wake_up;
    listening_ = true;
}

inline void uring_driver::reap(time_point until) noexcept {
    if (until != time_point::min() && !listening_) listen_for_wakes();
    int const error = ring_.enter(until);
    if (error < 0 && error != -EAGAIN && error != -EBUSY) WEIR_FATAL("io_uring_enter failed for good");
    ring_.for_each_completion([this](io_uring_cqe const& completion) { completed(completion); });
}

inline void uring_driver::interrupt() noexcept {
    std::uint64_t const one = 1;
    // A full counter (EAGAIN) is as good: the reader is woken.
    [[maybe_unused]] auto const written = ::write(wake_file_.number(), &one, sizeof one);
}

} // namespace weir::io
