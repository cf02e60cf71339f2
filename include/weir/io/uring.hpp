// weir/io/uring.hpp: the driver on io_uring.
// Entries gather while coroutines run and go to the kernel with the next wait, many in one system call.
// An operation that meets EAGAIN, on a descriptor that does not block, is polled for and handed over again. What the
// kernel cannot do by itself is polled for and then tried, as on epoll; so it may lack any operation but the poll.
#pragma once

#include <weir/io/blocking_op.hpp>
#include <weir/io/driver.hpp>
#include <weir/io/op.hpp>
#include <weir/io/recv_ring.hpp>
#include <weir/io/ring.hpp>
#include <weir/io/socket_hints.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/eventfd.h>
#include <vector>

namespace weir::inline v0::io {

class uring_driver final : public driver {
public:
    // Null, with the reason in `why`, where the kernel refuses.  Threads: the one that will use it.
    static std::unique_ptr<uring_driver> open(unsigned entries, std::string& why, kernel_features allowed = {});
    ~uring_driver() override { retire(); }

    backend kind() const noexcept override { return backend::io_uring; }
    // Also calls back what is in flight.
    void retire() noexcept override;
    std::optional<int> submit(op& one) noexcept override;
    void cancel(op& one) noexcept override;
    recv_ring* blocks_of(buffer_pool& pool) noexcept override;
    bool accepts_many() const noexcept override { return features_.has(kernel_feature::multishot_accept); }
    bool receives_many() const noexcept override { return features_.has(kernel_feature::multishot_recv); }

    bool sends_without_copy(fd_ref socket) const noexcept override {
        return features_.has_operation(IORING_OP_SEND_ZC) && !sockets_.copies(socket);
    }

    // What it uses of the kernel's.
    kernel_features features() const noexcept { return features_; }

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
    // op::backend_state: where it is, and what else is known of it.
    static constexpr unsigned char started = 0;
    static constexpr unsigned char polling = 1;
    static constexpr unsigned char cancelled = 2;
    static constexpr unsigned char tried_here = 4; // the kernel tells of readiness only
    static constexpr unsigned char elsewhere = 8;  // with the blocking executor
    static constexpr unsigned char receives = 16;  // by IORING_OP_RECV

    // A message that the kernel itself tries again goes out empty or cut, as it goes on where the try that failed had read
    // to (seen with Linux 6.18, Unix datagrams). So a send does not wait there unless it is known to be a stream's, which
    // is asked when one has met EAGAIN for the first time: whose sends find room pay nothing.
    static bool sends(std::uint8_t opcode) noexcept {
        return opcode == IORING_OP_SEND || opcode == IORING_OP_SENDMSG;
    }
    static std::uint64_t tag(op const& one) noexcept { return reinterpret_cast<std::uintptr_t>(&one); }
    io_uring_sqe& entry() noexcept;
    std::optional<int> start(op& one) noexcept;
    std::optional<int> start_without(op& one, io_uring_sqe& into) noexcept;
    void start_again(op& one) noexcept;
    void poll_for(op& one) noexcept;
    void fill_poll(op& one, io_uring_sqe& into) noexcept;
    void completed(io_uring_cqe const& completion) noexcept;
    void poll_ended(op& one, int result) noexcept;
    void finish(op& one, int result, std::uint32_t flags = 0) noexcept {
        --in_flight_;
        one.complete(result, flags);
    }
    void listen_for_wakes() noexcept;
    void heard_wake() noexcept;
    void flush() noexcept;
    void drain() noexcept;

