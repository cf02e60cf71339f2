// weir/coro/when_all_settled.hpp: awaits several at once and gives how each of them ended.
// As when_all, but nobody is stopped because another failed: each has an outcome of its own.
#pragma once

#include <weir/coro/scope.hpp>
#include <weir/coro/when_all.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

// Keeps how `awaited` ends, and says when it has.
template <class A, class T, class Ended>
task<> settle(A awaited, outcome<T>& into, Ended ended) {
    WEIR_TRY {
        if constexpr (std::is_void_v<await_result_t<A>>) {
            co_await std::move(awaited);
            into.set_value(T{});
        } else {
            into.set_value(co_await std::move(awaited));
        }
    }
    WEIR_CATCH_ALL { into.set_current_exception(); }
    ended();
}

struct nothing_more {
    void operator()() const noexcept {}
};

} // namespace detail

// `auto ends = co_await when_all_settled(a(), b()); auto& [x, y] = ends;`, then `x.failed()`, `x.error()`, `x.take()`.
// Returns: a tuple of outcomes, of std::monostate where there is no value.
// Cancel:  reaches all of them; ends when the last has ended.  Cost: a frame each, and one.
template <awaitable... A>
auto when_all_settled(A... awaited) -> task<std::tuple<outcome<value_or_monostate<await_result_t<A>>>...>> {
    context const& above = co_await this_task();
    scope members{above, co_await this_coroutine()};
    std::tuple<outcome<value_or_monostate<await_result_t<A>>>...> outcomes;
    WEIR_TRY {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (members.start_here(
                 detail::settle<A>(std::move(awaited), std::get<I>(outcomes), detail::nothing_more{})), ...);
        }(std::index_sequence_for<A...>{});
    }
    WEIR_CATCH_ALL { members.fail(std::current_exception()); } // a frame could not be had: stop and join what runs
    co_await scope::join(members);
    members.rethrow_first();
    co_return outcomes;
}

// The same for any number of one kind.  Returns: the outcomes in the order of `awaited`.
template <awaitable A>
auto when_all_settled(std::vector<A> awaited) -> task<std::vector<outcome<value_or_monostate<await_result_t<A>>>>> {
    context const& above = co_await this_task();
    // Before the scope, which must be joined once it is there.
    std::vector<outcome<value_or_monostate<await_result_t<A>>>> outcomes(awaited.size());
    scope members{above, co_await this_coroutine()};
    WEIR_TRY {
        for (std::size_t i = 0; i < awaited.size(); ++i)
            members.start_here(detail::settle<A>(std::move(awaited[i]), outcomes[i], detail::nothing_more{}));
    }
    WEIR_CATCH_ALL { members.fail(std::current_exception()); } // as above
    co_await scope::join(members);
    members.rethrow_first();
    co_return outcomes;
}

} // namespace weir
