// weir/channel/channel_core.hpp: the state of a bounded channel: a ring of values, and who waits on either side of it.
// A value for a receiver who waits goes straight to it, and room for a sender who waits is used for it at once; both in
// the critical section that made them, so nobody overtakes who waits.
// For:      authors of primitives; the contract is in channel.hpp.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/slot.hpp>
#include <weir/channel/guarded_wait.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace weir::inline v0::detail {

template <class T>
class channel_core : immovable {
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                  "a value whose move throws would be lost between two tasks");

public:
    // Who waits for room.
    class sender : public waiter {
    public:
        // Sends `*value`, or else reserves.
        sender(abandon_function abandon, T* value) noexcept : waiter{abandon}, value_{value} {}
        bool refused() const noexcept { return refused_; } // the channel is closed

    private:
        friend channel_core;
        T* const value_;
        bool refused_ = false;
    };
    // Who waits for a value.
    class receiver : public waiter {
    public:
        using waiter::waiter;
        std::optional<T> value; // given before it is woken; nothing when there will be none
    };

    explicit channel_core(std::size_t capacity) : capacity_{capacity}, slots_{new slot<T>[capacity]} {
        WEIR_ASSERT(capacity >= 1, "a channel without room was asked for");
    }
    ~channel_core();

    bool closed() const noexcept { return closed_.load(relaxed); } // a hint without the lock
    std::size_t size() const noexcept { return count_.load(relaxed); } // the same
    std::size_t capacity() const noexcept { return capacity_; }

    // These take the lock.
    bool try_send(T&& value) noexcept;
    bool try_reserve() noexcept;
    bool try_recv(std::optional<T>& into) noexcept; // into an empty one
    std::size_t try_recv(std::span<T> out) noexcept;
    void close() noexcept;
    // Ends the holding of a place, with a value for it or without.
    void use_place(T&& value) noexcept;
    void drop_place() noexcept;

    // These need it. False, and nothing is changed, when the caller has to wait.
    bool enter(sender& who, wake_list& woken) noexcept;
    bool receive(receiver& who, wake_list& woken) noexcept;
    spin_lock& lock() noexcept { return lock_; }
    intrusive_list<sender>& senders() noexcept { return senders_; }
    intrusive_list<receiver>& receivers() noexcept { return receivers_; }

private:
    // These need the lock.
    bool has_room() const noexcept { return count_.load(relaxed) + reserved_ < capacity_; }
    bool ended() const noexcept { return closed_.load(relaxed) && reserved_ == 0 && count_.load(relaxed) == 0; }
    // Fills room: with the value of `who`, or as a place.
    void admit(sender& who, wake_list& woken) noexcept;
    // Hands a value to the first receiver who waits, else puts it into the ring.
    void deliver(T&& value, wake_list& woken) noexcept;
    T take() noexcept;
    std::size_t take(std::span<T> out, wake_list& woken) noexcept;
    // After every change but an entry: gives room to those who wait for it, and an end to whom nothing can come.
    void settle_waits(wake_list& woken) noexcept;

    // C1: receivers wait only while the ring is empty; senders wait only while there is no room.
    // C2: the values in the ring and the places that are held are together at most capacity_.
    // C3: once the channel is closed, senders do not wait, and receivers only while a place is held.
    // C4: a waiter is claimed, and what it waits for given to it, in one critical section.
    // All but the first two are guarded by lock_. What observers read without it is written under it, hence relaxed.
    // Unlocking is the last touch: who has taken the lock since, or was woken since, may destroy the channel.
    std::size_t const capacity_;
    std::unique_ptr<slot<T>[]> const slots_;
    spin_lock lock_;
    atomic<bool> closed_{false};
    std::size_t head_ = 0;
    atomic<std::size_t> count_{0};
    std::size_t reserved_ = 0;
    intrusive_list<sender> senders_;
    intrusive_list<receiver> receivers_;
};

template <class T>
channel_core<T>::~channel_core() {
    WEIR_ASSERT(senders_.empty() && receivers_.empty(), "a channel died while coroutines wait for it");
    WEIR_ASSERT(reserved_ == 0, "a channel died while a place in it was held");
    while (count_.load(relaxed) > 0) static_cast<void>(take()); // who destroys has seen all calls end
}

template <class T>
bool channel_core<T>::try_send(T&& value) noexcept {
    wake_list woken;
    {
        spin_guard const locked{lock_};
        if (closed_.load(relaxed) || !has_room()) return false; // by C1 nobody who waits is overtaken
        deliver(std::move(value), woken);
    }
    // ---- the channel may be gone
    woken.wake_all();
    return true;
}

