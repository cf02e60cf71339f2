// weir/io/stream_core.hpp: what the takers and the kernel share of an accept_stream or a recv_stream: things that the
// kernel gives one after the other, ahead of who takes them.
// For:      authors of primitives.
//
// What is shared lies behind a lock; what is asked of the kernel is decided by the home driver's thread alone (`drive`),
// which others call by mail. All lies in a core that outlives the stream until the kernel lets go.
// A1: a thing that came is in exactly one place: with a taker that was claimed for it, in the backlog, or let go and
//     counted as returned.
// A2: who waits has seen an empty backlog under the lock, and what comes goes to who waits first.
// A3: once begun, an operation is armed or a call to `drive` is under way, unless paused_, closed_ or reason_ is set.
// A4: the core lives as long as the stream, an armed operation or mail holds it.
#pragma once

#include <weir/base/intrusive.hpp>
#include <weir/cpu/spin_lock.hpp>
#include <weir/io/op.hpp>
#include <weir/io/stream_counts.hpp>
#include <weir/io/stream_taker.hpp>
#include <weir/io/uring_abi.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir::io {

template <class Item>
class stream_core : public op {
public:
    using taker = stream_taker<Item>;

    // 0, and the first of the backlog; or the reason why none will come; or -EAGAIN.
    int try_take(Item& into) noexcept;
    // The same under the lock that decides whether `one` waits. True: it does.
    bool take_or_wait(taker& one) noexcept;
    void abandon(waiter& one) noexcept {
        spin_guard const locked{lock_};
        if (one.linked()) one.unlink();
    }
    void close() noexcept;
    stream_counts counts() noexcept;
    void drop() noexcept {
        if (holds_.fetch_sub(1, acq_rel) == 1) delete this; // [hold] the last one sees all that others did
    }

protected:
    stream_core(actions const& with, fd_ref file, std::size_t bound) noexcept
        : op{with, file}, bound_{bound ? bound : 1}, mail_{this} {}
    virtual ~stream_core() = default;

    // On the home driver's thread.
    // Called once, before the first: whether the kernel is asked for many by one entry.
    virtual bool begins_with_many() noexcept = 0;
    // What a result is; called once for each that is no error.
    virtual Item item_of(int result) noexcept = 0;
    // False when it was postponed, and so is armed still.
    virtual bool goes_on_after(int error) noexcept = 0;
    // There was no memory for one in the backlog, and it was let go.
    virtual void lost_one() noexcept {}
    // No more is wanted, ever; may be called more than once.
    virtual void let_go() noexcept {}

    // For those.
    bool asks_for_many() const noexcept { return many_; }
    // From now on one is asked for after the other, and what is armed comes back first.
    void ask_one_by_one() noexcept {
        many_ = false;
        if (armed_) call_back();
    }
    void hold() noexcept { holds_.fetch_add(1, relaxed); } // who adds one has one
    // In a while; not when it was closed in between.
    bool goes_on_later(int error) noexcept;
    // No more will come, for that reason: a negated errno, or one of the library's own; own_reason(errc{}) is the end.
    void end_with(int reason) noexcept;
    // For the table. A result that is one of the library's own reasons ends it.
    bool hears(int result, std::uint32_t flags) noexcept;

private:
    class mail : public job {
    public:
        explicit mail(stream_core* of) noexcept
            : job{[](job& self) noexcept { static_cast<mail&>(self).of_->mail_arrived(); }}, of_{of} {}

    private:
        stream_core* of_;
    };

    int take_locked(Item& into, bool& must_drive) noexcept;
    bool is_over() noexcept {
        spin_guard const locked{lock_};
        return closed_ || reason_;
    }
    bool is_wanted() noexcept {
        spin_guard const locked{lock_};
        return !closed_ && !paused_ && !reason_;
    }
    void call_back() noexcept;
    void call_home() noexcept {
        if (current<driver>() == &home()) drive();
        else write_home();
    }
    void write_home() noexcept;
    void mail_arrived() noexcept;
    void claim_all(int outcome, intrusive_fifo<job>& claimed) noexcept;
    void wake_all(intrusive_fifo<job>& claimed) noexcept {
        while (job* const one = claimed.pop_front()) static_cast<waiter*>(one)->wake();
    }

    // On the home driver's thread.
    // A5: between a cancel and its entry nothing is armed, or that would be what is cancelled.
    void drive() noexcept;
    void arm() noexcept;
    bool heard(int result) noexcept;
    void hand_out(Item item) noexcept;

    std::size_t const bound_;
    atomic<unsigned> holds_{1}; // the stream's
    spin_lock lock_;
    // Behind the lock.
    std::vector<Item> backlog_; // from first_ on
    std::size_t first_ = 0;
    intrusive_list<waiter> waiters_;
    stream_counts counts_;
    int reason_ = 0; // why no more will come
    bool begun_ = false;
    bool paused_ = false;
    bool closed_ = false;
    bool mailed_ = false;
    // The home driver's own.
    bool armed_ = false;
    bool called_back_ = false;
    bool calling_back_ = false; // inside of cancel
    bool many_ = false;
    bool many_tried_ = false; // since then it is known whether the kernel gives many
    bool inside_ = false;     // of submit
    bool heard_inside_ = false;
    int result_inside_ = 0;
    mail mail_;
};

template <class Item>
int stream_core<Item>::take_locked(Item& into, bool& must_drive) noexcept {
    if (closed_) return own_reason(errc::closed);
    if (first_ == backlog_.size()) {
        if (reason_) return reason_;
        if (!begun_) {
            begun_ = must_drive = true;
            belongs_to(*current<driver>());
        }
        return -EAGAIN;
    }
    into = std::move(backlog_[first_++]);
    ++counts_.taken;
    if (first_ == backlog_.size()) {
        backlog_.clear();
        first_ = 0;
    }
    if (paused_ && backlog_.size() - first_ <= bound_ / 2) {
        paused_ = false;
        must_drive = true;
    }
    return 0;
}

