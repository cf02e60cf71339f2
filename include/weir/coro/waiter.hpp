// weir/coro/waiter.hpp: the one who waits: its node, its race of completion and stop, its way back to its executor.
// Every lock, event, timer and queue of the library waits through this, and every wait can therefore be stopped.
// For:      authors of primitives.
//
// A waiter lies in the frame of the coroutine that waits. A primitive is a lock and a list of waiters. Three parties meet:
//   the waiting coroutine, in await_suspend:    listen -> [lock: see again; publish, link] -> suspended
//   who completes, under the primitive's lock:  unlink, claim; then, without the lock, wake
//   who stops, under the stop_source's lock:    claim; then, without the lock, abandon (unlink under the primitive's
//                                               lock), wake
// The word `phase` decides between the last two:
//   arming     the coroutine has not suspended yet; a stop only leaves its reason
//   waiting    it is linked and may be claimed once
//   completed  the completer has it
//   stopped    the stop has it, or came while it was arming
// V1: who changes waiting to something else, and nobody else, calls wake, once.
// V2: from publish until wake the frame stays; after wake nobody but the coroutine touches the waiter.
// V3: a primitive links a waiter only in the critical section in which publish has succeeded, and a completer unlinks
//     and claims in one critical section; so after `abandon` has had the lock, no completer knows the waiter.
// V4: what is written before publish is seen by `abandon` before it takes a lock: it finds there which one to take.
// The phase decides who wins; all other order comes from elsewhere. A completer has the lock under which the waiter was
// published. A stop claims under the source's lock, which the waiter has in `listen` and again in `finish`. And who is
// resumed was posted to its executor, which orders the post before the run. Only V4 needs more.
#pragma once

#include <weir/base/intrusive.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/shared_priority.hpp>
#include <weir/coro/wait_book.hpp>

#include <coroutine>
#include <cstdint>
#include <source_location>

namespace weir::inline v0 {

class waiter : public resume_job, public list_node {
public:
    // Takes the waiter out of its primitive, if it is still there.  Called without locks, on the stopping thread.
    using abandon_function = void (*)(waiter&) noexcept;

    explicit waiter(abandon_function abandon) noexcept : ear_{this}, abandon_{abandon} {}
    ~waiter() { WEIR_ASSERT(!linked(), "a coroutine was destroyed while it waited"); }

    // First half of await_suspend. False when a stop was requested already; then nothing was begun and finish() says so.
    // Who looks in is told where the await expression stands, and by `describe`, with this waiter for a key, what for.
    template <class Promise>
    bool listen(std::coroutine_handle<Promise> handle, std::source_location at = {},
                describe_function describe = nullptr) noexcept {
        return listen(handle, context_of(handle), at, describe);
    }
    bool listen(std::coroutine_handle<> handle, context const& where, std::source_location at = {},
                describe_function describe = nullptr) noexcept;

    // Instead of listen, by who has what it wanted and has used up its turn: goes on behind all that is ready.
    template <class Promise>
    void give_way(std::coroutine_handle<Promise> handle) noexcept {
        resumes(handle);
        context_ = &context_of(handle);
        complete_unpublished();
        executor_of(*context_).post_last(*this);
        // ---- the frame may be gone
    }

    // Second half, under the primitive's lock: true, and the primitive must link the waiter now; or false, and a stop has
    // come in between.
    bool publish() noexcept {
        phase expected = phase::arming;
        // [phase] keeps V4. A failure learns nothing but that: finish() sees the stop.
        return phase_.compare_exchange_strong(expected, phase::waiting, release, relaxed);
    }
    // Instead of publish, when the primitive could be had after all. The coroutine must not suspend.
    void complete_unpublished() noexcept { phase_.store(phase::completed, relaxed); } // nobody else acts on arming

    // Under the primitive's lock, once unlinked: true, and the caller must wake; or false: the stop will.
    bool claim() noexcept {
        phase expected = phase::waiting;
        // relaxed: the primitive's lock brings what the waiter wrote, and the executor takes what we wrote to it
        return phase_.compare_exchange_strong(expected, phase::completed, relaxed, relaxed);
    }
    // Sends the coroutine back to its executor. The last touch of who claimed.
    void wake() noexcept { executor_of(*context_).post(*this); }

    // What await_resume returns: nothing, or the reason of the stop.
    result<void> finish() noexcept;

    context const& where() const noexcept { return *context_; }

private:
    WEIR_COLD void note(std::coroutine_handle<> handle, std::source_location at, describe_function describe) noexcept {
        noted_ = wait_book::enter(this, handle, at, {reinterpret_cast<std::uintptr_t>(abandon_), describe});
    }

    enum class phase : unsigned char { arming, waiting, completed, stopped };

    class ear : public stop_listener {
    public:
        explicit ear(waiter* of) noexcept : stop_listener{&claim, &heard}, of_{of} {}

    private:
        static bool claim(stop_listener& listener) noexcept;
        static void heard(stop_listener& listener) noexcept;
        waiter* of_;
    };

    atomic<phase> phase_{phase::arming};
    bool listening_ = false;
    bool noted_ = false; // in the wait_book
    context const* context_ = nullptr;
    ear ear_;
    abandon_function abandon_;
};

inline bool waiter::listen(std::coroutine_handle<> handle, context const& where, std::source_location at,
                           describe_function describe) noexcept {
    resumes(handle);
    context_ = &where;
    if (wait_book::open()) note(handle, at, describe);
    if (!where.stop.stop_possible()) return true;
    listening_ = where.stop.source()->add(ear_);
    if (!listening_) phase_.store(phase::stopped, relaxed); // not published: ours alone
    return listening_;
}

inline result<void> waiter::finish() noexcept {
    if (noted_) wait_book::strike(this);
    if (listening_) context_->stop.source()->remove(ear_);
    // After remove the phase no longer changes, and by that lock, or by the executor, whoever changed it came before.
    if (phase_.load(relaxed) == phase::stopped) return context_->stop.reason(); // so nothing is left to acquire
    return {};
}

inline bool waiter::ear::claim(stop_listener& listener) noexcept {
    auto& phase_word = static_cast<ear&>(listener).of_->phase_;
    phase now = phase_word.load(relaxed); // the exchange decides
    while (now == phase::arming || now == phase::waiting)
        if (phase_word.compare_exchange_weak(now, phase::stopped, acquire, relaxed)) // [phase] keeps V4
            return now == phase::waiting; // keeps V1: one that was arming has not suspended
    return false;
}

inline void waiter::ear::heard(stop_listener& listener) noexcept {
    waiter& self = *static_cast<ear&>(listener).of_;
    self.abandon_(self);
    self.wake();
    // ---- the frame may be gone
}

} // namespace weir
