// weir/channel/for_each_concurrent.hpp: a task for each element of a source, so many at a time.
//     co_await for_each_concurrent(urls, 16, fetch, std::ref(cache));
// Not:      for what the tasks give (map_concurrent.hpp), nor for what is there already (coro/when_all.hpp).
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/result.hpp>
#include <weir/channel/element_call.hpp>
#include <weir/channel/source.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>
#include <weir/sync/semaphore.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

namespace detail {

template <class Call, class Element>
task<> call_in_seat(Call* call, permit, Element one) { // the permit goes back with the frame
    co_await (*call)(std::move(one));
}

template <class S, class Call>
task<result<void>> spawn_for_each(scope& children, reader<S>* from, semaphore* seats, Call* call) {
    using element = typename reader<S>::value_type;
    for (;;) {
        auto seat = co_await seats->acquire(); // first, so that nothing is read that may not run
        if (!seat) co_return seat.error();
        auto one = co_await from->read();
        if (!one && one.error() == errc::closed) co_return result<void>{};
        if (!one) co_return one.error();
        children.spawn(&call_in_seat<Call, element>, call, *std::move(seat), *std::move(one));
    }
}

template <class S, class Call>
task<result<void>> call_for_each(reader<S> from, std::size_t most, Call call) {
    WEIR_ASSERT(most >= 1, "tasks were asked for of which none may run");
    semaphore seats{most};
    co_return co_await in_scope(&spawn_for_each<S, Call>, &from, &seats, &call);
}

} // namespace detail

// Runs `fn(element, args...)`, a task<>, for each element of `from`, at most `most` at a time, each queued on the
// executor. An element is read when there is a place for its task, and not before. Ends when the source has ended and so
// have all tasks. `fn` and `args` are moved in here, and outlive the tasks.
// Returns: result<void>.
// Errors:  what the source says in place of an element: then no more are begun, and those under way end by themselves.
//          The first exception, of a task or of the source, stops the others; all are joined; then it is thrown on.
// Cancel:  reaches the source and the tasks, and all are joined. What was read was given to a task; the rest is in the
//          source.
// Needs:   most >= 1; a source that is named outlives this.  Cost: two frames for a task, besides its own.
template <source S, class F, class... Args>
task<result<void>> for_each_concurrent(S&& from, std::size_t most, F&& fn, Args&&... args) {
    static_assert(survives_await_expression<F&&>, WEIR_SAY_PASS_ARGUMENTS);
    static_assert(std::is_void_v<detail::element_result_t<F, typename reader<S>::value_type, Args...>>,
                  "what the tasks give would be lost; use map_concurrent or unordered");
    using call = detail::element_call<std::decay_t<F>, std::decay_t<Args>...>;
    return detail::call_for_each<S, call>(reader<S>{std::forward<S>(from)}, most,
                                          call{std::in_place, std::forward<F>(fn), std::forward<Args>(args)...});
}

} // namespace weir
