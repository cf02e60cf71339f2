// weir/flow/hedge.hpp: a second attempt for what takes unusually long; the first answer counts.
//     hedger reads{hedge_options{}};
//     auto const row = co_await reads.run(fetch, key);       // calls fetch(key), a task<result<row>>, once or twice
// The second attempt begins when the first has taken longer than the 95th percentile, or has failed. The loser is stopped
// and joined, so it may refer to what its caller owns.
// Not:      for what may not be done twice.
// Source:   J. Dean, L. Barroso, "The Tail at Scale", CACM 56(2), 2013; the percentile by steps up and down, as in
//           Q. Ma, S. Muthukrishnan, M. Sandler, "Frugal Streaming for Estimating Quantiles", 2013.
#pragma once

#include <weir/coro/when_any.hpp>
#include <weir/flow/retry.hpp>
#include <weir/sync/event.hpp>
#include <weir/timer/timeout.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <system_error>
#include <utility>

namespace weir::inline v0 {

class hedge_options {
public:
    hedge_options() noexcept {}

    double percentile = 0.95; // of first attempts that are given time to end alone
    duration first_delay = std::chrono::milliseconds{10}; // until that percentile is known
    duration least_delay = std::chrono::microseconds{100};
    duration longest_delay = std::chrono::seconds{10};
    bool (*retryable)(std::error_code) = worth_retrying; // whether a failed first attempt starts the second
    retry_budget* budget = nullptr; // where one is given, every second attempt must come out of it
};

struct hedge_figures {
    std::uint64_t calls = 0;
    std::uint64_t hedged = 0; // a second attempt was made
    std::uint64_t won = 0;    // and gave the answer
    duration delay{0};        // the percentile, as it is taken to be now
};

// Threads: any, for every function. One for each kind of call.
class hedger : immovable {
public:
    explicit hedger(hedge_options options = {}) noexcept : options_{options}, delay_{options.first_delay} {}

    // Awaits `fn(args...)`, which gives a result<T>; perhaps twice at once, with the same arguments, as lvalues.
    // Returns: the first success; where there is none, the error of the attempt that failed last.
    // Errors:  what an attempt throws ends both.
    // Cancel:  stops and joins both.  Cost: seven frames, a timer.
    template <class F, class... Args>
    auto run(F fn, Args... args) -> task<await_result_t<std::invoke_result_t<F&, Args&...>>>;

    hedge_figures figures() const noexcept;

private:
    // What both attempts of a call share.
    template <class Answer>
    struct call;
    template <class Answer, class F, class... Args>
    task<Answer> first(call<Answer>& shared, F& fn, Args&... args);
    template <class Answer, class F, class... Args>
    task<Answer> second(call<Answer>& shared, F& fn, Args&... args);

    // One first attempt has, or has not, ended within the delay.
    void observe(bool in_time) noexcept;

    hedge_options const options_;
    // All relaxed: figures that publish nothing; a lost step of the delay is made up for by the next.
    atomic<duration> delay_;
    atomic<std::uint64_t> calls_{0};
    atomic<std::uint64_t> hedged_{0};
    atomic<std::uint64_t> won_{0};
};

template <class Answer>
struct hedger::call : immovable {
    explicit call(duration patience) noexcept : delay{patience} {}
    duration const delay;
    atomic<bool> late{false}; // the delay was over before the first attempt was; both only look at it for the percentile
    std::error_code first_error; // written before first_failed is set
    event first_failed;
    event never; // a place to wait for one's stop
};

inline void hedger::observe(bool in_time) noexcept {
    // In balance when as many are in time as the percentile says.
    constexpr double step = 0.05;
    double const factor = in_time ? 1 - step * (1 - options_.percentile) : 1 + step * options_.percentile;
    auto const now = delay_.load(relaxed); // as said at the member
    duration const next{static_cast<duration::rep>(static_cast<double>(now.count()) * factor)};
    delay_.store(std::clamp(next, options_.least_delay, options_.longest_delay), relaxed); // the same
}

template <class Answer, class F, class... Args>
task<Answer> hedger::first(call<Answer>& shared, F& fn, Args&... args) {
    Answer got = co_await fn(args...);
    if (got && !shared.late.load(relaxed)) observe(true); // a figure
    if (got || !options_.retryable(got.error())) co_return got;
    shared.first_error = got.error();
    shared.first_failed.set();
    static_cast<void>(co_await shared.never.wait()); // the second attempt decides, and stops this
    co_return got;
}

template <class Answer, class F, class... Args>
task<Answer> hedger::second(call<Answer>& shared, F& fn, Args&... args) {
    context const& here = co_await this_task();
    auto const failed = co_await timeout(shared.first_failed.wait(), shared.delay);
    if (here.stop.stop_requested()) co_return here.stop.reason();
    if (!failed) {
        shared.late.store(true, relaxed); // a figure
        observe(false);
    }
    if (options_.budget && !options_.budget->withdraw()) {
        auto const over = co_await shared.first_failed.wait();
        co_return over ? shared.first_error : over.error();
    }
    hedged_.fetch_add(1, relaxed); // a figure
    Answer got = co_await fn(args...);
    if (got) {
        won_.fetch_add(1, relaxed); // a figure
        co_return got;
    }
    static_cast<void>(co_await shared.first_failed.wait()); // the first may succeed yet, and then stops this
    co_return got;
}

template <class F, class... Args>
auto hedger::run(F fn, Args... args) -> task<await_result_t<std::invoke_result_t<F&, Args&...>>> {
    using answer = await_result_t<std::invoke_result_t<F&, Args&...>>;
    static_assert(is_result<answer>, "what is hedged says by a result whether it failed");
    calls_.fetch_add(1, relaxed); // a figure
    if (options_.budget) options_.budget->deposit();
    call<answer> shared{delay_.load(relaxed)}; // as said at the member
    auto won = co_await when_any(first<answer>(shared, fn, args...), second<answer>(shared, fn, args...));
    if (won.index == 0) co_return std::get<0>(std::move(won.value));
    co_return std::get<1>(std::move(won.value));
}

inline hedge_figures hedger::figures() const noexcept {
    hedge_figures now;
    now.calls = calls_.load(relaxed); // figures, all four
    now.hedged = hedged_.load(relaxed);
    now.won = won_.load(relaxed);
    now.delay = delay_.load(relaxed);
    return now;
}

} // namespace weir
