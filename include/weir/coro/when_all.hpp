// weir/coro/when_all.hpp: awaits several at once and gives all their values.
// Each is started in turn on this thread, up to its first suspension; they go on as what they wait for completes.
// The first exception stops the others; all are joined; then it is thrown on.
// Not:      parallel by itself: what never suspends runs one after another; spawn into a scope to use more workers.
//           Nor for recursion without end: what is started in place starts on the stack of who starts it.
#pragma once

#include <weir/coro/scope.hpp>
#include <weir/coro/task.hpp>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace weir::inline v0 {

namespace detail {

template <class A, class T>
task<> collect(A awaited, outcome<T>& into) {
    if constexpr (std::is_void_v<await_result_t<A>>) {
        co_await std::move(awaited);
        into.set_value(T{});
    } else {
        into.set_value(co_await std::move(awaited));
    }
}

// Awaits one after the other what nobody has taken yet, until something has failed.
template <class A, class T>
task<> collect_some(std::vector<A>& awaited, std::vector<outcome<T>>& into, atomic<std::size_t>& next,
                         scope& members) {
    while (members.failures() == 0) {
        std::size_t const mine = next.fetch_add(1, relaxed); // only a number: each is taken once
        if (mine >= awaited.size()) break;
        A one = std::move(awaited[mine]); // so that its frame, and what it was given, ends with it
        if constexpr (std::is_void_v<await_result_t<A>>) {
            co_await std::move(one);
            into[mine].set_value(T{});
        } else {
            into[mine].set_value(co_await std::move(one));
        }
    }
}

} // namespace detail

// `auto both = co_await when_all(a(), b()); auto& [x, y] = both;`
// Returns: a tuple, std::monostate where there is no value.
// Cancel: reaches all of them; ends when the last has ended.  Cost: a frame each, and one.
template <awaitable... A>
auto when_all(A... awaited) -> task<std::tuple<value_or_monostate<await_result_t<A>>...>> {
    context const& above = co_await this_task();
    scope members{above, co_await this_coroutine()};
    std::tuple<outcome<value_or_monostate<await_result_t<A>>>...> outcomes;
    WEIR_TRY {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (members.start_here(detail::collect<A>(std::move(awaited), std::get<I>(outcomes))), ...);
        }(std::index_sequence_for<A...>{});
    }
    WEIR_CATCH_ALL { members.fail(std::current_exception()); } // a frame could not be had: stop and join what runs
    co_await scope::join(members);
    members.rethrow_first();
    co_return std::apply(
        [](auto&... each) { return std::tuple<value_or_monostate<await_result_t<A>>...>(each.take()...); }, outcomes);
}

// The same for any number of one kind.  Returns: the values in the order of `awaited`.
// At most `window` of them are under way at once; those that come later begin as others end, and not once one has failed.
// Cancel: reaches those that are under way; those that come later still begin, and hear of it at their first wait.
// Cost: a frame for each that is under way, one more, and what holds the values.
template <awaitable A>
auto when_all(std::vector<A> awaited, std::size_t window = ~std::size_t{0})
    -> task<std::vector<value_or_monostate<await_result_t<A>>>> {
    using value = value_or_monostate<await_result_t<A>>;
    WEIR_ASSERT(window >= 1, "a window that nothing passes");
    context const& above = co_await this_task();
    std::vector<outcome<value>> outcomes(awaited.size()); // before the scope, which must be joined once it is there
    scope members{above, co_await this_coroutine()};
    atomic<std::size_t> next{0};
    WEIR_TRY {
        for (std::size_t n = std::min(window, awaited.size()); n > 0; --n)
            members.start_here(detail::collect_some<A>(awaited, outcomes, next, members));
    }
    WEIR_CATCH_ALL { members.fail(std::current_exception()); } // as above
    co_await scope::join(members);
    members.rethrow_first();
    std::vector<value> values;
    values.reserve(outcomes.size());
    for (auto& each : outcomes) values.push_back(each.take());
    co_return values;
}

} // namespace weir
