// tests/conformance/flow_limits.cpp: limits, and what is called through them, keep the contract of a wait.
#include "conformance/conformance.hpp"

#include <weir/flow/circuit_breaker.hpp>
#include <weir/flow/concurrency_limit.hpp>
#include <weir/flow/hedge.hpp>
#include <weir/flow/rate_limiter.hpp>
#include <weir/flow/retry.hpp>
#include <weir/sync/event.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <tuple>
#include <utility>

using namespace weir;
using namespace weir::conformance;

namespace {

// The burst has been used up, and the next token comes with the completion.
struct rate_limiter_acquire {
    static constexpr description row{.name = "rate_limiter::acquire",
                                     .kind = on_cancel::loses_place,
                                     .value = "the tokens go to the next",
                                     .note = "a wait that would end after the caller's deadline is not begun",
                                     .serves = audience::one,
                                     .by_time = true};
    explicit rate_limiter_acquire(stage& on) : place{on} { static_cast<void>(turns.try_acquire()); }
    task<std::error_code> wait() {
        auto const admitted = co_await turns.acquire();
        had += admitted.has_value();
        co_return admitted.error();
    }
    void complete() { place.let_due_come(); }
    // On workers time goes on, and the next token comes, too.
    bool whole(std::size_t completed) {
        double const left = turns.available(place.due() + pause / 2);
        return had == completed && (completed == 0) == (left >= 1);
    }

private:
    stage& place;
    duration const pause = std::max(place.due() - clock::now(), duration{1000});
    rate_limiter turns{rate{1e9 / static_cast<double>(pause.count()), 1}};
    std::atomic<std::size_t> had{0};
};

// All slots are taken; the completion gives one back.
struct concurrency_enter {
    static constexpr description row{.name = "concurrency_limit::enter",
                                     .kind = on_cancel::loses_place,
                                     .value = "it holds no slot; that goes to the next",
                                     .serves = audience::one};
    explicit concurrency_enter(stage&) {}
    task<std::error_code> wait() {
        auto slot = co_await calls.enter();
        if (slot) had[taken++] = std::move(*slot);
        co_return slot.error();
    }
    void complete() { before.release(); }
    bool whole(std::size_t completed) {
        auto const now = calls.figures();
        return taken == completed && now.in_flight == completed && now.waiting == 0 && now.shed == 0;
    }

private:
    static concurrency_options one_slot() {
        concurrency_options options;
        options.slots = 1;
        options.adaptive = false;
        options.queue.target = std::chrono::hours{1}; // however slow the machine is
        return options;
    }
    concurrency_limit calls{one_slot()};
    call_slot before = calls.try_enter();
    std::atomic<std::size_t> taken{0};
    std::array<call_slot, 2> had;
};

// Each call waits for the completion.
struct of_calls {
    explicit of_calls(stage&) {}
    void complete() { answered.set(); }
    bool whole(std::size_t completed) { return answered.is_set() && had == completed; }

    static task<result<int>> call(of_calls* self) {
        auto const waited = co_await self->answered.wait();
        if (!waited) co_return waited.error();
        co_return 7;
    }
    std::error_code count(result<int> const& got) {
        had += got && *got == 7;
        return got.error();
    }

    event answered;
    std::atomic<std::size_t> had{0};
};

struct retry_try : of_calls {
    static constexpr description row{.name = "retry",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "what the try gives is given",
                                     .note = "nothing is tried again after a stop"};
    using of_calls::of_calls;
    task<std::error_code> wait() {
        of_calls* const self = this;
        co_return count(co_await retry(retry_options{}, &call, self));
    }
};

// The first try of each fails at once; the pause behind it ends with the completion at the latest.
struct retry_pause {
    static constexpr description row{.name = "retry, in its pause",
                                     .kind = on_cancel::safe,
                                     .value = "the error of the last try is given",
                                     .note = "a pause that would outlast the caller's deadline is not begun",
                                     .by_time = true};
    explicit retry_pause(stage& on) : place{on} {}
    task<std::error_code> wait() {
        context const& here = co_await this_task();
        retry_options with;
        with.first_pause = with.longest_pause = std::max(place.due() - clock::now(), duration{0});
        auto const got = co_await retry(with, &fail_once, 0);
        if (got.error() != errc::no_reply) co_return got.error(); // it succeeded
        if (here.stop.stop_requested()) co_return here.stop.reason();
        co_return make_error_code(errc::timed_out);
    }
    void complete() { place.let_due_come(); }
    bool whole(std::size_t) { return true; } // it gives nothing but how often it was called

private:
    static task<result<void>> fail_once(int& calls) {
        if (calls++ == 0) co_return errc::no_reply;
        co_return {};
    }
    stage& place;
};

// The second attempt begins some time in between.
struct hedger_run : of_calls {
    static constexpr description row{.name = "hedger::run",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "the first answer is given; that of the loser is destroyed",
                                     .note = "both attempts are stopped, and both are joined"};
    using of_calls::of_calls;
    task<std::error_code> wait() {
        of_calls* const self = this;
        co_return count(co_await reads.run(&call, self));
    }
    bool whole(std::size_t completed) {
        auto const now = reads.figures();
        return of_calls::whole(completed) && now.hedged <= now.calls && now.won <= now.hedged;
    }

private:
    static hedge_options soon() {
        hedge_options options;
        options.first_delay = std::chrono::microseconds{200};
        return options;
    }
    hedger reads{soon()};
};

struct breaker_run : of_calls {
    static constexpr description row{.name = "circuit_breaker::run",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "what the call gives is given",
                                     .note = "a call that was cancelled counts neither way"};
    using of_calls::of_calls;
    task<std::error_code> wait() {
        of_calls* const self = this;
        co_return count(co_await mails.run(&call, self));
    }
    bool whole(std::size_t completed) {
        return of_calls::whole(completed) && mails.state() == breaker_state::closed;
    }

private:
    circuit_breaker mails;
};

using all_limits =
    std::tuple<rate_limiter_acquire, concurrency_enter, retry_try, retry_pause, hedger_run, breaker_run>;
in_table<all_limits> const lines{group::flow};

} // namespace

TEMPLATE_LIST_TEST_CASE("limits, and calls through them, keep the contract of a wait", "", all_limits) {
    conforms<TestType>();
}
