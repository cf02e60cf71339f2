// weir/channel/results.hpp: what tasks of a scope make of the elements of a source, for the one who takes it.
//     auto pages = map_concurrent(children, urls, 16, fetch);
//     for (auto page = co_await pages.recv(); page; page = co_await pages.recv()) index(*std::move(page));
// The tasks belong to the scope: it ends after them, whatever becomes of this. So who drops the results in the middle
// leaves nothing behind: what is under way is stopped, and joined where the scope ends; or earlier, by `close`. Who keeps
// them and takes none keeps the scope from ending.
// Back-pressure: as many elements as were asked for are read, under way, or finished and not taken; never more.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/channel/result_line.hpp>
#include <weir/channel/source.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/operation.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>

#include <cstddef>
#include <exception>
#include <system_error>
#include <utility>

namespace weir::inline v0 {

template <class T>
class results;

namespace detail {

template <class T, class S, class Start>
results<T> open_results(scope& children, std::size_t places, result_order order, reader<S> from, Start start);

} // namespace detail

// It may itself be the source of something else.
// Threads: one task at a time.
template <class T>
class [[nodiscard]] results {
    using line = detail::result_line<T>;

public:
    using value_type = T;

    results(results&& other) noexcept : line_{std::exchange(other.line_, nullptr)} {}
    results& operator=(results&& other) noexcept {
        results gone{std::move(*this)};
        line_ = std::exchange(other.line_, nullptr);
        return *this;
    }
    // Stops what is under way. What was not taken is dropped, an exception, too.  Needs: nobody waits for it.
    ~results() {
        if (!line_) return;
        WEIR_ASSERT(!line_->awaited(), "results died while a task waits for them");
        line_->leave_taker();
    }

    // False once moved from.
    bool valid() const noexcept { return line_ != nullptr; }

    // Waits for the next.  Needs: valid; one wait at a time.
    // Returns: result<T>.
    // Errors:  errc::closed after the last; or the reason of a stop, when the tasks were stopped before the source had
    //          ended. What the source says instead of an element comes where that would have, and then it goes on.
    //          The first exception, of a task or of the source, stops the others; when all are joined, it is thrown here,
    //          once. What comes before it, in the order of these results, is given first; what comes after, never.
    // Cancel:  ends this wait and nothing else; the next recv gives what this one would have.
    operation<typename line::take_wait, line&> recv() noexcept {
        WEIR_ASSERT(line_, "results were asked for that were moved from");
        return line_->take();
    }

    // Stops what is under way and waits for its end; afterwards nothing of it touches the source, nor anything else. What
    // had finished can still be received.
    // Cancel: has no effect.
    task<> close() {
        WEIR_ASSERT(line_, "results were closed that were moved from");
        line_->request_stop();
        context const& here = co_await this_task();
        context const patient = here.with_stop({});
        co_await use_context(patient);
        static_cast<void>(co_await line_->end());
        co_await use_context(here);
    }

private:
    template <class U, class S, class Start>
    friend results<U> detail::open_results(scope&, std::size_t, detail::result_order, reader<S>, Start);
    explicit results(line* of) noexcept : line_{of} {}

    line* line_;
};

namespace detail {

// Reads an element for each place that is free, and calls `start(scope&, line&, element)` with it.
// Returns: why it ended.
template <class T, class S, class Start>
task<std::error_code> feed(scope& makers, result_line<T>* to, reader<S>* from, Start* start) {
    context const& here = co_await this_task();
    for (;;) {
        auto const room = co_await to->room(); // first, so that nothing is read for which there is no place
        if (!room) co_return room.error();
        auto one = co_await from->read();
        if (one) (*start)(makers, *to, *std::move(one));
        else if (one.error() == errc::closed || was_stopped(here, one.error())) co_return one.error();
        else to->give(to->begin(), one.error());
    }
}

// The task of the scope: feeds the line until the source ends, or it is stopped from above or by the line's taker.
template <class T, class S, class Start>
task<> drive(result_line<T>* to, reader<S> from, Start start) {
    context const& above = co_await this_task();
    stop_callback const link{above.stop, [to](errc reason) noexcept { to->request_stop(reason); }};
    context const own = above.with_stop(to->stop());
    co_await use_context(own);
    WEIR_TRY {
        auto const why = co_await in_scope(&feed<T, S, Start>, to, &from, &start);
        to->ends_with(why);
    }
    WEIR_CATCH_ALL { to->ends_with(std::current_exception()); }
    co_await use_context(above);
}

// The feeder's end of a line, as what a scope spawns: the line ends when the frame of its task, and what that held, is
// gone.
template <class T>
class line_feeder {
public:
    explicit line_feeder(result_line<T>* line) noexcept : line_{line} {}
    line_feeder(line_feeder&& other) noexcept : line_{std::exchange(other.line_, nullptr)} {}
    line_feeder& operator=(line_feeder&&) = delete;
    ~line_feeder() {
        if (line_) line_->leave_feeder();
    }
    template <class S, class Start>
    task<> operator()(reader<S> from, Start start) {
        return drive<T, S, Start>(line_, std::move(from), std::move(start));
    }

private:
    result_line<T>* line_;
};

template <class T, class S, class Start>
results<T> open_results(scope& children, std::size_t places, result_order order, reader<S> from, Start start) {
    WEIR_ASSERT(places >= 1, "results were asked for of which none may be under way");
    auto* const line = new result_line<T>{places, order};
    results<T> taken{line};
    line_feeder<T> giving{line}; // both ends are held before anything can throw
    children.spawn(std::move(giving), std::move(from), std::move(start));
    return taken;
}

} // namespace detail

static_assert(leavable_source<results<int>>);

} // namespace weir
