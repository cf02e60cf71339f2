// weir/runtime/watchdog.hpp: a deadline that really interrupts: another thread calls a function of yours when it comes.
//     auto const rc = with_interrupt(clock::now() + 50ms, [&] { sqlite3_interrupt(db); }, [&] { return run(db); });
// For work that blocks or computes in a library of others, on a thread of the blocking pool: a query, a script, a parse.
// The interrupt only asks; the work must come back by itself when asked so.
// Cost:     with no interrupt, two operations on a timer wheel: some 50 ns. One thread for all, started by the first use;
//           it is woken only for a deadline that is earlier than the one it sleeps for.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/stop.hpp>
#include <weir/runtime/interrupt.hpp>
#include <weir/runtime/quiet_thread.hpp>

#include <chrono>
#include <limits>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <utility>

namespace weir::inline v0 {

class interrupt_options {
public:
    interrupt_options() {}

    // How often the function is called again while the work goes on. Once is not enough for those who forget an interrupt
    // that came before they began, as sqlite3_interrupt does. Zero: once only.
    duration repeat = std::chrono::milliseconds{5};
    stop_token stop; // a stop is as good as a deadline
};

class watchdog : immovable {
public:
    // Starts nothing.
    watchdog() noexcept {}
    // Needs: no work is under way.
    ~watchdog();

    // The one of the process.
    static watchdog& shared() {
        static watchdog one;
        return one;
    }

    // Calls `work()`; if that has not returned at `at`, the watchdog's thread calls `interrupt()`.
    // Returns: what work returns, or throws what it throws. No call of the interrupt begins after work has returned, and
    //          one that is under way then is waited for.
    // Needs: an interrupt that is short, throws nothing, may be called from another thread and several times. All
    //        interrupts are called on one thread, so that a slow one delays the others.
    // Errors: std::system_error when the thread cannot be started; then work was not called.
    template <class Interrupt, class Work>
    decltype(auto) with_interrupt(time_point at, Interrupt&& interrupt, Work&& work, interrupt_options options = {});

private:
    class caller;

    void start();
    void ring() noexcept;
    // What is new in the wheel: its thread must know if it sleeps for longer.
    void added(time_point at) noexcept;
    static void* serve(void* self) noexcept;
    void watch() noexcept;
    // When the wheel must be looked at next, announced in asleep_until_.
    time_point announce() noexcept;

    static constexpr clock::rep awake = std::numeric_limits<clock::rep>::min();

    // [bell] arms:  wheel; fence; read asleep_until_      sleeps:  asleep_until_; fence; read wheel
    timer_wheel wheel_{clock::now()};
    atomic<clock::rep> asleep_until_{awake};
    futex_word bell_{0};
    atomic<bool> stopping_{false};
    std::once_flag started_;
    std::optional<pthread_t> thread_;
};

// The same with the watchdog of the process.
template <class Interrupt, class Work>
decltype(auto) with_interrupt(time_point at, Interrupt&& interrupt, Work&& work, interrupt_options options = {}) {
    return watchdog::shared().with_interrupt(at, std::forward<Interrupt>(interrupt), std::forward<Work>(work), options);
}

template <class Interrupt, class Work>
decltype(auto) watchdog::with_interrupt(time_point at, Interrupt&& act, Work&& work, interrupt_options options) {
    std::call_once(started_, [this] { start(); });
    interrupt armed{wheel_, at, options.repeat, act};
    added(at);
    auto const hurry = [&](errc) noexcept {
        time_point const now = clock::now();
        armed.hurry(now);
        added(now);
    };
    stop_callback const on_stop{options.stop, hurry};
    return std::forward<Work>(work)();
}

inline watchdog::~watchdog() {
    if (!thread_) return;
    stopping_.store(true, relaxed); // the bell orders
    ring();
    ::pthread_join(*thread_, nullptr);
}

inline void watchdog::start() {
    auto const made = start_quiet_thread(&serve, this);
    if (!made) throw_error(made.error());
    thread_ = *made;
}

inline void watchdog::ring() noexcept {
    bell_.fetch_add(1, release); // [bell]
    futex_wake_one(&bell_);
}

inline void watchdog::added(time_point at) noexcept {
    store_load_fence(); // [bell]
    clock::rep until = asleep_until_.load(relaxed); // the fence orders
    auto const wanted = at.time_since_epoch().count();
    while (wanted < until)
        if (asleep_until_.compare_exchange_weak(until, awake, relaxed, relaxed)) return ring(); // one of those that ring
}

inline void* watchdog::serve(void* self) noexcept {
    name_this_thread("weir-watchdog");
    static_cast<watchdog*>(self)->watch();
    return nullptr;
}

inline time_point watchdog::announce() noexcept {
    for (;;) {
        time_point const next = wheel_.next();
        asleep_until_.store(next.time_since_epoch().count(), relaxed); // the fence orders
        store_load_fence();                                            // [bell]
        if (wheel_.next() >= next) return next;
    }
}

inline void watchdog::watch() noexcept {
    for (;;) {
        auto const seen = bell_.load(acquire); // [bell] before the wheel: what is added later rings again
        if (stopping_.load(relaxed)) return;   // the bell orders
        wheel_.advance(clock::now());
        futex_wait_until(bell_, seen, announce());
        asleep_until_.store(awake, relaxed); // only saves rings: the wheel is looked at in any case
    }
}

} // namespace weir
