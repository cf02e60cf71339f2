// weir/coro/operation.hpp: something that may be awaited later: the arguments of an awaiter that cannot itself be moved.
// A waiter must not move once it is known to others, yet `timeout(jobs.wait(), 5ms)` hands `jobs.wait()` on. So verbs
// return an operation, and the awaiter is made in the frame of who awaits it.
// For:      authors of primitives.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

template <class Awaiter, class... Args>
class [[nodiscard]] operation {
public:
    explicit operation(Args... args) noexcept((std::is_nothrow_constructible_v<Args, Args> && ...))
        : args_{std::forward<Args>(args)...} {}
    // Errors: what moving the arguments throws.
    Awaiter operator co_await() && { return std::make_from_tuple<Awaiter>(std::move(args_)); }

private:
    std::tuple<Args...> args_;
};

} // namespace weir
