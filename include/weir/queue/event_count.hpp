// weir/queue/event_count.hpp: lets threads sleep until a condition that lives elsewhere may have come true.
// Not to be lost between looking and sleeping, a waiter announces itself, looks once more, and only then sleeps:
//     for (;;) {
//         if (condition()) break;
//         auto const key = event.prepare_wait();
//         if (condition()) { event.cancel_wait(); break; }
//         event.wait(key);
//     }
// Who makes the condition true does so and then calls notify: a fence and one load while nobody waits.
// Progress: prepare_wait, cancel_wait and notify are wait-free; wait and wait_until block.
// Order:    what came before a notify happens before the return of a wait that it ended, and before the look of a waiter
//           whose key is newer than the notify.
// Not:      a counter of events: a notify that meets nobody leaves no trace; the condition remembers. Not for several
//           conditions at a time with notify_one: its one waiter may be that of another condition.
// Source:   D. Vyukov, "eventcount" (1024cores.net); folly::EventCount; we keep the epoch in a word of its own, so that
//           waiters that come and go do not disturb those who are asleep on it, and add deadlines.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/base/futex.hpp>
#include <weir/base/immovable.hpp>

#include <chrono>
#include <cstdint>

namespace weir::inline v0 {

class event_count : immovable {
public:
    using time_point = std::chrono::steady_clock::time_point;

    // The moment from which on notifications end a wait.
    class key {
        friend event_count;
        explicit key(std::uint32_t epoch) noexcept : epoch_{epoch} {}
        std::uint32_t epoch_;
    };

    event_count() = default;
    // Needs: every wait has ended, and every notify has returned, too, or has ended the wait of who destroys: from then
    // on it uses the address and no longer the memory.
    ~event_count() { WEIR_ASSERT(waiters_.load(relaxed) == 0, "an event count ended while threads wait for it"); }

    // Announces a waiter. After it, the condition must be looked at; then comes exactly one of the three below.
    [[nodiscard]] key prepare_wait() noexcept;
    void cancel_wait() noexcept;
    // Sleeps until a notification that is newer than the key.
    void wait(key since) noexcept { static_cast<void>(wait_until(since, time_point::max())); }
    // The same, until the deadline at most; time_point::max() never comes.
    // Returns: true when there was a notification, even if the deadline has come, too. It may be the one of a notify_one,
    // so who gets true must look at the condition, or pass it on by another notify_one. After false no notification was
    // taken from anybody; yet the condition may be true.
    [[nodiscard]] bool wait_until(key since, time_point deadline) noexcept;

    // Ends the wait of at least one, or of all, that are announced; of nobody when none is. Each call of notify_one takes
    // a sleeper of its own while there are any. The waiters of an event count that is used with notify_one all wait for
    // the same, so that it does not matter which one comes.
    void notify_one() noexcept;
    void notify_all() noexcept;

private:
    bool bump_for_waiters() noexcept;

    // A thread is            counted in waiters_   asleep on epoch_
    //   elsewhere            no                    no
    //   announced            yes                   no
    //   asleep               yes                   yes, while epoch_ == its key
    //
    // The store-then-load handshake [announced]; each side writes, fences, and then reads what the other wrote:
    //     notifier:  condition = true   fence   read waiters_      (0: nobody to wake)
    //     waiter:    ++waiters_         fence   read condition     (false: sleep)
    // One of the fences is the later one, and its side sees what the other wrote.
    //
    // E1: waiters_ counts the threads between prepare_wait and the end of their wait; so a notifier whose fence comes
    //     after the waiter's finds it above zero.
    // E2: a notifier that found waiters changes epoch_ before it wakes. A key from before the change does not sleep, or
    //     is woken; a key from after it belongs to a waiter that sees the condition as the notifier left it [epoch].
    // E3: only a change of epoch_ ends a wait before its deadline. A wake that finds epoch_ == key belongs to an older
    //     notification, which the waiter has seen by E2: it sleeps on, and nothing is lost.
    // E4: the answer of wait_until is read from epoch_ after the sleeper has left the kernel's queue. A wake takes only
    //     who is in that queue, and the change precedes the wake: so who was taken answers true, and for who timed out
    //     before, the wake goes to the next sleeper.
    // E5: a key sleeps wrongly if epoch_ makes a whole turn, 2^32 notifications that find waiters, between its
    //     prepare_wait and its wait: minutes of system calls against two instructions.
    atomic<std::uint32_t> waiters_{0};
    futex_word epoch_{0};
};

inline event_count::key event_count::prepare_wait() noexcept {
    waiters_.fetch_add(1, relaxed); // keeps E1: the fence orders it
    store_load_fence();             // [announced]
    return key{epoch_.load(acquire)}; // [epoch]
}

inline void event_count::cancel_wait() noexcept {
    waiters_.fetch_sub(1, relaxed); // only a count: whoever still reads the old one wakes in vain
}

inline bool event_count::wait_until(key since, time_point deadline) noexcept {
    bool notified = epoch_.load(acquire) != since.epoch_; // [epoch]
    for (bool in_time = true; !notified && in_time;) {
        in_time = futex_wait_until(epoch_, since.epoch_, deadline);
        notified = epoch_.load(acquire) != since.epoch_; // [epoch] keeps E3 and E4
    }
    waiters_.fetch_sub(1, relaxed); // only a count, as above
    return notified;
}

// True when there is somebody to wake.
inline bool event_count::bump_for_waiters() noexcept {
    store_load_fence(); // [announced]
    if (waiters_.load(relaxed) == 0) return false; // relaxed: the fence orders it
    // [epoch] keeps E2. Release although the fence above is one, too: thread sanitizers do not see that.
    epoch_.fetch_add(1, release);
    // -----------------------------------------------------------------------------------------------------------------
    return true;
}

inline void event_count::notify_one() noexcept {
    auto const* const where = &epoch_;
    if (bump_for_waiters()) futex_wake_one(where);
}

inline void event_count::notify_all() noexcept {
    auto const* const where = &epoch_;
    if (bump_for_waiters()) futex_wake_all(where);
}

static_assert(sizeof(event_count) == 2 * sizeof(futex_word));

} // namespace weir
