// weir/runtime/blocking_wait.hpp: who waits for a job on a blocking pool: the job's end, a stop, the way back.
// The untyped half of `blocking`.
// For:      authors of primitives.
//
// Three parties touch the frame: the coroutine until it has suspended, the job until it has ended or is withdrawn, and
// a stop from the moment it claims until it is through. Each takes its leave by `leave`, and the last one goes on with
// the coroutine: without a suspension if that is the coroutine itself, else by way of its executor.
// X1: parties_ counts those that have not left. While it is not zero the frame stays; who brings it to zero, and nobody
//     else, goes on.
// X2: a stop has an effect only where it withdraws the job; the pool's lock decides whether the job had begun.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/current.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/shared_priority.hpp>
#include <weir/coro/stop.hpp>
#include <weir/coro/wait_book.hpp>
#include <weir/runtime/quiet_thread.hpp>

#include <coroutine>
#include <source_location>
#include <system_error>

namespace weir::inline v0 {

// `Pool` offers what blocking_pool does: offer, withdraw, closing; a model has one of its own.
template <class Pool>
class blocking_wait : public job, stop_listener {
public:
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle,
                                       std::source_location at = std::source_location::current()) noexcept {
        back_.resumes(handle);
        return begin(context_of(handle), at);
    }

protected:
    // Null: the pool of the thread that awaits.
    blocking_wait(Pool* pool, run_function what) noexcept
        : job{what}, stop_listener{&claim, &heard}, pool_{pool} {}
    ~blocking_wait() { WEIR_ASSERT(parties_.load(relaxed) == 0, "a coroutine was destroyed while its job ran"); }

    // The job's first step. False when it must call nobody, and only end.
    bool begins() noexcept;
    // Its last step, after which it touches nothing.
    void ends() noexcept { go_on(leave(1)); }
    // What await_resume begins with: nothing when the job has run; or why it has not.
    result<void> finish() noexcept;

private:
    static bool claim(stop_listener& listener) noexcept;
    static void heard(stop_listener& listener) noexcept;
    bool begin(context const& where, std::source_location at) noexcept;
    WEIR_COLD void note(std::source_location at) noexcept {
        noted_ = wait_book::enter(this, back_.handle(), at, {0, &describe});
    }
    static void describe(void const* key, wait_text& into) noexcept;

    // True for the last.
    bool leave(unsigned parties) noexcept {
        return parties_.fetch_sub(parties, acq_rel) == parties; // [parties] keeps X1
    }
    void go_on(bool last) noexcept {
        if (last) executor_of(*context_).post(back_);
        // ---- the frame may be gone
    }

    Pool* pool_;
    context const* context_ = nullptr;
    resume_job back_;
    std::error_code refused_; // by the pool, when the job was offered or when it began
    bool begun_ = false;
    bool listening_ = false;
    bool noted_ = false; // in the wait_book
    atomic<int> runs_on_{0}; // the thread, once it has begun; only where it is noted
    atomic<unsigned> parties_{0};
};

template <class Pool>
bool blocking_wait<Pool>::begin(context const& where, std::source_location at) noexcept {
    context_ = &where;
    if (!pool_) pool_ = current<Pool>();
    if (!pool_) WEIR_FATAL("blocking() was awaited on a thread that has no blocking pool");
    if (where.stop.stop_requested()) {
        refused_ = where.stop.reason();
        return false;
    }
    if (wait_book::open()) note(at);
    parties_.store(2, relaxed); // the job and this call; what queues the job orders it
    if (auto const error = pool_->offer(*this)) {
        parties_.store(0, relaxed); // nobody else has it
        refused_ = error;
        return false;
    }
    // From here on the job may run.
    // The stop source is told only now, so that a stop always finds the job offered and can withdraw it. The frame stays
    // for this call, whatever becomes of the job.
    if (where.stop.stop_possible()) {
        listening_ = where.stop.source()->add(*this);
        if (!listening_ && pool_->withdraw(*this)) return !leave(2);
    }
    return !leave(1);
    // ---- suspended, the coroutine may run elsewhere
}

template <class Pool>
bool blocking_wait<Pool>::begins() noexcept {
    if (pool_->closing()) {
        refused_ = errc::shut_down;
        return false;
    }
    begun_ = true;
    if (noted_) runs_on_.store(this_thread_number(), relaxed); // for who looks in
    return true;
}

template <class Pool>
result<void> blocking_wait<Pool>::finish() noexcept {
    if (noted_) wait_book::strike(this);
    if (listening_) context_->stop.source()->remove(*this);
    if (refused_) return refused_;
    if (!begun_) return context_->stop.reason(); // keeps X2: it was withdrawn
    return {};
}

template <class Pool>
void blocking_wait<Pool>::describe(void const* key, wait_text& into) noexcept {
    auto const& self = *static_cast<blocking_wait const*>(key);
    into.add("a blocking call");
    into.thread = self.runs_on_.load(relaxed); // a hint
    if (into.thread != 0) return;
    if constexpr (requires { self.pool_->place_of(self); }) {
        if (auto const place = self.pool_->place_of(self)) into.add(", number ").add(place).add(" in the queue");
        else into.add(", in the queue");
    }
}

template <class Pool>
bool blocking_wait<Pool>::claim(stop_listener& listener) noexcept {
    auto& parties = static_cast<blocking_wait&>(listener).parties_;
    unsigned now = parties.load(relaxed); // the exchange decides
    do {
        if (now == 0) return false; // it goes on already
    } while (!parties.compare_exchange_weak(now, now + 1, relaxed, relaxed)); // leave orders: keeps X1
    return true;
}

template <class Pool>
void blocking_wait<Pool>::heard(stop_listener& listener) noexcept {
    auto& self = static_cast<blocking_wait&>(listener);
    bool const withdrawn = self.pool_->withdraw(self); // then the job leaves, too
    self.go_on(self.leave(withdrawn ? 2 : 1));
}

} // namespace weir
