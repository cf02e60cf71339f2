// weir/channel/unbounded_channel.hpp: a queue without a bound between tasks: sending never waits, receiving does.
// Order:    FIFO for the values sent through one `sender`, or by one thread; none between those. A task that moves
//           between workers keeps its order only through a `sender` of its own.
// Progress: a send is two atomic operations and a push that is lock-free but for the allocation of blocks; where a
//           receiver waits, a spin lock is added. A receiver that was promised a value spins while the queue, busy with
//           others' pops, does not show it.
// Not:      a source of back-pressure: it grows as long as there is memory. Use channel.hpp where senders can wait.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/result.hpp>
#include <weir/channel/deferred_wait.hpp>
#include <weir/channel/guarded_wait.hpp>
#include <weir/channel/unbounded_tally.hpp>
#include <weir/coro/operation.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/queue/unbounded.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// How nobody sleeps while something is there. A queue's `try_pop` may miss a value that lies in it, and its size is only
// a hint; so neither is asked. The tally counts in one word what was pushed completely, and the two sides settle on it:
//
//     send                                        recv, under the lock
//       push the value                              tally: nothing is ready  ->  awaited
//       tally: one more is ready, was it awaited?   link the waiter
//       awaited: take the lock, promise it to the
//                first who waits
//
// Both middle lines are read-modify-writes of one word, so one comes first: either the receiver finds the value counted,
// or the sender finds it awaited, and then the lock makes it wait for the link.
//
// Threads: any, for every function.  Needs: no call is under way, and every wait has ended, when it is destroyed.
// Queue:   as weir::unbounded; what was pushed completely comes out to as many pops, if each is tried often enough.
template <class T, class Queue = unbounded<T>>
class unbounded_channel : immovable {
    class receiver;
    class recv_attempt;
    class recv_many_attempt;
    using recv_wait = detail::deferred_wait<recv_attempt, receiver>;
    using recv_many_wait = detail::deferred_wait<recv_many_attempt, receiver>;

public:
    using value_type = T;
    class sender;

    unbounded_channel() = default;
    // Values that were not received are destroyed.
    ~unbounded_channel() { WEIR_ASSERT(receivers_.empty(), "a channel died while coroutines wait for it"); }

    // False when the channel is closed, or memory is out; and then `value` is untouched. Resumes nobody inside the call.
    [[nodiscard]] bool send(T&& value) noexcept { return send_by(queue_, std::move(value)); }

    // Returns: result<T>.  Errors: errc::closed once the channel is closed and everything sent was received.
    // Cancel:  leaves the queue of receivers; a value that was promised in the instant of the stop is given.
    operation<recv_wait, unbounded_channel&> recv() noexcept { return operation<recv_wait, unbounded_channel&>{*this}; }
    // Waits for at least one value, then assigns as many as there are to the front of `out`.
    // Returns: result<std::size_t>, how many.  Errors, Cancel: as recv.  Needs: `out` is not empty.
    operation<recv_many_wait, unbounded_channel&, std::span<T>> recv_many(std::span<T> out) noexcept
        requires std::is_nothrow_move_assignable_v<T>
    {
        WEIR_ASSERT(!out.empty(), "no value was asked for");
        return operation<recv_many_wait, unbounded_channel&, std::span<T>>{*this, out};
    }
    // Nothing when there is no value, or others wait for it.
    std::optional<T> try_recv() noexcept;

    // From now on no send begins; receivers are told once all that was sent is received. Resumes nobody inside the call.
    void close() noexcept;

    // Hints while others use it.
    bool closed() const noexcept { return tally_.now().closed(); }
    std::size_t size() const noexcept { return tally_.now().ready(); }

private:
    template <class Lane>
    bool send_by(Lane& lane, T&& value) noexcept;
    T take() noexcept;
    void take(std::span<T> out) noexcept;
    void look_after_receivers() noexcept;
    // Gives what is ready to those who wait, and an end to whom nothing can come.  Needs: the lock.
    void serve(wake_list& woken) noexcept;

    // N1: a receiver is linked only while the tally says awaited, which changes under lock_ only.
    // N2: a receiver waits only while nothing is ready and not all has ended, or while who changed that is on its way
    //     to the lock.
    // N3: for each promise there is a value in the queue that nobody else was promised; so `take` ends.
    Queue queue_;
    detail::unbounded_tally tally_;
    spin_lock lock_;
    intrusive_list<waiter> receivers_;
};

// A lane of one's own: its values keep their order, and a send through it costs less.
// Needs:   the channel outlives it.  Threads: one at a time.  Errors: the constructor: as unbounded<T>::producer.
template <class T, class Queue>
class unbounded_channel<T, Queue>::sender : immovable {
public:
    explicit sender(unbounded_channel& to) : to_{to}, lane_{to.queue_} {}
    // As in the channel.
    [[nodiscard]] bool send(T&& value) noexcept { return to_.send_by(lane_, std::move(value)); }

private:
    unbounded_channel& to_;
    typename Queue::producer lane_;
};

