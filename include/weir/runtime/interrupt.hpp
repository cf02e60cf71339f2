// weir/runtime/interrupt.hpp: one piece of work that is interrupted from outside when it takes too long.
// For:      authors of primitives; others use with_interrupt in watchdog.hpp.
//
// Two parties: the thread that works, which makes and ends the interrupt, and the watchdog's, which advances the wheel.
//   in the wheel -> claimed (under the wheel's lock) -> called -> in the wheel again, or released
// Bits of word_:  over      the work has returned              set by the worker
//                 called    the function is, or was, called   set by the watchdog
//                 released  the watchdog is through             set by the watchdog, its last touch
// I1: before each call the watchdog changes word_, and calls only where that change comes before the worker's `over`; the
//     worker then stays until the watchdog lets go. So no call begins after the work has returned, and none is under way
//     once the interrupt has ended.
// I2: the worker sets `over` before it cancels. Where the cancel finds nothing, the watchdog has the interrupt, and as it
//     goes back into the wheel only where `over` is not set, under the same lock, it will release it.
#pragma once

#include <weir/base/function_ref.hpp>
#include <weir/base/futex.hpp>
#include <weir/base/immovable.hpp>
#include <weir/cpu/pause.hpp>
#include <weir/timer/wheel.hpp>

#include <chrono>
#include <cstdint>

namespace weir::inline v0 {

class interrupt : timer, immovable {
public:
    // Calls `act` at the first advance from `at` on, and again every `repeat` until the work is over; once if that is
    // zero.
    interrupt(timer_wheel& wheel, time_point at, duration repeat, function_ref<void()> act) noexcept
        : timer{&claim, &due}, wheel_{wheel}, repeat_{repeat}, act_{act} {
        wheel_.insert(*this, at);
    }
    // The work is over. Waits for a call that is under way.
    ~interrupt();

    // Lets it come at `now`, if it has not come yet.  Threads: any, while the work is not over.
    void hurry(time_point now) noexcept {
        if (wheel_.cancel(*this)) wheel_.insert(*this, now);
    }

private:
    static constexpr std::uint32_t over = 1;
    static constexpr std::uint32_t called = 2;
    static constexpr std::uint32_t released = 4;

    static bool claim(timer&) noexcept { return true; }
    static void due(timer& self) noexcept { static_cast<interrupt&>(self).come(); }
    void come() noexcept;

    timer_wheel& wheel_;
    duration const repeat_;
    function_ref<void()> const act_;
    futex_word word_{0};
};

inline interrupt::~interrupt() {
    word_.fetch_or(over, relaxed); // which change of the word comes first is all that matters: keeps I1
    if (wheel_.cancel(*this)) return; // keeps I2
    backoff spin;
    for (;;) {
        std::uint32_t const now = word_.load(acquire); // [released]
        if (now & released) return;
        if (spin.spins()) spin();
        else futex_wait_until(word_, now, futex_deadline::max());
    }
}

inline void interrupt::come() noexcept {
    if (!(word_.fetch_or(called, relaxed) & over)) { // the same
        act_();
        bool const goes_back = repeat_ > duration::zero() && wheel_.insert_if(*this, clock::now() + repeat_, [this] {
            return !(word_.load(relaxed) & over); // the wheel's lock orders: keeps I2
        });
        if (goes_back) return;
    }
    auto const* const where = &word_;
    word_.fetch_or(released, release); // [released]
    // ------------------------------------------------------------------------------------------------------------------
    futex_wake_all(where);
}

} // namespace weir