    ring ring_;
    kernel_features features_;
    fd wake_file_;
    std::uint64_t wake_count_ = 0; // the kernel's until the wake-up's completion
    bool listening_ = false;
    bool retired_ = false;
    std::size_t in_flight_ = 0; // operations with the kernel
    std::vector<std::unique_ptr<recv_ring>> recv_rings_; // by group; few, as pools are
    socket_hints sockets_;
};

inline std::unique_ptr<uring_driver> uring_driver::open(unsigned entries, std::string& why, kernel_features allowed) {
    std::unique_ptr<uring_driver> made{new uring_driver};
    made->retired_ = true; // nothing to give up so far
    if (!made->ring_.open(entries, why, allowed)) return nullptr;
    made->wake_file_ = fd{::eventfd(0, EFD_CLOEXEC)};
    if (!made->wake_file_) {
        why = std::string{"eventfd: "} + std::strerror(errno);
        return nullptr;
    }
    made->features_ = made->ring_.features();
    made->retired_ = false;
    return made;
}

inline void uring_driver::retire() noexcept {
    if (std::exchange(retired_, true)) return;
    wait_until(time_point::min()); // mail may be the last word of who is gone
    drain();
    recv_rings_.clear();
}

// Nothing of ours may be with the kernel when the memory goes: closing a ring calls its entries back only some time later.
inline void uring_driver::drain() noexcept {
    if (in_flight_ > 0) {
        io_uring_sqe& into = entry();
        into.opcode = IORING_OP_ASYNC_CANCEL;
        into.fd = -1;
        into.cancel_flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL; // Linux 5.19
        into.user_data = nobody;
    }
    if (listening_) interrupt();
    auto const patience = clock::now() + std::chrono::seconds{5};
    while ((listening_ || in_flight_ > 0) && clock::now() < patience) {
        ring_.enter(patience);
        ring_.for_each_completion([this](io_uring_cqe const& completion) { completed(completion); });
    }
    if (listening_ || in_flight_ > 0) WEIR_FATAL("io_uring did not give back the buffers of what was in flight");
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

inline std::optional<int> uring_driver::start(op& one) noexcept {
    io_uring_sqe& into = entry();
    one.prepare(into);
    if (!features_.has_operation(into.opcode)) return start_without(one, into);
    into.user_data = tag(one);
    one.backend_state = static_cast<unsigned char>((one.backend_state & cancelled) | started);
    if (into.opcode == IORING_OP_RECV) {
        one.backend_state |= receives;
        if (sockets_.drained(one.file())) into.ioprio |= IORING_RECVSEND_POLL_FIRST; // the try would find nothing
    }
    if (sends(into.opcode) && !sockets_.streams(one.file())) into.msg_flags |= MSG_DONTWAIT;
    return std::nullopt;
}

// The entry is taken, so something must go in.
inline std::optional<int> uring_driver::start_without(op& one, io_uring_sqe& into) noexcept {
    std::memset(&into, 0, sizeof into);
    if (one.waits_for() == readiness::readable || one.waits_for() == readiness::writable) {
        one.backend_state = static_cast<unsigned char>((one.backend_state & cancelled) | tried_here);
        fill_poll(one, into);
        return std::nullopt;
    }
    into.opcode = IORING_OP_NOP;
    into.user_data = nobody;
    --in_flight_;
    if (one.waits_for() == readiness::never_waits) return one.try_once().result;
    one.backend_state = elsewhere;
    return static_cast<blocking_op&>(one).start_elsewhere();
}

// After a wait for readiness.
inline void uring_driver::start_again(op& one) noexcept {
    if (!(one.backend_state & tried_here)) {
        if (auto const at_once = start(one)) one.complete(*at_once);
        return;
    }
    int const result = one.try_once().result;
    if (result == -EAGAIN) poll_for(one);
    else finish(one, result);
}

inline void uring_driver::fill_poll(op& one, io_uring_sqe& into) noexcept {
    into.opcode = IORING_OP_POLL_ADD;
    into.fd = one.file().number();
    into.poll32_events = one.waits_for() == readiness::readable ? POLLIN : POLLOUT;
    into.user_data = tag(one) | polled;
    one.backend_state = static_cast<unsigned char>((one.backend_state & (cancelled | tried_here)) | polling);
}

inline void uring_driver::poll_for(op& one) noexcept { fill_poll(one, entry()); }

inline std::optional<int> uring_driver::submit(op& one) noexcept {
    one.backend_state = started;
    ++in_flight_;
    return start(one);
}

inline void uring_driver::cancel(op& one) noexcept {
    if (one.backend_state & elsewhere) return static_cast<blocking_op&>(one).call_back();
    if (one.linked()) { // postponed: the kernel has nothing of it
        one.unlink();
        return one.complete(-ECANCELED);
    }
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
    if (completion.user_data == wake_up) return heard_wake();
    op& one = *reinterpret_cast<op*>(completion.user_data & ~polled);
    if (completion.user_data & polled) return poll_ended(one, completion.res);
    if ((one.backend_state & receives) && completion.res > 0 && features_.has(kernel_feature::poll_first))
        sockets_.note_drained(one.file(), !(completion.flags & IORING_CQE_F_SOCK_NONEMPTY));
    if ((completion.flags & IORING_CQE_F_NOTIF) && (static_cast<unsigned>(completion.res) & IORING_NOTIF_USAGE_ZC_COPIED))
        sockets_.note_copy(one.file());
    if (completion.flags & IORING_CQE_F_MORE) return one.complete(completion.res, completion.flags);
    bool const was_cancelled = one.backend_state & cancelled;
    if (completion.res == -EAGAIN && !was_cancelled) {
        if (one.waits_for() == readiness::writable) sockets_.learn_kind(one.file());
        return poll_for(one);
    }
    if (completion.res == -EINTR && !was_cancelled) return start_again(one);
    finish(one, completion.res == -EINTR || completion.res == -EAGAIN ? -ECANCELED : completion.res, completion.flags);
}

inline void uring_driver::poll_ended(op& one, int result) noexcept {
    if (result >= 0 && !(one.backend_state & cancelled)) return start_again(one);
    finish(one, result < 0 ? result : -ECANCELED);
}

inline recv_ring* uring_driver::blocks_of(buffer_pool& pool) noexcept {
    if (!features_.has(kernel_feature::provided_buffers) || !features_.has_operation(IORING_OP_RECV)) return nullptr;
    for (auto const& each : recv_rings_)
        if (&each->pool() == &pool) return each.get();
    WEIR_TRY {
        auto const group = static_cast<std::uint16_t>(recv_rings_.size());
        auto made = std::make_unique<recv_ring>(ring_.file(), group, pool);
        if (!made->error()) return recv_rings_.emplace_back(std::move(made)).get();
        features_ = features_.without(kernel_feature::provided_buffers); // a kernel that has none is asked once
    }
    WEIR_CATCH_ALL {} // without memory for a ring, receives poll
    return nullptr;
}

inline void uring_driver::listen_for_wakes() noexcept {
    io_uring_sqe& into = entry();
    into.fd = wake_file_.number();
    into.user_data = wake_up;
    if (features_.has_operation(IORING_OP_READ)) {
        into.opcode = IORING_OP_READ;
        into.addr = reinterpret_cast<std::uint64_t>(&wake_count_);
        into.len = sizeof wake_count_;
    } else {
        into.opcode = IORING_OP_POLL_ADD;
        into.poll32_events = POLLIN;
    }
    listening_ = true;
}

inline void uring_driver::heard_wake() noexcept {
    listening_ = false;
    if (!features_.has_operation(IORING_OP_READ))
        [[maybe_unused]] auto const got = ::read(wake_file_.number(), &wake_count_, sizeof wake_count_);
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
