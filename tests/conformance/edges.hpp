// tests/conformance/edges.hpp: a subject where there is nothing to order: what never began, is overdue, asks again.
#pragma once

#include "conformance/trial.hpp"
#include "support/allocations.hpp"

namespace weir::conformance {

// A frame that was never started may be destroyed, and then nothing was asked for.
template <subject S>
fault never_begun() {
    trial<S> one;
    { auto const dropped = one.inside().wait(); }
    one.complete();
    return one.settle();
}

// A deadline that is past ends the wait at once.
template <subject S>
fault overdue() {
    trial<S> one;
    one.start_a_overdue();
    one.drain();
    bool const ended = one.a().ended();
    bool const says_so = one.a().because(errc::timed_out);
    one.complete();
    fault const found = one.settle();
    if (S::row.by_itself) return found;
    if (S::row.kind == on_cancel::not_stopped && ended) return "a deadline had an effect on what cannot be stopped";
    if (S::row.kind != on_cancel::not_stopped && !says_so) return "a wait whose deadline is past did not end with that";
    return found;
}

// A second stop, and one that comes after the end, do nothing.
template <subject S>
fault stopped_again() {
    trial<S> one;
    one.start_a(false);
    one.stop_a();
    one.stop_a();
    one.complete();
    one.drain();
    one.stop_a();
    return one.settle();
}

// Who is stopped and asks again stands behind those who have waited meanwhile, just where the table says so.
template <subject S>
fault asks_again() {
    if (S::row.serves != audience::one) return nullptr;
    trial<S> one;
    one.start_a(false);
    one.start_b();
    one.stop_a();
    one.drain();
    one.start_a_again();
    one.complete();
    one.drain();
    bool const behind = one.b().completed() && !one.a().ended();
    fault const found = one.settle();
    bool const as_told = behind == (S::row.kind == on_cancel::loses_place);
    return as_told ? found : "the place in the queue is not what the table says";
}

// What was asked for happens after the stop, just where the table says so.
template <subject S>
fault takes_effect() {
    if constexpr (requires(S const& s) { s.took_effect(); }) {
        trial<S> one;
        one.start_a(false);
        one.drain();
        one.stop_a();
        one.drain();
        one.complete();
        one.drain();
        fault const found = one.settle();
        return one.inside().took_effect() ? found : "what the table says may take effect never does";
    } else {
        return S::row.kind == on_cancel::may_take_effect ? "nobody has shown that it takes effect" : nullptr;
    }
}

template <subject S>
fault at_the_edges() {
    fault found = nullptr;
    for (fault (*const each)() : {&never_begun<S>, &overdue<S>, &stopped_again<S>, &asks_again<S>, &takes_effect<S>}) {
        std::ptrdiff_t const left = test::blocks_left_by([&] { found = each(); });
        if (!found && left != 0) found = "memory stayed behind: a frame, or what was given";
        if (found) break;
    }
    return found;
}

} // namespace weir::conformance
