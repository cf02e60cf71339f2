// tests/conformance/races.hpp: a subject between two threads: its waits on one, its completion or its stop on the other.
// The events are those of orders.hpp, but what lies between two of them is now met, too. Each race begins a little later
// or earlier than the one before, so the meeting point passes over every step. WEIR_RACES says how many there are.
#pragma once

#include "conformance/trial.hpp"
#include "support/opponent.hpp"
#include "support/scale.hpp"

#include <weir/base/atomic.hpp>
#include <weir/coro/context.hpp>
#include <weir/cpu/pause.hpp>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>

namespace weir::conformance {

// What meets what: the first on the test's thread, the second on the other.
enum class meeting : unsigned char { completion_stop, stop_completion, wait_completion, wait_stop, deadline_completion };
inline constexpr std::size_t meetings = 5;

inline char const* words_of(meeting how) noexcept {
    static constexpr char const* words[] = {"a completion meets a stop", "a stop meets a completion",
                                            "the beginning of a wait meets a completion",
                                            "the beginning of a wait meets a stop", "a deadline meets a completion"};
    return words[static_cast<std::size_t>(how)];
}

// How many races there are: as many as are asked for, or some thousands, fewer where the machine is too busy for that.
class race_budget {
public:
    race_budget() noexcept {
        if (char const* const asked = std::getenv("WEIR_RACES")) {
            most_ = std::strtoull(asked, nullptr, 10);
            until_ = no_deadline;
        }
    }
    bool allows(std::size_t number) const noexcept {
        return number < most_ && (number < least || number % 64 != 0 || clock::now() < until_);
    }

private:
    static constexpr std::size_t least = 320;
    std::size_t most_ = test::scaled(5000, 5);
    time_point until_ = clock::now() + std::chrono::milliseconds{test::sanitized ? 500 : 200};
};

template <subject S>
class racing_trial : immovable {
public:
    racing_trial() : other_{half{this}} {}

    fault race(meeting how, std::size_t number) {
        how_ = how;
        one_.emplace();
        over_.store(false, relaxed); // the beginning of the other half publishes it
        bool const begins_late = how == meeting::wait_completion || how == meeting::wait_stop;
        if (!begins_late) start_both();
        other_.begin(number);
        test::offset(number);
        switch (how) {
            case meeting::completion_stop: one_->complete(); break;
            case meeting::stop_completion: one_->stop_a(); break;
            case meeting::wait_completion:
            case meeting::wait_stop: start_both(); break;
            case meeting::deadline_completion:
                if (!S::row.by_time) one_->let_limit_pass();
                break;
        }
        backoff wait;
        while (!over_.load(acquire)) // [over]
            if (!one_->run_one()) wait(); // it goes on while who woke it is still at it
        other_.join(number);
        if (how == meeting::wait_stop) one_->complete();
        fault const found = one_->settle();
        return found ? found : judge(one_->a());
    }

private:
    struct half {
        racing_trial* of;
        void operator()(std::size_t) const {
            of->other_half();
            of->over_.store(true, release); // [over]
        }
    };

    void start_both() {
        one_->start_a(how_ == meeting::deadline_completion);
        if (trial<S>::has_b) one_->start_b();
    }
    void other_half() {
        if (how_ == meeting::completion_stop || how_ == meeting::wait_stop) one_->stop_a();
        else one_->complete();
    }
    // Whoever won, there is one way to end well, and the reason of the one stop there was.
    fault judge(ending const& a) const noexcept {
        bool const may_stop = how_ != meeting::wait_completion && S::row.kind != on_cancel::not_stopped;
        errc const why = how_ == meeting::deadline_completion ? errc::timed_out : trial<S>::reason;
        if (a.completed() || (may_stop && a.because(why))) return nullptr;
        // Where one completion serves the first, it may have been B, and A was stopped at the end.
        if (how_ == meeting::wait_completion && one_->b().completed() && !shared_by_all<S>) return nullptr;
        return "a wait ended for a reason that nobody gave";
    }

    meeting how_{};
    atomic<bool> over_{false};
    std::optional<trial<S>> one_;
    test::opponent<half> other_;
};

// Returns: the first fault and where it was; empty when there is none.
template <subject S>
std::string in_races() {
    racing_trial<S> between;
    race_budget const budget;
    for (std::size_t n = 0; budget.allows(n); ++n) {
        auto const how = static_cast<meeting>(n % meetings);
        if (fault const found = between.race(how, n))
            return std::string{found} + " (race " + std::to_string(n) + ": " + words_of(how) + ")";
    }
    return {};
}

} // namespace weir::conformance
