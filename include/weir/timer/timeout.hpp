// weir/timer/timeout.hpp: an awaitable that is stopped when its time is over.
//     auto bytes = co_await timeout(stream.read(), 30s);
#pragma once

#include <weir/coro/concepts.hpp>
#include <weir/coro/task.hpp>
#include <weir/timer/sleep.hpp>

#include <utility>

namespace weir::inline v0 {

namespace detail {

// Stops a source at a time, unless it dies before. Its destructor waits for a stop that is under way on another thread.
class stop_timer : timer, immovable {
public:
    stop_timer(timer_wheel& wheel, time_point at, stop_source& source) noexcept
        : timer{&claim, &fired}, wheel_{wheel}, source_{source} {
        wheel_.insert(*this, at);
    }
    ~stop_timer() {
        if (wheel_.cancel(*this)) return;
        backoff wait;
        while (phase_.load(acquire) != phase::fired) wait(); // [fired] the wheel has claimed it
    }

private:
    static bool claim(timer& self) noexcept {
        static_cast<void>(self);
        return true;
    }
    static void fired(timer& self) noexcept {
        auto& stopper = static_cast<stop_timer&>(self);
        stopper.source_.request_stop(errc::timed_out);
        stopper.phase_.store(phase::fired, release); // [fired]
        // ---- the frame may be gone
    }

    enum class phase : unsigned char { armed, fired };
    timer_wheel& wheel_;
    stop_source& source_;
    atomic<phase> phase_{phase::armed};
};

} // namespace detail

// Awaits `awaited`, and asks it to stop at `at`.
// Returns: exactly what `awaited` gives. A wait of the library that is ended this way gives errc::timed_out; what had
//          completed by then keeps its value, although the time was over: the operation wins over the timer.
// Cancel:  is passed on to `awaited`.  Cost: a frame, a timer, and a link to the stop above.
template <awaitable A>
auto deadline(A awaited, time_point at) -> task<await_result_t<A>> {
    context const& above = co_await this_task();
    linked_stop_source source{above.stop};
    context const narrower = above.with_stop(source.token()).with_deadline(at);
    if (at <= clock::now()) source.request_stop(errc::timed_out);
    detail::stop_timer const stopper{this_wheel(), at, source};
    co_await use_context(narrower);
    co_return co_await std::move(awaited);
}

// The same with a length of time from the moment it is awaited.
template <awaitable A>
auto timeout(A awaited, duration length) -> task<await_result_t<A>> {
    time_point const now = clock::now();
    time_point const at = length < no_deadline - now ? now + length : no_deadline;
    co_return co_await deadline<A>(std::move(awaited), at);
}

} // namespace weir
