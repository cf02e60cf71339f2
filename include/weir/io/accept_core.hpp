// weir/io/accept_core.hpp: what those who take connections and the kernel share of an accept_stream.
// For:      authors of primitives.
//
// What is shared lies behind a lock; what is asked of the kernel is decided by the home driver's thread alone (`drive`),
// which others call by mail. All lies in a core that outlives the stream until the kernel lets go.
// A1: an accepted connection is in exactly one place: with a waiter that was claimed for it, in the backlog, or closed
//     and counted as returned.
// A2: who waits has seen an empty backlog under the lock, and what comes goes to who waits first.
// A3: once begun, an accept is armed or a call to `drive` is under way, unless paused_, failed_ or closed_.
// A4: the core lives as long as the stream, an armed accept or mail holds it.
#pragma once

#include <weir/base/intrusive.hpp>
#include <weir/coro/waiter.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/io/accept_errors.hpp>
#include <weir/io/fd.hpp>
#include <weir/io/op.hpp>
#include <weir/io/uring_abi.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace weir::io {

class accept_counts {
public:
    std::uint64_t taken = 0;    // given to a taker
    std::uint64_t returned = 0; // accepted and closed, because nobody could take them any more
    std::uint64_t postponed = 0; // times at which there was no descriptor or memory
    std::size_t waiting = 0;    // accepted and not taken so far
};

class accept_core;

// One who waits for a connection, in the frame of its coroutine.
class accept_taker : public waiter {
public:
    explicit accept_taker(accept_core& of) noexcept : waiter{&is_stopped}, of_{of} {}

    static constexpr int closed = -4096; // no errno
    int number = -EAGAIN; // what it gets: a descriptor, or a negated errno, or closed

private:
    static void is_stopped(waiter& self) noexcept;
    accept_core& of_;
};

class accept_core final : public op {
public:
    accept_core(fd_ref listener, std::size_t bound) noexcept : op{table, listener}, bound_{bound}, mail_{this} {}

    // The first of the backlog, or the reason why none will come, negated; or -EAGAIN.
    int try_take() noexcept;
    // The same under the lock that decides whether `one` waits. True: it does.
    bool take_or_wait(accept_taker& one) noexcept;
    void abandon(waiter& one) noexcept {
        spin_guard const locked{lock_};
        if (one.linked()) one.unlink();
    }
    void close() noexcept;
    accept_counts counts() noexcept;
    void drop() noexcept {
        if (holds_.fetch_sub(1, acq_rel) == 1) delete this; // [hold] the last one sees all that others did
    }

private:
    class mail : public job {
    public:
        explicit mail(accept_core* of) noexcept
            : job{[](job& self) noexcept { static_cast<mail&>(self).of_->mail_arrived(); }}, of_{of} {}

    private:
        accept_core* of_;
    };

    ~accept_core() = default;
    void hold() noexcept { holds_.fetch_add(1, relaxed); } // who adds one has one
    int take_locked(bool& must_drive) noexcept;
    void call_home() noexcept;
    void mail_arrived() noexcept;

    // On the home driver's thread.
    void drive() noexcept;
    void arm() noexcept;
    bool hears(int result, std::uint32_t flags) noexcept;
    bool heard(int result) noexcept;
    void hand_out(int number) noexcept;
    bool goes_on_after(int error) noexcept;
    void fail(int error) noexcept;
    void wake_all(intrusive_fifo<job>& claimed) noexcept {
        while (job* const one = claimed.pop_front()) static_cast<waiter*>(one)->wake();
    }

    attempt try_now() noexcept {
        return system_call([&] { return ::accept4(file().number(), nullptr, nullptr, SOCK_CLOEXEC); });
    }
    void prepare_entry(io_uring_sqe& entry) const noexcept {
        entry.opcode = IORING_OP_ACCEPT;
        entry.fd = file().number();
        entry.accept_flags = SOCK_CLOEXEC;
        if (many_) entry.ioprio = IORING_ACCEPT_MULTISHOT;
    }
    static actions const table;

