// tests/conformance/on_runtime.hpp: a subject on the workers of a runtime: real timers, a real driver, and on two workers
// real races. Who waits, who stops and who completes are tasks, which give way a different number of times in each round.
#pragma once

#include "conformance/subject.hpp"
#include "conformance/trial.hpp"
#include "support/scale.hpp"

#include <weir/coro/scope.hpp>
#include <weir/coro/yield.hpp>
#include <weir/runtime/runtime.hpp>
#include <weir/timer/timeout.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <system_error>

namespace weir::conformance {

template <subject S>
class round : immovable {
    static constexpr description row = S::row;
    static constexpr errc reason = trial<S>::reason;

public:
    explicit round(std::size_t number) : number_{number} {}

    static task<> play(round* self) {
        co_await in_scope(&begin, self);
        if constexpr (closes<S>) co_await self->inside_.close();
    }
    fault judge() {
        for (ending const& each : {a_, b_})
            if (each.ended() && !each.completed() && !each.because(reason) && !each.because(errc::timed_out))
                return "a wait ended for a reason that nobody gave";
        if (row.kind == on_cancel::not_stopped && !a_.completed())
            return "a stop had an effect on what cannot be stopped";
        if (has_b && shared_by_all<S> && !b_.completed()) return "who is not stopped does not get what is there";
        std::size_t const completed = std::size_t{a_.completed()} + std::size_t{b_.completed()};
        return inside_.whole(completed) ? nullptr : "what was given is lost, or was had twice";
    }

private:
    static constexpr bool has_b = trial<S>::has_b;

    static task<> begin(scope& children, round* self) {
        using part = task<> (*)(round*);
        static constexpr part parts[] = {&wait_a, &stop_a, &complete, &wait_b};
        for (std::size_t n = 0; n < 4; ++n) {
            part const each = parts[(n + self->number_) % 4];
            if (each != &wait_b || has_b) children.spawn(each, self);
        }
        co_return;
    }
    static task<> give_way(std::size_t times) {
        for (; times > 0; --times) co_await yield();
    }

    static task<> wait_a(round* self) {
        context const& here = co_await this_task();
        context const own = here.with_stop(self->stop_a_.token());
        co_await give_way(self->number_ / 4 % 3);
        co_await use_context(own);
        std::error_code why;
        if (self->number_ % 8 == 7) {
            auto const limit = clock::now() + std::chrono::microseconds{self->number_ * 7 % 200};
            why = co_await deadline(self->inside_.wait(), limit);
        } else {
            why = co_await self->inside_.wait();
        }
        co_await use_context(here);
        self->a_ = ending{why};
        // B shall not wait for what A has.
        if (!why && row.serves == audience::one) self->stop_b_.request_stop(reason);
    }
    static task<> wait_b(round* self) {
        context const& here = co_await this_task();
        context const own = here.with_stop(self->stop_b_.token());
        co_await use_context(own);
        std::error_code const why = co_await self->inside_.wait();
        co_await use_context(here);
        self->b_ = ending{why};
    }
    static task<> stop_a(round* self) {
        co_await give_way(self->number_ / 12 % 3);
        self->stop_a_.request_stop(reason);
    }
    static task<> complete(round* self) {
        co_await give_way(self->number_ / 36 % 3);
        self->inside_.complete();
    }

    std::size_t const number_;
    stage stage_;
    stop_source stop_a_;
    stop_source stop_b_;
    S inside_{stage_};
    ending a_;
    ending b_;
};

// Returns: the first fault and the round; empty when there is none.
template <subject S>
std::string on_runtime(unsigned workers, io::backend_choice backend = io::backend_choice::automatic) {
    runtime_options options;
    options.workers = workers;
    options.backend = backend;
    runtime runs{options};
    return runs.block_on([]() -> task<std::string> {
        std::size_t const rounds = test::scaled(324, 3);
        for (std::size_t n = 0; n < rounds; ++n) {
            auto const one = std::make_unique<round<S>>(n);
            co_await round<S>::play(one.get());
            if (fault const found = one->judge()) co_return std::string{found} + " (round " + std::to_string(n) + ")";
        }
        co_return std::string{};
    });
}

} // namespace weir::conformance
