// weir/runtime/blocking.hpp: a call that blocks, on a thread that may be blocked, awaited from one that may not.
//     auto const page = co_await blocking(&read_page, file, number);
// Not:      for a coroutine, nor for a call that waits for another `blocking` (see blocking_pool.hpp).
#pragma once

#include <weir/base/result.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/operation.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/runtime/blocking_pool.hpp>
#include <weir/runtime/blocking_wait.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

namespace detail {

// What a call gives, as a result: a result stays what it is.
template <class R>
struct blocking_result {
    using type = result<R>;
};
template <class T>
struct blocking_result<result<T>> {
    using type = result<T>;
};

template <class F, class... Args>
class blocking_call : public blocking_wait<blocking_pool> {
    using returned = std::invoke_result_t<F&, Args...>;
    using answer = typename blocking_result<returned>::type;
    static_assert(!awaitable<returned>, "a coroutine given to blocking() would not run there: give it a plain function");
    static_assert(!std::is_reference_v<returned>, "a reference out of another thread: return a pointer if it is meant");

public:
    blocking_call(blocking_pool* pool, F fn, Args... args)
        : blocking_wait{pool, &run}, fn_{std::move(fn)}, args_{std::move(args)...} {}

    answer await_resume() {
        if (auto const ran = finish(); !ran) return ran.error();
        if constexpr (std::is_void_v<returned>) {
            outcome_.take();
            return {};
        } else {
            return outcome_.take();
        }
    }

private:
    static void run(job& work) noexcept {
        auto& self = static_cast<blocking_call&>(work);
        if (self.begins()) self.call();
        self.ends();
        // ---- the frame may be gone
    }
    void call() noexcept {
        WEIR_TRY {
            if constexpr (std::is_void_v<returned>) {
                std::apply(fn_, std::move(args_));
                outcome_.set_value();
            } else {
                outcome_.set_value(std::apply(fn_, std::move(args_)));
            }
        }
        WEIR_CATCH_ALL { outcome_.set_current_exception(); }
    }

    F fn_;
    std::tuple<Args...> args_;
    outcome<returned> outcome_;
};

template <class F, class... Args>
using blocking_operation =
    operation<blocking_call<std::decay_t<F>, std::decay_t<Args>...>, blocking_pool*, std::decay_t<F>,
              std::decay_t<Args>...>;

} // namespace detail

// Calls `fn(args...)`, both moved into the frame of who awaits, on a thread of `pool`; without one, on the pool of the
// thread that awaits, which a runtime installs on its workers.
// Returns: result<T> of what the call gives, which may itself be a result. Errors: the reason of a stop; overloaded, when
//          the queue is bounded and full; shut_down; or why the system gives no thread. Then `fn` was not called.
//          An exception of `fn` is thrown again.
// Cancel:  a call that has not begun is withdrawn and never happens. One that has begun cannot be stopped from here: the
//          wait goes on until it returns, and gives its value. So references to the caller's frame stay valid; what shall
//          outlive the caller is spawned in a scope that does, and what shall end in the middle is given a watchdog.
// Cost:    no allocation.
template <class F, class... Args>
    requires std::is_invocable_v<std::decay_t<F>&, std::decay_t<Args>...>
detail::blocking_operation<F, Args...> blocking(F&& fn, Args&&... args) {
    static_assert(survives_await_expression<F>, WEIR_SAY_PASS_ARGUMENTS);
    return detail::blocking_operation<F, Args...>{nullptr, std::forward<F>(fn), std::forward<Args>(args)...};
}
template <class F, class... Args>
    requires std::is_invocable_v<std::decay_t<F>&, std::decay_t<Args>...>
detail::blocking_operation<F, Args...> blocking(blocking_pool& pool, F&& fn, Args&&... args) {
    static_assert(survives_await_expression<F>, WEIR_SAY_PASS_ARGUMENTS);
    return detail::blocking_operation<F, Args...>{&pool, std::forward<F>(fn), std::forward<Args>(args)...};
}

} // namespace weir