    // An error of one connection, so many times in a row, is one of the listener's surroundings: a filter, for instance.
    static constexpr unsigned errors_in_a_row = 64;

    std::size_t const bound_;
    atomic<unsigned> holds_{1}; // the stream's
    spin_lock lock_;
    // Behind the lock.
    std::vector<int> backlog_; // from first_ on
    std::size_t first_ = 0;
    intrusive_list<waiter> waiters_;
    accept_counts counts_;
    int failed_ = 0; // errno
    bool begun_ = false;
    bool paused_ = false;
    bool closed_ = false;
    bool mailed_ = false;
    // The home driver's own.
    bool armed_ = false;
    bool called_back_ = false;
    bool many_ = false;
    bool many_tried_ = false; // since then it is known whether the kernel accepts many
    bool inside_ = false;     // of submit
    bool heard_inside_ = false;
    int result_inside_ = 0;
    unsigned errors_ = 0; // in a row
    mail mail_;
};

constinit inline op::actions const accept_core::table{
    [](op& self) noexcept { return static_cast<accept_core&>(self).try_now(); },
    [](op& self, io_uring_sqe& entry) noexcept { static_cast<accept_core&>(self).prepare_entry(entry); },
    readiness::readable,
    [](op& self, int& result, std::uint32_t flags) noexcept {
        return static_cast<accept_core&>(self).hears(result, flags);
    }};

inline void accept_taker::is_stopped(waiter& self) noexcept { static_cast<accept_taker&>(self).of_.abandon(self); }

inline int accept_core::take_locked(bool& must_drive) noexcept {
    if (closed_) return accept_taker::closed;
    if (first_ == backlog_.size()) {
        if (failed_) return -failed_;
        if (!begun_) {
            begun_ = must_drive = true;
            belongs_to(*current<driver>());
        }
        return -EAGAIN;
    }
    int const number = backlog_[first_++];
    ++counts_.taken;
    if (first_ == backlog_.size()) {
        backlog_.clear();
        first_ = 0;
    }
    if (paused_ && backlog_.size() - first_ <= bound_ / 2) {
        paused_ = false;
        must_drive = true;
    }
    return number;
}

inline int accept_core::try_take() noexcept {
    bool must_drive = false;
    int number;
    {
        spin_guard const locked{lock_};
        number = take_locked(must_drive);
    }
    if (must_drive) call_home(); // keeps A3
    return number;
}

inline bool accept_core::take_or_wait(accept_taker& one) noexcept {
    bool must_drive = false;
    {
        spin_guard const locked{lock_};
        one.number = take_locked(must_drive);
        if (one.number == -EAGAIN) {
            // An empty backlog is not paused, and `try_take` has begun: nothing is left to be driven.
            if (!one.publish()) return false;
            waiters_.push_back(one); // keeps A2
            return true;
        }
        one.complete_unpublished();
    }
    if (must_drive) call_home(); // keeps A3
    return false;
}

inline accept_counts accept_core::counts() noexcept {
    spin_guard const locked{lock_};
    accept_counts now = counts_;
    now.waiting = backlog_.size() - first_;
    return now;
}

inline void accept_core::close() noexcept {
    intrusive_fifo<job> claimed;
    std::vector<int> untaken;
    std::size_t first;
    {
        spin_guard const locked{lock_};
        if (std::exchange(closed_, true)) return;
        untaken.swap(backlog_);
        first = std::exchange(first_, 0);
        counts_.returned += untaken.size() - first; // keeps A1
        while (waiter* const one = waiters_.pop_front()) {
            if (!one->claim()) continue;
            static_cast<accept_taker*>(one)->number = accept_taker::closed;
            claimed.push_back(*one);
        }
        if (!begun_) return;
    }
    for (; first < untaken.size(); ++first) ::close(untaken[first]);
    wake_all(claimed);
    call_home();
}

