// weir/flow/concurrency_limit.hpp: how many calls of one kind are under way at once, fixed or found out by measuring.
//     auto slot = co_await backend.enter();
//     if (!slot) co_return slot.error();                  // errc::overloaded: shed before any work was done
//     auto answer = co_await call(...);
//     answer ? slot->succeeded() : slot->overloaded();
// Who comes when all slots are taken waits in a bounded queue; a queue that does not get short any more sends those away
// that have waited too long (codel), the less urgent ones first.
// Order:    FIFO.
// Cancel:   a stopped waiter holds no slot.
#pragma once

#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/codel.hpp>
#include <weir/flow/flight_urgency.hpp>
#include <weir/flow/gradient_limit.hpp>
#include <weir/sync/semaphore.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace weir::inline v0 {

class concurrency_options {
public:
    concurrency_options() noexcept {}

    std::size_t slots = 20;   // at once; at first, where adaptive
    bool adaptive = true;     // follows latency, between the gradient's least and most
    gradient_options gradient;
    std::size_t max_waiting = 1000; // normal and low may fill three quarters and half of it
    codel_options queue;
};

struct concurrency_figures {
    std::size_t slots = 0;     // the limit
    std::size_t in_flight = 0; // slots that are taken
    std::size_t waiting = 0;
    std::uint64_t shed = 0;    // sent away so far: no room to wait, or waited too long
};

class concurrency_limit;

// The right to make one call. At the end of its life the slot goes to the next; what it took is learnt from only if
// `succeeded` or `overloaded` was called, so that what was cancelled or failed for reasons of its own teaches nothing.
class [[nodiscard]] call_slot {
public:
    call_slot() = default;
    call_slot(call_slot&& other) noexcept
        : of_{std::exchange(other.of_, nullptr)}, held_{std::move(other.held_)}, began_{other.began_} {}
    call_slot& operator=(call_slot&& other) noexcept {
        call_slot gone{std::move(*this)};
        of_ = std::exchange(other.of_, nullptr);
        held_ = std::move(other.held_);
        began_ = other.began_;
        return *this;
    }
    ~call_slot() { release(); }

    explicit operator bool() const noexcept { return of_ != nullptr; }
    // The call is over and was answered.
    void succeeded(time_point now = clock::now()) noexcept;
    // The call was lost because the other side had too much to do.
    void overloaded() noexcept;
    void release() noexcept;

private:
    friend concurrency_limit;
    call_slot(concurrency_limit& of, permit held, time_point began) noexcept
        : of_{&of}, held_{std::move(held)}, began_{began} {}
    concurrency_limit* of_ = nullptr;
    permit held_;
    time_point began_;
};

// Threads: any, for every function.
class concurrency_limit : immovable {
public:
    explicit concurrency_limit(concurrency_options options = {}) noexcept
        : options_{options}, free_{options.slots}, queue_{options.queue}, slots_{options.slots},
          gradient_{static_cast<double>(options.slots), options.gradient} {
        WEIR_ASSERT(options.slots > 0, "a limit of no slots");
    }

    // Returns: a slot.  Errors: errc::overloaded when there is no room to wait, or the wait was too long.
    // Cost: a frame; nothing else where a slot is free.
    task<result<call_slot>> enter();
    // An empty one when none is free, or others wait.
    call_slot try_enter(time_point now = clock::now()) noexcept;

    concurrency_figures figures() const noexcept;

private:
    friend call_slot;

    std::size_t room_for(priority urgency) const noexcept {
        switch (urgency) {
            case priority::high: return options_.max_waiting;
            case priority::normal: return options_.max_waiting - options_.max_waiting / 4;
            case priority::low: break;
        }
        return options_.max_waiting / 2;
    }
    call_slot admit(permit held, time_point now) noexcept {
        in_flight_.fetch_add(1, relaxed); // a number that publishes nothing
        return call_slot{*this, std::move(held), now};
    }
    void leave(permit held) noexcept;
    template <class Lesson>
    void learn(Lesson lesson) noexcept;

