// tests/conformance/orders.hpp: a subject through every order in which the events of its waits can happen.
// On one thread, so an order is exact: "in the same instant" is a completion and a stop without a turn of the executor in
// between, both ways round.
#pragma once

#include "conformance/trial.hpp"
#include "support/allocations.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace weir::conformance {

enum class step : unsigned char { start_a, start_b, stop_a, complete, drain, limit };

template <std::size_t N>
using order = std::array<step, N>;

template <std::size_t N>
std::string words_of(order<N> const& steps) {
    static constexpr char const* names[] = {"A waits", "B waits", "A is stopped", "completion", "a turn", "A's deadline"};
    std::string words;
    for (step const each : steps) words.append(words.empty() ? "" : ", ").append(names[static_cast<std::size_t>(each)]);
    return words;
}

// How A must have ended, as far as the order decides that.
template <subject S, std::size_t N>
class expectation {
    static constexpr description row = S::row;
    static constexpr bool timed = N == 6;

public:
    explicit expectation(order<N> const& steps) noexcept : steps_{steps} {}

    fault judge(ending const& a) const noexcept {
        if (row.kind == on_cancel::not_stopped)
            return a.completed() ? nullptr : "a stop had an effect on what cannot be stopped";
        if (!a.completed() && !a.because(why())) return "the end of a wait does not say the reason of its stop";
        if (row.by_itself) return nullptr;
        if (heard_at() < at(step::complete) && a.completed())
            return "a wait was stopped, and yet ended with what it wanted";
        if (completed_in_time() && !a.completed())
            return "a wait was completed, but a later stop or deadline won over that";
        return nullptr;
    }

private:
    std::size_t at(step one) const noexcept {
        return static_cast<std::size_t>(std::find(steps_.begin(), steps_.end(), one) - steps_.begin());
    }
    // A deadline is none before A begins, and who was given one and is stopped hears what comes first.
    bool limit_comes_first() const noexcept {
        if (!timed || row.by_time || at(step::limit) < at(step::start_a)) return false;
        return at(step::limit) < at(step::stop_a);
    }
    errc why() const noexcept { return limit_comes_first() ? errc::timed_out : trial<S>::reason; }
    std::size_t heard_at() const noexcept {
        if (limit_comes_first()) return at(step::limit);
        return std::max(at(step::stop_a), at(step::start_a));
    }
    // The completion has settled that A has it, before A hears of a stop.
    bool completed_in_time() const noexcept {
        std::size_t const settled = std::max(at(step::complete), at(step::start_a));
        if (heard_at() <= settled) return false;
        bool const turn = settled < at(step::drain) && at(step::drain) < heard_at();
        bool const needs_turn = !row.at_once || (row.by_time && settled == at(step::start_a));
        if (needs_turn && !turn) return false;
        if (row.serves != audience::one) return true;
        return at(step::start_b) > settled || at(step::start_a) < at(step::start_b);
    }

    order<N> const& steps_;
};

// Needs: no assertion of the test framework inside, as the blocks are counted.
template <subject S, std::size_t N>
fault play(order<N> const& steps) {
    trial<S> one;
    for (step const each : steps) {
        switch (each) {
            case step::start_a: one.start_a(N == 6); break;
            case step::start_b:
                if (trial<S>::has_b) one.start_b();
                break;
            case step::stop_a: one.stop_a(); break;
            case step::complete: one.complete(); break;
            case step::drain: one.drain(); break;
            case step::limit:
                if (!S::row.by_time) one.let_limit_pass();
                break;
        }
    }
    fault const found = one.settle();
    return found ? found : expectation<S, N>{steps}.judge(one.a());
}

// Every order of these.  Returns: the first fault and the order that shows it; empty when there is none.
template <subject S, std::size_t N>
std::string every_order(order<N> steps) {
    std::sort(steps.begin(), steps.end());
    do {
        fault found = nullptr;
        std::ptrdiff_t const left = test::blocks_left_by([&] { found = play<S>(steps); });
        if (!found && left != 0) found = "memory stayed behind: a frame, or what was given";
        if (found) return std::string{found} + " (" + words_of(steps) + ")";
    } while (std::next_permutation(steps.begin(), steps.end()));
    return {};
}

template <subject S>
std::string in_every_order() {
    using enum step;
    if (auto found = every_order<S>(order<5>{start_a, start_b, stop_a, complete, drain}); !found.empty()) return found;
    return every_order<S>(order<6>{start_a, start_b, stop_a, complete, drain, limit});
}

} // namespace weir::conformance
