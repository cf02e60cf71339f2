// weir/channel/element_call.hpp: a callable that is given one element after another, with arguments that stay.
// For:      authors of primitives.
#pragma once

#include <weir/coro/concepts.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::inline v0::detail {

// Holds `fn` and `args` for calls that overlap. Each call gets its element, and the arguments as they lie here: `fn`
// takes them by value for a copy of its own, or by reference; they outlive all calls.
template <class F, class... Args>
class element_call {
public:
    template <class G, class... Given>
    explicit element_call(std::in_place_t, G&& fn, Given&&... args)
        : fn_{std::forward<G>(fn)}, args_{std::forward<Given>(args)...} {}

    template <class Element>
    decltype(auto) operator()(Element&& one) {
        return std::apply([&](Args&... args) -> decltype(auto) { return fn_(std::forward<Element>(one), args...); },
                          args_);
    }

private:
    F fn_;
    std::tuple<Args...> args_;
};

// What awaiting a call of F gives.
template <class F, class Element, class... Args>
using element_result_t = await_result_t<std::invoke_result_t<std::decay_t<F>&, Element, std::decay_t<Args>&...>>;

} // namespace weir::detail