    concurrency_options const options_;
    semaphore free_;
    codel queue_;
    atomic<std::size_t> waiting_{0};
    atomic<std::size_t> in_flight_{0};
    atomic<std::uint64_t> shed_{0};
    // U1: slots_ + debt_ permits exist: free or held; debt_ of them disappear when they are given back.
    mutable spin_lock lock_;
    std::size_t slots_;
    std::size_t debt_ = 0;
    gradient_limit gradient_;
};

inline task<result<call_slot>> concurrency_limit::enter() {
    context const& here = co_await this_task();
    permit held = free_.try_acquire();
    duration waited{0};
    if (!held) {
        if (waiting_.fetch_add(1, relaxed) >= room_for(priority_of(here))) { // only a bound: publishes nothing
            waiting_.fetch_sub(1, relaxed);                              // the same
            shed_.fetch_add(1, relaxed);                                 // a figure
            co_return errc::overloaded;
        }
        time_point const since = clock::now();
        auto acquired = co_await free_.acquire();
        waiting_.fetch_sub(1, relaxed); // as above
        if (!acquired) co_return acquired.error();
        held = *std::move(acquired);
        waited = clock::now() - since;
    }
    time_point const now = clock::now();
    if (queue_.sheds(waited, now, priority_of(here))) {
        shed_.fetch_add(1, relaxed); // a figure
        leave(std::move(held));
        co_return errc::overloaded;
    }
    co_return admit(std::move(held), now);
}

inline call_slot concurrency_limit::try_enter(time_point now) noexcept {
    permit held = free_.try_acquire();
    if (!held) return call_slot{};
    static_cast<void>(queue_.sheds(duration::zero(), now)); // the queue is short
    return admit(std::move(held), now);
}

inline void concurrency_limit::leave(permit held) noexcept {
    {
        spin_guard const locked{lock_};
        if (debt_ > 0) {
            --debt_; // keeps U1
            held.forget();
        }
    }
    held.release();
}

template <class Lesson>
void concurrency_limit::learn(Lesson lesson) noexcept {
    if (!options_.adaptive) return;
    std::size_t grown = 0;
    {
        spin_guard const locked{lock_};
        lesson(gradient_);
        auto const wanted = static_cast<std::size_t>(gradient_.limit());
        if (wanted < slots_) {
            debt_ += slots_ - wanted;
            for (; debt_ > 0; --debt_) { // what is free goes at once
                permit idle = free_.try_acquire();
                if (!idle) break;
                idle.forget();
            }
        } else {
            grown = wanted - slots_;
            std::size_t const forgiven = std::min(debt_, grown);
            debt_ -= forgiven;
            grown -= forgiven;
        }
        slots_ = wanted; // keeps U1, with the release below
    }
    if (grown > 0) free_.release(grown);
}

inline concurrency_figures concurrency_limit::figures() const noexcept {
    concurrency_figures now;
    {
        spin_guard const locked{lock_};
        now.slots = slots_;
    }
    now.in_flight = in_flight_.load(relaxed); // hints, all three
    now.waiting = waiting_.load(relaxed);
    now.shed = shed_.load(relaxed);
    return now;
}

inline void call_slot::succeeded(time_point now) noexcept {
    if (!of_) return;
    auto const in_flight = static_cast<double>(of_->in_flight_.load(relaxed)); // a hint
    of_->learn([&](gradient_limit& gradient) { gradient.took(now - began_, in_flight); });
    release();
}

inline void call_slot::overloaded() noexcept {
    if (!of_) return;
    of_->learn([](gradient_limit& gradient) { gradient.lost(); });
    release();
}

inline void call_slot::release() noexcept {
    if (!of_) return;
    concurrency_limit& of = *std::exchange(of_, nullptr);
    of.in_flight_.fetch_sub(1, relaxed); // a number that publishes nothing
    of.leave(std::move(held_));
}

} // namespace weir
