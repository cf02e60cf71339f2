// weir/flow/rate_limiter.hpp: so many a second; who comes too early waits for its turn.
//     rate_limiter mails{rate{50, 10}};                    // 50 a second, 10 at once after a rest
//     auto const admitted = co_await mails.acquire();
//     if (!admitted) co_return admitted.error();
// Order:    FIFO, weighted: a large request at the head is not overtaken by small ones behind it.
// Cancel:   who leaves has taken nothing.
// Not:      a bound on how many run at once: see semaphore and concurrency_limit. For a rate of each key: keyed_limiter.
#pragma once

#include <weir/base/result.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/flight_urgency.hpp>
#include <weir/flow/token_bucket.hpp>
#include <weir/sync/mutex.hpp>
#include <weir/timer/sleep.hpp>

namespace weir::inline v0 {

// Threads: any, for every function.
class rate_limiter : immovable {
public:
    explicit rate_limiter(rate limit) noexcept : bucket_{limit} {}

    // Takes `tokens` as soon as they are there and everybody before has had theirs.
    // Errors: errc::overloaded for more than a burst, which would never fit; errc::timed_out at once where they would
    //         come after the caller's deadline: it does not wait in vain, and takes nothing.
    // Cost:   a frame; a timer where it must wait.
    task<result<void>> acquire(double tokens = 1);

    // Takes them now or not at all, and never before those who wait.
    // Returns: zero when they were taken; else how long until they might be: what a Retry-After says.
    duration try_acquire(double tokens = 1, time_point now = clock::now()) noexcept {
        auto const turn = turn_.try_lock();
        if (turn) return bucket_.try_take(tokens, now);
        return std::max(bucket_.limit().time_for(tokens), duration{1}); // others wait: at least as long as they do
    }

    double available(time_point now = clock::now()) const noexcept { return bucket_.available(now); }

private:
    // Held by the first who waits, while it sleeps; the mutex is the queue of the others.
    mutex turn_;
    token_bucket bucket_;
};

inline task<result<void>> rate_limiter::acquire(double tokens) {
    if (tokens > bucket_.limit().burst()) co_return errc::overloaded;
    context const& here = co_await this_task();
    auto const turn = co_await turn_.lock();
    if (!turn) co_return turn.error();
    time_point now = clock::now();
    for (;;) {
        duration const early = bucket_.try_take(tokens, now);
        if (early == duration::zero()) co_return {};
        if (early > deadline_of(here) - now) co_return errc::timed_out;
        time_point const at = now + early;
        auto const slept = co_await sleep_until(at);
        if (!slept) co_return slept.error();
        now = std::max(clock::now(), at); // the wheel's time may be ahead of ours
    }
}

} // namespace weir
