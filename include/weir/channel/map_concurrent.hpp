// weir/channel/map_concurrent.hpp: a task for each element of a source, so many at a time, and what each gives.
#pragma once

#include <weir/channel/element_call.hpp>
#include <weir/channel/result_line.hpp>
#include <weir/channel/results.hpp>
#include <weir/channel/source.hpp>
#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

namespace detail {

template <class T, class Call>
class mapping {
public:
    explicit mapping(Call call) : call_{std::move(call)} {}
    template <class Element>
    void operator()(scope& makers, result_line<T>& to, Element&& one) {
        makers.spawn(&make<std::remove_cvref_t<Element>>, this, &to, to.begin(), std::forward<Element>(one));
    }

private:
    template <class Element>
    static task<> make(mapping* self, result_line<T>* to, std::uint64_t number, Element one) {
        T value = co_await self->call_(std::move(one));
        to->give(number, std::move(value));
    }

    Call call_;
};

template <class S, class F, class... Args>
auto map_into(result_order order, scope& children, S&& from, std::size_t most, F&& fn, Args&&... args) {
    static_assert(survives_await_expression<F&&>, WEIR_SAY_PASS_ARGUMENTS);
    using T = element_result_t<F, typename reader<S>::value_type, Args...>;
    static_assert(!std::is_void_v<T>, "these tasks give nothing; use for_each_concurrent");
    using call = element_call<std::decay_t<F>, std::decay_t<Args>...>;
    return open_results<T, S>(
        children, most, order, reader<S>{std::forward<S>(from)},
        mapping<T, call>{call{std::in_place, std::forward<F>(fn), std::forward<Args>(args)...}});
}

} // namespace detail

// Runs `fn(element, args...)`, a task<T>, for each element of `from`, at most `most` at a time, as tasks of `children`.
// Begins at once. `fn` and `args` are moved in here, and outlive the tasks.
// Returns: results<T>, in the order of the elements: one that has finished waits for those before it.
// Errors:  what moving the arguments throws, std::bad_alloc; then nothing was begun. The rest comes out of `recv`.
// Cancel:  a stop of the scope reaches the source and the tasks. What was read was given to a task; the rest is in the
//          source.
// Needs:   most >= 1; a source that is named outlives the scope, or the `close` of the results.
// Cost:    two frames for a task, besides its own; two allocations to begin.
template <source S, class F, class... Args>
auto map_concurrent(scope& children, S&& from, std::size_t most, F&& fn, Args&&... args) {
    return detail::map_into<S>(detail::result_order::as_read, children, std::forward<S>(from), most,
                               std::forward<F>(fn), std::forward<Args>(args)...);
}

// The same, with results as they come.
template <source S, class F, class... Args>
auto unordered(scope& children, S&& from, std::size_t most, F&& fn, Args&&... args) {
    return detail::map_into<S>(detail::result_order::as_done, children, std::forward<S>(from), most,
                               std::forward<F>(fn), std::forward<Args>(args)...);
}

} // namespace weir
