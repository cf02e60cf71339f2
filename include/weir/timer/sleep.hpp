// weir/timer/sleep.hpp: does nothing until a time has come.
#pragma once

#include <weir/coro/operation.hpp>
#include <weir/coro/waiter.hpp>
#include <weir/timer/wheel.hpp>

#include <chrono>
#include <coroutine>
#include <source_location>

namespace weir::inline v0 {

// The wheel of the thread that a coroutine runs on; for authors of primitives.
inline timer_wheel& this_wheel() noexcept {
    timer_wheel* const wheel = current<timer_wheel>();
    if (!wheel) WEIR_FATAL("a timer was awaited on a thread that has none; run the coroutine in a runtime");
    return *wheel;
}

// What sleeping awaits; for authors of primitives.
class sleep_awaiter : waiter, timer {
public:
    explicit sleep_awaiter(time_point at) noexcept : waiter{&abandon}, timer{&claim, &fired}, at_{at} {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle,
                                       std::source_location at = std::source_location::current()) noexcept {
        return listen(handle, at, &describe) && enqueue();
    }
    result<void> await_resume() noexcept { return finish(); }

private:
    bool enqueue() noexcept {
        wheel_ = &this_wheel();
        return wheel_->insert_if(*this, at_, [this] { return publish(); }); // keeps V3: under the wheel's lock
        // ---- on true the coroutine may run elsewhere
    }
    static bool claim(timer& self) noexcept { return static_cast<sleep_awaiter&>(self).waiter::claim(); }
    static void fired(timer& self) noexcept { static_cast<sleep_awaiter&>(self).wake(); }
    static void describe(void const* key, wait_text& into) noexcept {
        auto const at = static_cast<sleep_awaiter const*>(static_cast<waiter const*>(key))->at_;
        auto const left = std::chrono::duration_cast<std::chrono::seconds>(at - clock::now()).count();
        into.add("the time, in ").add(left).add(" s");
    }
    static void abandon(waiter& self) noexcept {
        auto& sleeper = static_cast<sleep_awaiter&>(self);
        sleeper.wheel_->cancel(sleeper);
    }

    time_point const at_;
    timer_wheel* wheel_ = nullptr;
};

// Suspends until `at` or a little later (65 microseconds and the executor's queue), never earlier.
// Returns: result<void>.  Cancel: ends at once.  Cost: a spin lock to begin; another when cancelled. No allocation.
inline operation<sleep_awaiter, time_point> sleep_until(time_point at) noexcept {
    return operation<sleep_awaiter, time_point>{at};
}

inline operation<sleep_awaiter, time_point> sleep_for(duration length) noexcept {
    time_point const now = clock::now();
    return sleep_until(length < no_deadline - now ? now + length : no_deadline);
}

} // namespace weir
