// weir/flow/retry.hpp: the same again, after a pause, a bounded number of times.
//     retrying const gently{...};
//     auto const row = co_await retry(gently, fetch, key);      // calls fetch(key), a task<result<row>>
// Pauses grow by powers of two and are drawn evenly between nothing and that ("full jitter").
// Not:      for what may not be done twice.
// Source:   M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
#pragma once

#include <weir/base/result.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/task.hpp>
#include <weir/flow/flight_urgency.hpp>
#include <weir/flow/jitter.hpp>
#include <weir/flow/retry_budget.hpp>
#include <weir/timer/sleep.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// Everything but what says that nobody wants an answer any more, that another try would say the same, or that there is
// too much to do already. So neither is
//   overloaded    the call was shed, to be rid of it: who tries again takes the place of one that was not tried yet, and
//                 where each floor of a service does so, an overload feeds itself. Its caller is told at once instead.
//   circuit_open  the breaker asks by itself, by a few probes and after a longer time than a pause; until then it would
//                 refuse each try, and each would cost a part of the budget.
// For a circuit_breaker, which counts by this, they are no failures of the other side: it has not been asked.
// Source: B. Beyer et al., "Site Reliability Engineering", 2016, chapter 21, "Handling Overload".
inline bool worth_retrying(std::error_code error) noexcept {
    for (errc const hopeless : {errc::cancelled, errc::shut_down, errc::closed, errc::self_deadlock, errc::unsupported,
                                errc::overloaded, errc::circuit_open})
        if (error == hopeless) return false;
    return true;
}

class retry_options {
public:
    retry_options() noexcept {}

    unsigned attempts = 3;                         // at most, the first included
    duration first_pause = std::chrono::milliseconds{50}; // at most; doubles with each try
    duration longest_pause = std::chrono::seconds{5};
    bool (*retryable)(std::error_code) = worth_retrying;
    retry_budget* budget = nullptr; // where one is given, every try after the first must come out of it
    jitter* chance = nullptr;       // null: a generator of the process
};

namespace detail {

inline jitter& process_jitter() noexcept {
    static jitter one;
    return one;
}

inline duration pause_before(unsigned next_attempt, retry_options const& with) noexcept {
    unsigned const doublings = std::min(next_attempt - 1, 62u);
    auto const first = static_cast<double>(with.first_pause.count());
    double const longest =
        std::min(std::ldexp(first, static_cast<int>(doublings)), static_cast<double>(with.longest_pause.count()));
    jitter& chance = with.chance ? *with.chance : process_jitter();
    return chance.below(duration{static_cast<duration::rep>(longest)});
}

} // namespace detail

// Awaits `fn(args...)`, which gives a result<T>, until it succeeds or there is no point in going on. `fn` gets its
// arguments as lvalues, since it may be called again.
// Returns: the first success, or the error of the last try.
// Errors:  what fn throws ends it at once.
// Cancel:  ends the try, or the pause; the error is then that of the last try, and of the stop where there was none.
//          A pause that would outlast the caller's deadline is not begun.
// Cost:    a frame, and what fn costs.
template <class F, class... Args>
auto retry(retry_options with, F fn, Args... args) -> task<await_result_t<std::invoke_result_t<F&, Args&...>>> {
    static_assert(is_result<await_result_t<std::invoke_result_t<F&, Args&...>>>,
                  "what is retried says by a result whether it failed");
    context const& here = co_await this_task();
    if (with.budget) with.budget->deposit();
    for (unsigned attempt = 1;; ++attempt) {
        auto got = co_await fn(args...);
        if (got || attempt >= with.attempts || !with.retryable(got.error())) co_return got;
        if (here.stop.stop_requested()) co_return got;
        duration const pause = detail::pause_before(attempt, with);
        time_point const until = deadline_of(here);
        if (until != no_deadline && pause >= until - clock::now()) co_return got;
        if (with.budget && !with.budget->withdraw()) co_return got;
        auto const slept = co_await sleep_for(pause);
        if (!slept) co_return got;
    }
}

} // namespace weir
