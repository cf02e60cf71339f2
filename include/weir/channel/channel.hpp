// weir/channel/channel.hpp: a bounded FIFO between tasks: a full one makes senders wait, an empty one receivers.
// Order:    FIFO for values, for those who wait for room, and for those who wait for a value.
// Progress: every call holds a spin lock for a few instructions, and a move of T for each value that changes hands.
// Not:      for plain threads (queue/blocking_queue.hpp), nor for values that all receivers shall see (broadcast.hpp), nor
//           without a bound (unbounded_channel.hpp).
#pragma once

#include <weir/base/assert.hpp>
#include <weir/channel/channel_core.hpp>
#include <weir/channel/channel_waits.hpp>
#include <weir/channel/deferred_wait.hpp>
#include <weir/channel/place.hpp>
#include <weir/coro/operation.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// Needs:   of T: a move, and the end of what a move has left, neither throw nor touch this channel.
// Threads: any, for every function, any number of senders and receivers.
template <class T>
class channel : immovable {
    using core = detail::channel_core<T>;
    using send_wait = detail::deferred_wait<detail::send_attempt<T>, detail::room_wait<T>>;
    using reserve_wait = detail::deferred_wait<detail::reserve_attempt<T>, detail::room_wait<T>>;
    using recv_wait = detail::deferred_wait<detail::recv_attempt<T>, detail::value_wait<T>>;
    using recv_many_wait = detail::deferred_wait<detail::recv_many_attempt<T>, detail::value_wait<T>>;

public:
    using value_type = T;
    using place = channel_place<T>;

    // Room for just `capacity` values.  Needs: capacity >= 1.  Cost: one allocation.
    explicit channel(std::size_t capacity) : core_{capacity} {}
    // Values that were not received are destroyed.
    // Needs: every wait has ended and no place is held. Who was given the last value, or woken by the close, may destroy
    //        the channel although the call that did it has not returned.
    ~channel() = default;

    // Returns: result<void>.  Errors: errc::closed when the channel is closed before there was room; then the value ends.
    // Cancel:  the value is dropped, and its place in the queue goes to the next; who wants to keep it uses `reserve`. A
    //          value that was taken over in the instant of the stop is sent, and then the result says so.
    operation<send_wait, core&, T> send(T value) noexcept {
        return operation<send_wait, core&, T>{core_, std::move(value)};
    }
    // Waits for room and holds it for one value, to be sent later without a wait and without a failure.
    // Returns: result<place>.  Errors: errc::closed as above.
    // Cancel:  leaves the queue, and holds nothing; a place that was handed over in the instant of the stop is given, and
    //          then the result has it.
    operation<reserve_wait, core&> reserve() noexcept { return operation<reserve_wait, core&>{core_}; }
    // False when there is no room or the channel is closed; and then `value` is untouched. Overtakes nobody.
    bool try_send(T&& value) noexcept { return core_.try_send(std::move(value)); }
    // An empty place in the same cases.
    place try_reserve() noexcept { return core_.try_reserve() ? place{core_} : place{}; }

    // Returns: result<T>.  Errors: errc::closed once the channel is closed and everything sent was received.
    // Cancel:  leaves the queue; a value is never taken from the channel and dropped: what was handed over in the instant
    //          of the stop is given, and then the result has it.
    operation<recv_wait, core&> recv() noexcept { return operation<recv_wait, core&>{core_}; }
    // Waits for at least one value, then takes as many as there are, those of waiting senders included. They are assigned
    // to the front of `out`.
    // Returns: result<std::size_t>, how many.  Errors: as recv.
    // Needs:   `out` is not empty; what it holds may end under a lock.
    // Cancel:  as recv.  Cost: one lock when there are values, one more after a wait when others have come meanwhile.
    operation<recv_many_wait, core&, std::span<T>> recv_many(std::span<T> out) noexcept
        requires std::is_nothrow_move_assignable_v<T>
    {
        WEIR_ASSERT(!out.empty(), "no value was asked for");
        return operation<recv_many_wait, core&, std::span<T>>{core_, out};
    }
    // Nothing when there is no value.
    std::optional<T> try_recv() noexcept {
        std::optional<T> value;
        core_.try_recv(value);
        return value;
    }

    // From now on nothing is sent but through places that are held. Everybody who waits for room is woken, and receivers
    // once the last value, and the last place, is gone. Resumes nobody inside the call.
    void close() noexcept { core_.close(); }

    // Hints while others use it.
    bool closed() const noexcept { return core_.closed(); }
    std::size_t size() const noexcept { return core_.size(); }
    std::size_t capacity() const noexcept { return core_.capacity(); }

private:
    core core_;
};

} // namespace weir