template <class Item>
int stream_core<Item>::try_take(Item& into) noexcept {
    bool must_drive = false;
    int outcome;
    {
        spin_guard const locked{lock_};
        outcome = take_locked(into, must_drive);
    }
    if (must_drive) call_home(); // keeps A3
    return outcome;
}

template <class Item>
bool stream_core<Item>::take_or_wait(taker& one) noexcept {
    bool must_drive = false;
    {
        spin_guard const locked{lock_};
        one.outcome = take_locked(one.item, must_drive);
        if (one.outcome == -EAGAIN) {
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

template <class Item>
stream_counts stream_core<Item>::counts() noexcept {
    spin_guard const locked{lock_};
    stream_counts now = counts_;
    now.waiting = backlog_.size() - first_;
    return now;
}

// Under the lock; who was claimed is woken without it.
template <class Item>
void stream_core<Item>::claim_all(int outcome, intrusive_fifo<job>& claimed) noexcept {
    while (waiter* const one = waiters_.pop_front()) {
        if (!one->claim()) continue; // its stop was faster
        static_cast<taker*>(one)->outcome = outcome;
        claimed.push_back(*one);
    }
}

template <class Item>
void stream_core<Item>::close() noexcept {
    intrusive_fifo<job> claimed;
    std::vector<Item> untaken; // let go of without the lock
    bool begun;
    {
        spin_guard const locked{lock_};
        if (std::exchange(closed_, true)) return;
        counts_.returned += backlog_.size() - std::exchange(first_, 0); // keeps A1
        untaken.swap(backlog_);
        claim_all(own_reason(errc::closed), claimed);
        begun = begun_;
    }
    wake_all(claimed);
    if (begun) call_home();
}

template <class Item>
void stream_core<Item>::end_with(int reason) noexcept {
    intrusive_fifo<job> claimed;
    {
        spin_guard const locked{lock_};
        reason_ = reason;
        claim_all(reason, claimed); // who waits has seen an empty backlog: it has no more to come
    }
    wake_all(claimed);
}

template <class Item>
void stream_core<Item>::write_home() noexcept {
    {
        spin_guard const locked{lock_};
        if (std::exchange(mailed_, true)) return; // it has not looked yet
        hold(); // keeps A4
    }
    home().post(mail_);
}

template <class Item>
void stream_core<Item>::mail_arrived() noexcept {
    {
        spin_guard const locked{lock_};
        mailed_ = false;
    }
    drive();
    drop();
    // ---- the core may be gone
}

template <class Item>
void stream_core<Item>::drive() noexcept {
    bool const wanted = is_wanted();
    if (!armed_) {
        if (wanted && !calling_back_) arm(); // keeps A5
    } else if (!wanted) {
        call_back();
    }
    if (!wanted && is_over()) let_go();
}

template <class Item>
void stream_core<Item>::call_back() noexcept {
    if (std::exchange(called_back_, true)) return; // once it has come back, it is seen what is wanted then
    calling_back_ = true;
    home().cancel(*this); // may make room for its entry by completions, ours among them
    calling_back_ = false;
    if (!armed_ && is_wanted()) arm();
}

template <class Item>
void stream_core<Item>::arm() noexcept {
    if (!std::exchange(many_tried_, true)) many_ = begins_with_many();
    do {
        armed_ = true;
        hold(); // keeps A4
        called_back_ = heard_inside_ = false;
        inside_ = true;
        auto at_once = home().submit(*this);
        inside_ = false;
        if (heard_inside_) at_once = result_inside_; // so epoll says that it has given many at once
        if (!at_once) return;
        if (!heard(*at_once)) return; // postponed
        armed_ = false;
        drop(); // who called has one
        if (heard_inside_) return write_home(); // others have their turn first; keeps A3
    } while (is_wanted());
}

template <class Item>
bool stream_core<Item>::hears(int result, std::uint32_t flags) noexcept {
    if (inside_) {
        heard_inside_ = true;
        result_inside_ = result;
    } else if (flags & IORING_CQE_F_MORE) {
        hand_out(item_of(result));
        drive(); // it may be paused now
    } else if (heard(result)) { // also of many, whose end may come with one of them: it is armed anew
        armed_ = false;
        drive();
        drop(); // what arm has added
        // ---- the core may be gone
    }
    return false; // no coroutine waits for it
}

template <class Item>
bool stream_core<Item>::heard(int result) noexcept {
    if (result >= 0) hand_out(item_of(result));
    else if (result <= own_reason(errc{})) end_with(result);
    else if (result == -EINVAL && many_) many_ = false; // a kernel without it says so; another reason will be heard again
    else if (result != -ECANCELED || !called_back_) return goes_on_after(-result);
    return true;
}

template <class Item>
void stream_core<Item>::hand_out(Item item) noexcept {
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
                backlog_.push_back(std::move(item));
                kept = true;
            }
            WEIR_CATCH_ALL { lost = true; }
            if (backlog_.size() - first_ >= bound_) paused_ = true;
        }
        counts_.returned += !to && !kept; // keeps A1
    }
    if (to) to->wake();
    else if (lost) lost_one();
}

template <class Item>
bool stream_core<Item>::goes_on_later(int error) noexcept {
    {
        spin_guard const locked{lock_};
        if (closed_ || called_back_) return true;
        ++counts_.postponed;
    }
    return postpone(error);
}

} // namespace weir::io
