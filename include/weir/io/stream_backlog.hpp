// weir/io/stream_backlog.hpp: what the takers and the kernel's side of a stream share, behind one lock: what has come and
// was not taken, and who waits for more.
// For:      authors of primitives: stream_core.hpp, which asks the kernel.
//
// A1: a thing that came is in exactly one place: with a taker that was claimed for it, in the backlog, or let go and
//     counted as returned.
// A2: who waits has seen an empty backlog under the lock, and what comes goes to who waits first.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/intrusive.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/waiter.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/io/op.hpp>
#include <weir/io/stream_counts.hpp>
#include <weir/io/stream_taker.hpp>

#include <cerrno>
#include <cstddef>
#include <utility>
#include <vector>

namespace weir::inline v0::io {

template <class Item>
class stream_backlog : immovable {
public:
    using taker = stream_taker<Item>;

    // Pauses with so many, until half of them are left.
    explicit stream_backlog(std::size_t bound) noexcept : bound_{bound ? bound : 1} {}

    // The takers' side.
    // 0, and the first that has come; or the reason why none will come; or -EAGAIN. Calls `begin` under the lock when it
    // finds nothing for the first time. `must_drive` is set where the kernel's side is to be called afterwards.
    template <class Begin>
    int take(Item& into, bool& must_drive, Begin begin) noexcept {
        spin_guard const locked{lock_};
        return take_locked(into, must_drive, begin);
    }
    // The same under the lock that decides whether `one` waits. True: it does.
    template <class Begin>
    bool take_or_wait(taker& one, bool& must_drive, Begin begin) noexcept;
    void abandon(waiter& one) noexcept {
        spin_guard const locked{lock_};
        if (one.linked()) one.unlink();
    }
    // True when the kernel's side is to be called afterwards.
    bool close() noexcept;
    stream_counts counts() noexcept;

    // The kernel's side.
    // False when there was no memory to keep it, and it was let go.
    bool hand_out(Item item) noexcept;
    // No more will come, for that reason.
    void end_with(int reason) noexcept;
    // False when it was closed; else it is counted that something is postponed.
    bool note_postponed() noexcept {
        spin_guard const locked{lock_};
        counts_.postponed += !closed_;
        return !closed_;
    }
    bool is_over() noexcept {
        spin_guard const locked{lock_};
        return closed_ || reason_;
    }
    bool is_wanted() noexcept {
        spin_guard const locked{lock_};
        return !closed_ && !paused_ && !reason_;
    }
    // A letter to the kernel's side. False when one is under way, which has not looked yet.
    bool sends_letter() noexcept {
        spin_guard const locked{lock_};
        return !std::exchange(letter_, true);
    }
    void letter_arrived() noexcept {
        spin_guard const locked{lock_};
        letter_ = false;
    }

private:
    template <class Begin>
    int take_locked(Item& into, bool& must_drive, Begin& begin) noexcept;
    void claim_all(int outcome, intrusive_fifo<job>& claimed) noexcept;
    static void wake_all(intrusive_fifo<job>& claimed) noexcept {
        while (job* const one = claimed.pop_front()) static_cast<waiter*>(one)->wake();
    }

    std::size_t const bound_;
    spin_lock lock_;
    // Behind the lock.
    std::vector<Item> things_; // from first_ on
    std::size_t first_ = 0;
    intrusive_list<waiter> waiters_;
    stream_counts counts_;
    int reason_ = 0; // why no more will come
    bool begun_ = false;
    bool paused_ = false;
    bool closed_ = false;
    bool letter_ = false;
};

template <class Item>
template <class Begin>
int stream_backlog<Item>::take_locked(Item& into, bool& must_drive, Begin& begin) noexcept {
    if (closed_) return own_reason(errc::closed);
    if (first_ == things_.size()) {
        if (reason_) return reason_;
        if (!begun_) {
            begun_ = must_drive = true;
            begin();
        }
        return -EAGAIN;
    }
    into = std::move(things_[first_++]);
    ++counts_.taken;
    if (first_ == things_.size()) {
        things_.clear();
        first_ = 0;
    }
    if (paused_ && things_.size() - first_ <= bound_ / 2) {
        paused_ = false;
        must_drive = true;
    }
    return 0;
}

template <class Item>
template <class Begin>
bool stream_backlog<Item>::take_or_wait(taker& one, bool& must_drive, Begin begin) noexcept {
    spin_guard const locked{lock_};
    one.outcome = take_locked(one.item, must_drive, begin);
    if (one.outcome == -EAGAIN) {
        // An empty backlog is not paused, and `take` has begun: nothing is left to be driven.
        if (!one.publish()) return false;
        waiters_.push_back(one); // keeps A2
        return true;
    }
    one.complete_unpublished();
    return false;
}

template <class Item>
stream_counts stream_backlog<Item>::counts() noexcept {
    spin_guard const locked{lock_};
    stream_counts now = counts_;
    now.waiting = things_.size() - first_;
    return now;
}

// Under the lock; who was claimed is woken without it.
template <class Item>
void stream_backlog<Item>::claim_all(int outcome, intrusive_fifo<job>& claimed) noexcept {
    while (waiter* const one = waiters_.pop_front()) {
        if (!one->claim()) continue; // its stop was faster
        static_cast<taker*>(one)->outcome = outcome;
        claimed.push_back(*one);
    }
}

template <class Item>
bool stream_backlog<Item>::close() noexcept {
    intrusive_fifo<job> claimed;
    std::vector<Item> untaken; // let go of without the lock
    bool begun;
    {
        spin_guard const locked{lock_};
        if (std::exchange(closed_, true)) return false;
        counts_.returned += things_.size() - std::exchange(first_, 0); // keeps A1
        untaken.swap(things_);
        claim_all(own_reason(errc::closed), claimed);
        begun = begun_;
    }
    wake_all(claimed);
    return begun;
}

template <class Item>
void stream_backlog<Item>::end_with(int reason) noexcept {
    intrusive_fifo<job> claimed;
    {
        spin_guard const locked{lock_};
        reason_ = reason;
        claim_all(reason, claimed); // who waits has seen an empty backlog: it has no more to come
    }
    wake_all(claimed);
}

template <class Item>
bool stream_backlog<Item>::hand_out(Item item) noexcept {
    taker* to = nullptr;
    bool kept = false;
    bool lost = false;
    {
        spin_guard const locked{lock_};
        while (!to && !waiters_.empty()) {
            to = static_cast<taker*>(waiters_.pop_front());
            if (!to->claim()) to = nullptr; // its stop was faster
        }
        if (to) {
            ++counts_.taken;
            to->item = std::move(item);
            to->outcome = 0;
        } else if (!closed_ && !reason_) {
            WEIR_TRY {
                things_.push_back(std::move(item));
                kept = true;
            }
            WEIR_CATCH_ALL { lost = true; }
            if (things_.size() - first_ >= bound_) paused_ = true;
        }
        counts_.returned += !to && !kept; // keeps A1
    }
    if (to) to->wake();
    return !lost;
}

} // namespace weir::io
