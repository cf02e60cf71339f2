// weir/io/stream_core.hpp: what outlives an accept_stream or a recv_stream until the kernel lets go: things that the
// kernel gives one after the other, ahead of who takes them.
// For:      authors of primitives.
//
// What the takers see lies in a stream_backlog, which keeps A1 and A2. What is asked of the kernel is decided by the home
// driver's thread alone (`drive`), which others call by mail.
// A3: once begun, an operation is armed or a call to `drive` is under way, unless the backlog wants nothing.
// A4: the core lives as long as the stream, an armed operation or mail holds it.
#pragma once

#include <weir/io/op.hpp>
#include <weir/io/stream_backlog.hpp>
#include <weir/io/stream_counts.hpp>
#include <weir/io/stream_taker.hpp>
#include <weir/io/uring_abi.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace weir::inline v0::io {

template <class Item>
class stream_core : public op {
public:
    using taker = stream_taker<Item>;

    // 0, and the first of the backlog; or the reason why none will come; or -EAGAIN.
    int try_take(Item& into) noexcept;
    // The same under the lock that decides whether `one` waits. True: it does.
    bool take_or_wait(taker& one) noexcept;
    void abandon(waiter& one) noexcept { backlog_.abandon(one); }
    void close() noexcept {
        if (backlog_.close()) call_home();
    }
    stream_counts counts() noexcept { return backlog_.counts(); }
    void drop() noexcept {
        if (holds_.fetch_sub(1, acq_rel) == 1) delete this; // [hold] the last one sees all that others did
    }

protected:
    stream_core(actions const& with, fd_ref file, std::size_t bound) noexcept
        : op{with, file}, backlog_{bound}, mail_{this} {}
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
    void end_with(int reason) noexcept { backlog_.end_with(reason); }
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

    // The first call binds it to the driver of who takes.
    auto begins_here() noexcept {
        return [this] { belongs_to(*current<driver>()); };
    }
    void call_back() noexcept;
    void call_home() noexcept {
        if (current<driver>() == &home()) drive();
        else write_home();
    }
    void write_home() noexcept;
    void mail_arrived() noexcept;

    // On the home driver's thread.
    // A5: between a cancel and its entry nothing is armed, or that would be what is cancelled.
    void drive() noexcept;
    void arm() noexcept;
    bool heard(int result) noexcept;
    void hand_out(Item item) noexcept {
        if (!backlog_.hand_out(std::move(item))) lost_one();
    }

    atomic<unsigned> holds_{1}; // the stream's
    stream_backlog<Item> backlog_;
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
int stream_core<Item>::try_take(Item& into) noexcept {
    bool must_drive = false;
    int const outcome = backlog_.take(into, must_drive, begins_here());
    if (must_drive) call_home(); // keeps A3
    return outcome;
}

template <class Item>
bool stream_core<Item>::take_or_wait(taker& one) noexcept {
    bool must_drive = false;
    if (backlog_.take_or_wait(one, must_drive, begins_here())) return true;
    // ---- only one that does not wait
    if (must_drive) call_home(); // keeps A3
    return false;
}

template <class Item>
void stream_core<Item>::write_home() noexcept {
    if (!backlog_.sends_letter()) return;
    hold(); // keeps A4
    home().post(mail_);
}

template <class Item>
void stream_core<Item>::mail_arrived() noexcept {
    backlog_.letter_arrived();
    drive();
    drop();
    // ---- the core may be gone
}

template <class Item>
void stream_core<Item>::drive() noexcept {
    bool const wanted = backlog_.is_wanted();
    if (!armed_) {
        if (wanted && !calling_back_) arm(); // keeps A5
    } else if (!wanted) {
        call_back();
    }
    if (!wanted && backlog_.is_over()) let_go();
}

template <class Item>
void stream_core<Item>::call_back() noexcept {
    if (std::exchange(called_back_, true)) return; // once it has come back, it is seen what is wanted then
    calling_back_ = true;
    home().cancel(*this); // may make room for its entry by completions, ours among them
    calling_back_ = false;
    if (!armed_ && backlog_.is_wanted()) arm();
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
    } while (backlog_.is_wanted());
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
bool stream_core<Item>::goes_on_later(int error) noexcept {
    if (called_back_ || !backlog_.note_postponed()) return true;
    return postpone(error);
}

} // namespace weir::io
