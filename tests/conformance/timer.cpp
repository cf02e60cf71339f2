// tests/conformance/timer.cpp: sleeps, ticks and what is bounded by time keep the contract of a wait.
#include "conformance/conformance.hpp"

#include <weir/sync/event.hpp>
#include <weir/timer/interval.hpp>
#include <weir/timer/sleep.hpp>
#include <weir/timer/timeout.hpp>

#include <chrono>
#include <tuple>

using namespace weir;
using namespace weir::conformance;
using namespace std::chrono_literals;

namespace {

struct sleeping {
    static constexpr description row{
        .name = "sleep_until, sleep_for", .kind = on_cancel::safe, .value = "there is none", .by_time = true};
    explicit sleeping(stage& on) : place{on} {}
    task<std::error_code> wait() {
        auto const slept = co_await sleep_until(place.due());
        co_return slept.error();
    }
    void complete() { place.let_due_come(); }
    bool whole(std::size_t) { return true; }

    stage& place;
};

struct interval_next {
    static constexpr description row{.name = "interval::next",
                                     .kind = on_cancel::safe,
                                     .value = "no tick is lost: the next call tells of it",
                                     .serves = audience::lone,
                                     .by_time = true};
    explicit interval_next(stage& on) : place{on}, ticks{1h, on.due() - 1h} {}
    task<std::error_code> wait() {
        auto const passed = co_await ticks.next();
        if (passed) told += *passed;
        co_return passed.error();
    }
    void complete() { place.let_due_come(); }
    bool whole(std::size_t completed) {
        return told == completed && ticks.next_tick() == place.due() + completed * ticks.period();
    }

    stage& place;
    interval ticks;
    std::size_t told = 0;
};

struct bounded_by_time {
    static constexpr description row{.name = "timeout, deadline",
                                     .kind = on_cancel::as_its_parts,
                                     .value = "what has completed keeps it, though the time was over"};
    explicit bounded_by_time(stage&) {}
    task<std::error_code> wait() {
        auto const waited = co_await timeout(deadline(flag.wait(), no_deadline), 100h);
        co_return waited.error();
    }
    void complete() { flag.set(); }
    bool whole(std::size_t) { return flag.is_set(); }

    event flag;
};

using all_timers = std::tuple<sleeping, interval_next, bounded_by_time>;
in_table<all_timers> const lines{group::timers};

} // namespace

TEMPLATE_LIST_TEST_CASE("sleeps, ticks and bounds of time keep the contract of a wait", "", all_timers) {
    conforms<TestType>();
}
