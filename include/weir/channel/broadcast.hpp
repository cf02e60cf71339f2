// weir/channel/broadcast.hpp: every receiver sees every value; who is too slow is told how many it has missed.
// Order:    FIFO, the same for all receivers.
// Progress: a send takes a spin lock and wakes who waits; it never waits itself, the oldest value makes room.
// Memory:   a value is kept until a later one takes its slot, though all have seen it.
// Not:      a queue that shares work out (channel.hpp), nor for who wants the latest value only (watch.hpp).
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/result.hpp>
#include <weir/base/slot.hpp>
#include <weir/channel/guarded_wait.hpp>
#include <weir/coro/operation.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// T is copied for each receiver, under a lock: `bytes` or a std::shared_ptr where a copy would cost much or could throw.
// Threads: any, for every function.
template <class T>
class broadcast : immovable {
    static_assert(std::is_nothrow_copy_constructible_v<T> && std::is_nothrow_move_constructible_v<T> &&
                      std::is_nothrow_destructible_v<T>,
                  "a value is copied under a lock and must not throw; hold it by std::shared_ptr<T const>");

    class recv_wait;

public:
    using value_type = T;
    class receiver;

    // The last `capacity` values are kept, rounded up to a power of two.  Needs: capacity >= 1.  Cost: one allocation.
    explicit broadcast(std::size_t capacity)
        : mask_{std::bit_ceil(capacity) - 1}, slots_{new slot<T>[mask_ + 1]} {
        WEIR_ASSERT(capacity >= 1, "a broadcast without room was asked for");
    }
    // Needs: no receiver is left.
    ~broadcast();

    // A receiver of what is sent from now on.
    receiver subscribe() noexcept;

    // Returns: how many receivers there are to see it; with none it is dropped.  Resumes nobody inside the call.
    // Needs:   not closed.
    std::size_t send(T value) noexcept;
    // From now on nothing is sent; receivers get what is left, then errc::closed. Resumes nobody inside the call.
    void close() noexcept;

    // A hint while others use it.
    std::size_t receivers() const noexcept { return receivers_.load(relaxed); }
    std::size_t capacity() const noexcept { return mask_ + 1; }

private:
    // What a receiver finds at its position.
    enum class found : unsigned char { nothing, value, gap, end };

    // The rest needs the lock.
    std::uint64_t oldest() const noexcept { return sent_ > mask_ ? sent_ - mask_ - 1 : 0; }
    T& at(std::uint64_t number) noexcept { return slots_[number & mask_].value(); }
    found read(receiver& by, std::optional<T>& into) noexcept;

    // Values are numbered from 0 in the order of their sending; number n lies in the slot n & mask_.
    // R1: the values [oldest(), sent_) are alive, and no others.
    // R2: a receiver waits only at position sent_, and while not closed.
    // R3: a receiver's position never goes back; what it skips is counted in its `missed`.
    // All but the first two are guarded by lock_. receivers_ is also read without it, as a hint; hence relaxed.
    std::size_t const mask_;
    std::unique_ptr<slot<T>[]> const slots_;
    spin_lock lock_;
    bool closed_ = false;
    std::uint64_t sent_ = 0;
    atomic<std::size_t> receivers_{0};
    intrusive_list<waiter> waiting_;
};

// One who listens.  Needs: the broadcast outlives it.  Threads: one at a time.
template <class T>
class [[nodiscard]] broadcast<T>::receiver {
public:
    receiver() = default;
    receiver(receiver&& other) noexcept
        : of_{std::exchange(other.of_, nullptr)}, position_{other.position_}, missed_{other.missed_} {}
    receiver& operator=(receiver&& other) noexcept {
        receiver gone{std::move(*this)};
        of_ = std::exchange(other.of_, nullptr);
        position_ = other.position_;
        missed_ = other.missed_;
        return *this;
    }
    ~receiver() {
        if (!of_) return;
        spin_guard const locked{of_->lock_};
        of_->receivers_.store(of_->receivers_.load(relaxed) - 1, relaxed); // under the lock
    }

