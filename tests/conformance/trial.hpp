// tests/conformance/trial.hpp: one subject on the test's own threads: the events that may meet in it, and the verdict.
// Two wait, A and B. A is the one who is stopped, or whose deadline comes; B shows what that does to others.
#pragma once

#include "conformance/subject.hpp"
#include "support/manual_executor.hpp"
#include "support/started.hpp"
#include "support/virtual_wheel.hpp"

#include <weir/base/atomic.hpp>
#include <weir/coro/stop.hpp>
#include <weir/timer/timeout.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <system_error>
#include <utility>

namespace weir::conformance {

// What is wrong, in words; null when nothing is.
using fault = char const*;

// How a wait ended: not yet, with what it wanted, or with a reason.
class ending {
public:
    ending() = default;
    explicit ending(std::error_code why) noexcept : ended_{true}, why_{why} {}
    bool ended() const noexcept { return ended_; }
    bool completed() const noexcept { return ended_ && !why_; }
    bool because(errc why) const noexcept { return ended_ && why_ == why; }

private:
    bool ended_ = false;
    std::error_code why_;
};

template <subject S>
class trial : immovable {
    static constexpr description row = S::row;
    using waiting = std::optional<test::started<task<std::error_code>>>;

public:
    // No other part of the library stops with this reason, so it is known when it comes out.
    static constexpr errc reason = errc::shut_down;
    static constexpr bool has_b = row.serves != audience::lone;

    // `timed` gives A a deadline.
    void start_a(bool timed) {
        if (timed && !row.by_time) start(a_, deadline(subject_.wait(), limit_), *stop_a_);
        else start(a_, subject_.wait(), *stop_a_);
    }
    // One more wait of A's.  Needs: the one before has ended.
    void start_a_again() {
        end_a_ = ending{};
        a_.reset();
        stop_a_.emplace();
        start_a(false);
    }
    // A deadline that is past.
    void start_a_overdue() { start(a_, deadline(subject_.wait(), time_.origin() - std::chrono::seconds{1}), *stop_a_); }
    void start_b() { start(b_, subject_.wait(), stop_b_); }
    // Threads: any, from here to `complete`.
    void stop_a() noexcept { stop_a_->request_stop(reason); }
    void let_limit_pass() noexcept { time_.wheel().advance(limit_ + std::chrono::milliseconds{1}); } // beyond the tick
    void complete() {
        given_.store(true, relaxed); // who sees the completion sees this: the executor's lock is in between
        subject_.complete();
    }

    bool run_one() {
        bool const ran = runs_.run_one();
        look();
        return ran;
    }
    void drain() {
        do {
            if (row.by_time && given_.load(relaxed)) stage_.let_due_come(); // for a wait that began when it was past
        } while (run_one());
    }

    S& inside() noexcept { return subject_; }
    bool wheel_is_empty() noexcept { return time_.wheel().size() == 0; }
    ending const& a() const noexcept { return end_a_; }
    ending const& b() const noexcept { return end_b_; }

    // When every event has happened: ends who waits still, and looks whether all is where it belongs.
    fault settle();

private:
    void start(waiting& one, task<std::error_code> wait, stop_source& stop) {
        one.emplace(std::move(wait), context{runs_}.with_stop(stop.token()));
        look();
    }
    // Notes how waits have ended.
    void look() {
        auto const see = [this](waiting& one, ending& end) {
            if (!one || end.ended() || !one->done()) return;
            end = ending{one->take()};
            early_ |= end.completed() && !given_.load(relaxed) && !row.by_itself;
        };
        see(a_, end_a_);
        see(b_, end_b_);
    }
    // What one completion gives, the other may have; then a wait goes on rightly.
    static bool waits_rightly(ending const& other) noexcept { return row.serves == audience::one && other.completed(); }
    fault settle_b();
    fault serve_another();
    fault close();

    test::virtual_wheel time_;
    time_point const limit_ = time_.origin() + std::chrono::hours{1};
    test::manual_executor runs_;
    stage stage_{time_};
    std::optional<stop_source> stop_a_{std::in_place};
    stop_source stop_b_;
    S subject_{stage_};
    atomic<bool> given_{false};
    bool early_ = false;
    ending end_a_;
    ending end_b_;
    waiting a_;
    waiting b_;
};

template <subject S>
fault trial<S>::settle() {
    drain();
    fault found = nullptr;
    if (a_ && !end_a_.ended()) {
        if (!waits_rightly(end_b_)) found = "a wait did not end, although it was completed: a wake-up is lost";
        stop_a();
        drain();
    }
    if (fault const at_b = settle_b(); !found) found = at_b;
    std::size_t const completed = std::size_t{end_a_.completed()} + std::size_t{end_b_.completed()};
    if (early_ && !found) found = "a wait ended with what it wanted before that was to be had";
    if (!found && !subject_.whole(completed)) found = "what was given is lost, or was had twice";
    if (!found && (completed == 0 || shared_by_all<S>)) found = serve_another();
    if (fault const at_close = close(); !found) found = at_close;
    if (!found && !wheel_is_empty()) found = "a timer stayed behind";
    return found;
}

template <subject S>
fault trial<S>::settle_b() {
    if (!b_ || end_b_.ended()) {
        bool const stray = b_ && !end_b_.completed();
        return stray ? "a wait that nobody stopped ended without what it wanted" : nullptr;
    }
    bool const rightly = waits_rightly(end_a_);
    stop_b_.request_stop(reason);
    drain();
    if (!rightly) return "who is not stopped does not get what is there: a wake-up is lost";
    return end_b_.because(reason) ? nullptr : "the end of a wait does not say the reason of its stop";
}

// What nobody took, and what is for all, is had by who comes now.
template <subject S>
fault trial<S>::serve_another() {
    if (row.serves == audience::lone) return nullptr;
    std::size_t const before = std::size_t{end_a_.completed()} + std::size_t{end_b_.completed()};
    stop_source stop;
    test::started<task<std::error_code>> late{subject_.wait(), context{runs_}.with_stop(stop.token())};
    do stage_.let_due_come(); // what it waits for may begin only when others have run
    while (runs_.run_all() != 0);
    bool const had = late.done() && !late.take();
    stop.request_stop();
    runs_.run_all();
    if (!had) return "who comes later does not get what is there";
    return subject_.whole(before + 1) ? nullptr : "what was given is lost, or was had twice, by one who came later";
}

template <subject S>
fault trial<S>::close() {
    if constexpr (closes<S>) {
        test::started<task<>> closing{subject_.close(), context{runs_}};
        runs_.run_all();
        if (!closing.done()) return "it cannot be closed: it still counts a wait that has ended";
    }
    return runs_.ready() == 0 ? nullptr : "a coroutine was resumed once too often";
}

} // namespace weir::conformance
