// weir/coro/when_any.hpp: awaits several at once and gives what the first of them gives.
// Each is started in turn on this thread, up to its first suspension, and none any more once one has ended. The first to
// end, with a value or an exception, stops the others; all are joined; only then does the awaiter go on, so no loser
// outlives what it refers to.
// Not:      a race whose losers are left behind: a loser that does not heed its stop holds up the winner.
#pragma once

#include <weir/coro/scope.hpp>
#include <weir/coro/when_all_settled.hpp>

#include <cstddef>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace weir::inline v0 {

// Which one came first, and what it gave.
template <class T>
struct first_of {
    std::size_t index;
    T value;
};

namespace detail {

// Who came first: decided once.
// R1: a member ends its race when its outcome is set; so the winner's is, and the scope's join publishes it.
// R2: the one who turned winner_ from nobody, and nobody else, stops the others.
class race : immovable {
public:
    explicit race(scope& members) noexcept : members_{members} {}

    // What the one of this index does at its end.
    auto finish(std::size_t index) noexcept {
        return [this, index] {
            std::size_t none = nobody;
            // relaxed: only a number; what was won is published by the scope's join
            if (winner_.compare_exchange_strong(none, index, relaxed, relaxed)) members_.request_stop(); // keeps R2
        };
    }
    // Once true, nobody who begins can win.  A hint while members run elsewhere.
    bool over() const noexcept { return winner_.load(relaxed) != nobody; } // a hint
    // Needs: joined, and somebody began.
    std::size_t winner() const noexcept { return winner_.load(relaxed); } // joined: nobody else is left

private:
    static constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();
    scope& members_;
    atomic<std::size_t> winner_{nobody};
};

} // namespace detail

// `auto const first = co_await when_any(a(), b());`, then `first.index` and `std::get<0>(first.value)`.
// Returns: first_of<std::variant<...>>, std::monostate where there is no value; the alternative is that of the index.
// Errors:  what the first threw. What the others threw is dropped.
// Cancel:  reaches all; the first to end because of it decides what comes out.
//          A loser that completes in the instant of its stop has its value destroyed: a permit or a lock goes back by
//          that; a message that a channel gave is gone. Keep such a wait as a child of a scope and race what its
//          child_value's `get` awaits: who loses then keeps its value for the next time.
// Cost:    a frame each, and one.
template <awaitable... A>
    requires(sizeof...(A) > 0)
auto when_any(A... awaited) -> task<first_of<std::variant<value_or_monostate<await_result_t<A>>...>>> {
    using value = std::variant<value_or_monostate<await_result_t<A>>...>;
    context const& above = co_await this_task();
    scope members{above, co_await this_coroutine()};
    detail::race race{members};
    std::tuple<outcome<value_or_monostate<await_result_t<A>>>...> outcomes;
    WEIR_TRY {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            auto const start = [&]<std::size_t N, class Member>(Member& member) {
                if (race.over()) return;
                members.start_here(detail::settle<Member>(std::move(member), std::get<N>(outcomes), race.finish(N)));
            };
            (start.template operator()<I>(awaited), ...);
        }(std::index_sequence_for<A...>{});
    }
    WEIR_CATCH_ALL { members.fail(std::current_exception()); } // a frame could not be had: stop and join what runs
    co_await scope::join(members);
    members.rethrow_first();
    std::size_t const index = race.winner();
    std::optional<value> won;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        auto const take = [&]<std::size_t N>(auto& end) {
            if (N == index) won.emplace(std::in_place_index<N>, end.take());
        };
        (take.template operator()<I>(std::get<I>(outcomes)), ...);
    }(std::index_sequence_for<A...>{});
    co_return first_of<value>{index, *std::move(won)};
}

// The same for any number of one kind.  Needs: at least one.
template <awaitable A>
auto when_any(std::vector<A> awaited) -> task<first_of<value_or_monostate<await_result_t<A>>>> {
    using value = value_or_monostate<await_result_t<A>>;
    WEIR_ASSERT(!awaited.empty(), "the first of none was awaited");
    context const& above = co_await this_task();
    std::vector<outcome<value>> outcomes(awaited.size()); // before the scope, which must be joined once it is there
    scope members{above, co_await this_coroutine()};
    detail::race race{members};
    WEIR_TRY {
        for (std::size_t index = 0; index < awaited.size() && !race.over(); ++index)
            members.start_here(detail::settle<A>(std::move(awaited[index]), outcomes[index], race.finish(index)));
    }
    WEIR_CATCH_ALL { members.fail(std::current_exception()); } // as above
    co_await scope::join(members);
    members.rethrow_first();
    std::size_t const index = race.winner();
    co_return first_of<value>{index, outcomes[index].take()};
}

} // namespace weir