// Waits for up to `most` values.
template <class T, class Queue>
class unbounded_channel<T, Queue>::receiver : public detail::guarded_wait<receiver> {
    using base = detail::guarded_wait<receiver>;

public:
    receiver(unbounded_channel& of, std::size_t most) noexcept : base{of.lock_, of.receivers_}, of_{of}, most_{most} {}

    // How many values the caller must take now; or the reason of a stop, or errc::closed.
    result<std::size_t> await_resume() noexcept {
        auto const waited = this->finish();
        if (promised_ > 0) return promised_;
        if (!waited) return waited.error();
        return errc::closed;
    }

private:
    friend unbounded_channel;
    friend base;
    bool settle(wake_list& woken) noexcept {
        of_.serve(woken); // who came earlier has the first claim
        for (;;) {
            auto const now = of_.tally_.await(); // keeps N1
            if (now.awaited()) return false; // keeps N2: who makes something ready now comes for the lock
            promised_ = of_.tally_.claim(most_); // may lose what was ready to a claim without the lock
            if (promised_ > 0 || now.ended()) return true;
        }
    }

    unbounded_channel& of_;
    std::size_t const most_;
    std::size_t promised_ = 0;
};

template <class T, class Queue>
class unbounded_channel<T, Queue>::recv_attempt {
public:
    explicit recv_attempt(unbounded_channel& from) noexcept : from_{from} {}
    bool attempt() noexcept { return from_.tally_.claim(1) > 0; }
    void prepare(std::optional<receiver>& wait) noexcept { wait.emplace(from_, std::size_t{1}); }
    result<T> conclude() noexcept { return from_.take(); }
    result<T> conclude(receiver& wait) noexcept {
        auto const promised = wait.await_resume();
        if (!promised) return promised.error();
        return from_.take();
    }

private:
    unbounded_channel& from_;
};

template <class T, class Queue>
class unbounded_channel<T, Queue>::recv_many_attempt {
public:
    recv_many_attempt(unbounded_channel& from, std::span<T> out) noexcept : from_{from}, out_{out} {}
    bool attempt() noexcept { return (promised_ = from_.tally_.claim(out_.size())) > 0; }
    void prepare(std::optional<receiver>& wait) noexcept { wait.emplace(from_, out_.size()); }
    result<std::size_t> conclude() noexcept {
        from_.take(out_.first(promised_));
        return promised_;
    }
    result<std::size_t> conclude(receiver& wait) noexcept {
        auto const promised = wait.await_resume();
        if (!promised) return promised.error();
        promised_ = *promised + from_.tally_.claim(out_.size() - *promised); // and what has come since
        return conclude();
    }

private:
    unbounded_channel& from_;
    std::span<T> const out_;
    std::size_t promised_ = 0;
};

template <class T, class Queue>
template <class Lane>
bool unbounded_channel<T, Queue>::send_by(Lane& lane, T&& value) noexcept {
    if (!tally_.begin_send()) return false;
    bool const pushed = lane.try_push(std::move(value));
    if (tally_.end_send(pushed).calls()) look_after_receivers(); // keeps N2
    return pushed;
}

template <class T, class Queue>
std::optional<T> unbounded_channel<T, Queue>::try_recv() noexcept {
    if (tally_.claim(1) == 0) return std::nullopt;
    return take();
}

template <class T, class Queue>
void unbounded_channel<T, Queue>::close() noexcept {
    if (tally_.close().calls()) look_after_receivers(); // keeps N2
}

template <class T, class Queue>
T unbounded_channel<T, Queue>::take() noexcept {
    for (backoff wait;; wait())
        if (auto value = queue_.try_pop()) return *std::move(value); // by N3
}

template <class T, class Queue>
void unbounded_channel<T, Queue>::take(std::span<T> out) noexcept {
    for (backoff wait; !out.empty();) {
        auto const count = queue_.try_pop_n(out);
        out = out.subspan(count);
        if (count == 0) wait();
    }
}

template <class T, class Queue>
void unbounded_channel<T, Queue>::look_after_receivers() noexcept {
    wake_list woken;
    {
        spin_guard const locked{lock_};
        serve(woken);
    }
    woken.wake_all();
}

template <class T, class Queue>
void unbounded_channel<T, Queue>::serve(wake_list& woken) noexcept {
    auto now = tally_.look();
    if (!now.awaited()) return;
    while (now.calls()) {
        auto* const one = static_cast<receiver*>(receivers_.pop_front());
        if (!one) break;
        if (!one->claim()) continue; // T7: a stop has it; the value goes to the next
        if (now.ready() > 0) {
            one->promised_ = 1; // keeps N3
            now = tally_.promise(1);
        }
        woken.add(*one);
    }
    if (receivers_.empty()) tally_.nobody_waits(); // keeps N1
}

} // namespace weir