    // Returns: result<T>, a copy of the next value.
    // Errors:  errc::overloaded, once, when values were overwritten before it came to them: `missed` says how many, and
    //          the next recv goes on with the oldest that is left. errc::closed after the last value.
    // Cancel:  nothing has happened: the next recv gives what this one would have.
    // Needs:   one wait at a time; the receiver stays where it is meanwhile.
    operation<recv_wait, receiver&> recv() noexcept { return operation<recv_wait, receiver&>{*this}; }
    // Nothing when there is nothing new. Values that were overwritten are skipped and counted in `missed`.
    std::optional<T> try_recv() noexcept;

    // How many values were skipped in all.
    std::uint64_t missed() const noexcept { return missed_; }

private:
    friend broadcast;
    receiver(broadcast& of, std::uint64_t position) noexcept : of_{&of}, position_{position} {}

    broadcast* of_ = nullptr;
    std::uint64_t position_ = 0; // of the next value to see
    std::uint64_t missed_ = 0;
};

template <class T>
class broadcast<T>::recv_wait : public detail::guarded_wait<recv_wait> {
    using base = detail::guarded_wait<recv_wait>;

public:
    explicit recv_wait(receiver& by) noexcept : base{by.of_->lock_, by.of_->waiting_}, by_{by} {}
    result<T> await_resume() noexcept {
        auto const waited = this->finish();
        if (!waited) return waited.error();
        if (found_ == found::nothing) { // was woken: there is a value, or more than the ring holds, or the end
            spin_guard const locked{by_.of_->lock_};
            found_ = by_.of_->read(by_, value_);
        }
        if (found_ == found::value) return *std::move(value_);
        return found_ == found::gap ? errc::overloaded : errc::closed;
    }

private:
    friend base;
    bool settle(wake_list&) noexcept {
        found_ = by_.of_->read(by_, value_);
        return found_ != found::nothing; // keeps R2
    }

    receiver& by_;
    found found_ = found::nothing;
    std::optional<T> value_;
};

template <class T>
broadcast<T>::~broadcast() {
    WEIR_ASSERT(receivers_.load(relaxed) == 0, "a broadcast died before its receivers");
    for (std::uint64_t number = oldest(); number != sent_; ++number) slots_[number & mask_].destroy(); // R1
}

template <class T>
auto broadcast<T>::subscribe() noexcept -> receiver {
    spin_guard const locked{lock_};
    receivers_.store(receivers_.load(relaxed) + 1, relaxed); // under the lock
    return receiver{*this, sent_};
}

template <class T>
std::size_t broadcast<T>::send(T value) noexcept {
    wake_list woken;
    std::optional<T> overwritten; // ends after the lock
    std::size_t listeners = 0;
    {
        spin_guard const locked{lock_};
        WEIR_ASSERT(!closed_, "a value was sent to a closed broadcast");
        listeners = receivers_.load(relaxed);
        if (listeners == 0) return 0;
        slot<T>& place = slots_[sent_ & mask_];
        if (sent_ > mask_) overwritten.emplace(place.take()); // keeps R1
        place.construct(std::move(value));
        ++sent_;
        detail::claim_all(waiting_, woken); // keeps R2
    }
    woken.wake_all();
    return listeners;
}

template <class T>
void broadcast<T>::close() noexcept {
    wake_list woken;
    {
        spin_guard const locked{lock_};
        closed_ = true;
        detail::claim_all(waiting_, woken); // keeps R2
    }
    woken.wake_all();
}

template <class T>
auto broadcast<T>::read(receiver& by, std::optional<T>& into) noexcept -> found {
    if (by.position_ < oldest()) {
        by.missed_ += oldest() - by.position_; // keeps R3
        by.position_ = oldest();
        return found::gap;
    }
    if (by.position_ == sent_) return closed_ ? found::end : found::nothing;
    into.emplace(std::as_const(at(by.position_++)));
    return found::value;
}

template <class T>
std::optional<T> broadcast<T>::receiver::try_recv() noexcept {
    WEIR_ASSERT(of_, "a receiver of nothing was asked");
    std::optional<T> value;
    spin_guard const locked{of_->lock_};
    if (of_->read(*this, value) == found::gap) static_cast<void>(of_->read(*this, value)); // what is left is a value
    return value;
}

} // namespace weir