inline void accept_core::call_home() noexcept {
    if (current<driver>() == &home()) return drive();
    {
        spin_guard const locked{lock_};
        if (std::exchange(mailed_, true)) return; // it has not looked yet
        hold(); // keeps A4
    }
    home().post(mail_);
}

inline void accept_core::mail_arrived() noexcept {
    {
        spin_guard const locked{lock_};
        mailed_ = false;
    }
    drive();
    drop();
    // ---- the core may be gone
}

inline void accept_core::drive() noexcept {
    bool wanted;
    {
        spin_guard const locked{lock_};
        wanted = !closed_ && !paused_ && !failed_;
    }
    if (!armed_) {
        if (wanted) arm();
    } else if (!wanted && !std::exchange(called_back_, true)) {
        home().cancel(*this); // once it has come back, it is seen what is wanted then
    }
}

inline void accept_core::arm() noexcept {
    if (!std::exchange(many_tried_, true)) many_ = home().accepts_many();
    for (bool wanted = true; wanted;) {
        armed_ = true;
        hold(); // keeps A4
        called_back_ = heard_inside_ = false;
        inside_ = true;
        auto at_once = home().submit(*this);
        inside_ = false;
        if (heard_inside_) at_once = result_inside_; // epoll gives it that way when many were had at once
        if (!at_once) return;
        if (!heard(*at_once)) return; // postponed
        armed_ = false;
        drop(); // who called has one
        spin_guard const locked{lock_};
        wanted = !closed_ && !paused_ && !failed_;
    }
}

inline bool accept_core::hears(int result, std::uint32_t flags) noexcept {
    if (inside_) {
        heard_inside_ = true;
        result_inside_ = result;
    } else if (flags & IORING_CQE_F_MORE) {
        hand_out(result);
        drive(); // it may be paused now
    } else if (heard(result)) {
        armed_ = false;
        drive();
        drop(); // what arm has added
        // ---- the core may be gone
    }
    return false; // no coroutine waits for it
}

// False when it was postponed, and so is armed still.
inline bool accept_core::heard(int result) noexcept {
    if (result >= 0) {
        hand_out(result);
        return true;
    }
    return goes_on_after(-result);
}

inline void accept_core::hand_out(int number) noexcept {
    errors_ = 0;
    waiter* taker = nullptr;
    bool kept = false;
    {
        spin_guard const locked{lock_};
        while (!taker && !waiters_.empty()) {
            taker = waiters_.pop_front();
            if (!taker->claim()) taker = nullptr; // its stop was faster
        }
        if (taker) {
            ++counts_.taken;
            static_cast<accept_taker*>(taker)->number = number;
        } else if (!closed_) {
            WEIR_TRY {
                backlog_.push_back(number);
                kept = true;
            }
            WEIR_CATCH_ALL {}
            if (backlog_.size() - first_ >= bound_) paused_ = true;
        }
        counts_.returned += !taker && !kept; // keeps A1
    }
    if (taker) taker->wake();
    else if (!kept) ::close(number);
}

inline bool accept_core::goes_on_after(int error) noexcept {
    if (error == ECANCELED && called_back_) return true;
    if (error == EINVAL && many_) { // a kernel without it says so, and so does a socket that does not listen
        many_ = false;
        return true;
    }
    if (concerns_resources(error) || (concerns_one_connection(error) && ++errors_ >= errors_in_a_row)) {
        errors_ = 0;
        {
            spin_guard const locked{lock_};
            if (closed_) return true;
            ++counts_.postponed;
        }
        return postpone(error);
    }
    if (!concerns_one_connection(error)) fail(error);
    return true;
}

inline void accept_core::fail(int error) noexcept {
    intrusive_fifo<job> claimed;
    {
        spin_guard const locked{lock_};
        failed_ = error;
        while (waiter* const one = waiters_.pop_front()) {
            if (!one->claim()) continue;
            static_cast<accept_taker*>(one)->number = -error;
            claimed.push_back(*one);
        }
    }
    wake_all(claimed);
}

} // namespace weir::io