template <class T>
bool channel_core<T>::try_reserve() noexcept {
    spin_guard const locked{lock_};
    if (closed_.load(relaxed) || !has_room()) return false; // the same
    ++reserved_;
    return true;
}

template <class T>
bool channel_core<T>::try_recv(std::optional<T>& into) noexcept {
    if (count_.load(relaxed) == 0) return false; // what comes now may as well have come later
    wake_list woken;
    {
        spin_guard const locked{lock_};
        if (count_.load(relaxed) == 0) return false;
        into.emplace(take());
        settle_waits(woken);
    }
    woken.wake_all();
    return true;
}

template <class T>
std::size_t channel_core<T>::try_recv(std::span<T> out) noexcept {
    if (out.empty() || count_.load(relaxed) == 0) return 0; // the same
    wake_list woken;
    std::size_t taken = 0;
    {
        spin_guard const locked{lock_};
        taken = take(out, woken);
    }
    woken.wake_all();
    return taken;
}

template <class T>
void channel_core<T>::close() noexcept {
    wake_list woken;
    {
        spin_guard const locked{lock_};
        closed_.store(true, relaxed);
        while (sender* const one = senders_.pop_front()) { // keeps C3
            if (!one->claim()) continue; // a stop has it
            one->refused_ = true;
            woken.add(*one);
        }
        settle_waits(woken);
    }
    // ---- the channel may be gone
    woken.wake_all();
}

template <class T>
void channel_core<T>::use_place(T&& value) noexcept {
    wake_list woken;
    {
        spin_guard const locked{lock_};
        --reserved_;
        deliver(std::move(value), woken);
        settle_waits(woken); // a value that went straight to a receiver has left its room
    }
    // ---- the channel may be gone
    woken.wake_all();
}

template <class T>
void channel_core<T>::drop_place() noexcept {
    wake_list woken;
    {
        spin_guard const locked{lock_};
        --reserved_;
        settle_waits(woken);
    }
    // ---- the channel may be gone
    woken.wake_all();
}

template <class T>
bool channel_core<T>::enter(sender& who, wake_list& woken) noexcept {
    who.refused_ = closed_.load(relaxed);
    if (who.refused_) return true; // keeps C3
    if (!has_room()) return false;
    admit(who, woken);
    return true;
}

template <class T>
bool channel_core<T>::receive(receiver& who, wake_list& woken) noexcept {
    if (count_.load(relaxed) == 0) return ended(); // keeps C3
    who.value.emplace(take());
    settle_waits(woken);
    return true;
}

template <class T>
void channel_core<T>::admit(sender& who, wake_list& woken) noexcept {
    if (who.value_) deliver(std::move(*who.value_), woken);
    else ++reserved_;
}

template <class T>
void channel_core<T>::deliver(T&& value, wake_list& woken) noexcept {
    while (receiver* const one = receivers_.pop_front()) {
        if (!one->claim()) continue; // T7: a stop has it; the value goes to the next
        one->value.emplace(std::move(value)); // keeps C4
        woken.add(*one);
        return;
    }
    std::size_t const count = count_.load(relaxed);
    std::size_t const behind = capacity_ - head_; // a division would cost more than the rest
    slots_[count < behind ? head_ + count : count - behind].construct(std::move(value)); // keeps C1: nobody waits for it
    count_.store(count + 1, relaxed);
}

template <class T>
T channel_core<T>::take() noexcept {
    slot<T>& oldest = slots_[head_];
    head_ = head_ + 1 == capacity_ ? 0 : head_ + 1;
    count_.store(count_.load(relaxed) - 1, relaxed);
    return oldest.take();
}

template <class T>
std::size_t channel_core<T>::take(std::span<T> out, wake_list& woken) noexcept {
    std::size_t taken = 0;
    while (taken < out.size() && count_.load(relaxed) > 0) {
        do out[taken++] = take();
        while (taken < out.size() && count_.load(relaxed) > 0);
        settle_waits(woken); // may bring more
    }
    return taken;
}

template <class T>
void channel_core<T>::settle_waits(wake_list& woken) noexcept {
    while (has_room()) { // keeps C1
        sender* const one = senders_.pop_front();
        if (!one) break;
        if (!one->claim()) continue; // T7: a stop has it; the room goes to the next
        admit(*one, woken); // keeps C4
        woken.add(*one);
    }
    if (ended()) claim_all(receivers_, woken); // keeps C3
}

} // namespace weir::detail
