// weir/coro/scope.hpp: a place whose tasks all end before it does.
//     co_await in_scope([](scope& children) -> task<> {
//         children.spawn(serve, std::move(socket));
//         co_return;
//     });
// The first exception, of a child or of the body, stops all the others; all are joined; then it is thrown on.
// Source:   N. J. Smith, "Notes on structured concurrency", 2018.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/coro/child_value.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/joint.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/shared_priority.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/task_tally.hpp>
#include <weir/coro/transfer.hpp>
#include <weir/coro/wait_book.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// Threads: spawn, request_stop and the observers may be called from any child and from the body.
class scope : joint {
public:
    // Children inherit `above`, with a stop source of this scope's own. `opener` is who will join them, for who looks in.
    // Needs: `above` to outlive the scope.
    explicit scope(context const& above, std::coroutine_handle<> opener = {}) noexcept
        : joint{&end_of_child}, stop_{above.stop}, context_{above.with_stop(stop_.token())}, opener_{opener} {}
    ~scope() {
        WEIR_ASSERT(pending_.load(relaxed) == 0, "a scope ended that was not joined"); // joined: nobody else is left
    }

    // Queues `fn(args...)`, a task<>, on the executor. `fn` and `args` are moved into a frame of the scope's own and
    // are destroyed before the scope ends.
    // Errors: what moving them throws; then nothing was begun.
    // Cost:   the child's frame, and that of its task; one for both where `keeps_its_own` says so.
    template <class F, class... Args>
    void spawn(F&& fn, Args&&... args);
    // The same for a task<T>.  Returns: child_value<T>, to await what it gives; its exception comes out there, too.
    template <class F, class... Args>
    auto start(F&& fn, Args&&... args);

    // Asks every child to end early.
    void request_stop(errc reason = errc::cancelled) noexcept { stop_.request_stop(reason); }

    // Children that have not ended; a hint while there are other threads.
    std::size_t pending() const noexcept { return pending_.load(relaxed) / 2; } // a hint
    // How many children, and the body, ended with an exception.
    std::size_t failures() const noexcept { return failures_.load(relaxed); } // exact once joined
    context const& where() const noexcept { return context_; }

    // For authors of combinators: waits for all children. The one who opened the scope awaits it once, at its end.
    // Cancel: has no effect; stop the children instead.
    class join;
    // Starts a child inside the call, up to its first suspension.
    void start_here(task<> child) noexcept {
        task_tally::count_begun();
        resume(adopt(std::move(child)));
    }
    // Notes an exception; the first one stops everybody.
    void fail(std::exception_ptr error) noexcept;
    // Throws the first exception on, if there was one.  Needs: joined.
    void rethrow_first() {
        if (first_.failed()) first_.take();
    }

private:
    using child_promise = task<>::promise_type;

    std::coroutine_handle<child_promise> adopt(task<> child) noexcept;
    void launch(task<> child) noexcept {
        child_promise& promise = adopt(std::move(child)).promise();
        promise.run_with(&begin);
        executor_of(context_).post(promise);
    }
    static void begin(job& child) noexcept {
        task_tally::count_begun(); // here and not in launch, which may be called on a thread of another executor
        std::coroutine_handle<child_promise>::from_promise(static_cast<child_promise&>(child)).resume();
    }
    static std::coroutine_handle<> end_of_child(joint& at, promise_base& ended) noexcept;
    std::coroutine_handle<> let_go(child_promise& child) noexcept;
    // The joiner when the last one has gone, else nobody.
    std::coroutine_handle<> leave() noexcept {
        if (pending_.fetch_sub(2, acq_rel) != 2) return std::noop_coroutine(); // [left]
        return joiner_;
        // ---- only the joiner goes on
    }

    linked_stop_source stop_;
    context const context_;
    std::coroutine_handle<> const opener_; // never resumed by this
    // C1: two for each child whose frame exists, and one for the body until it joins.
    atomic<std::size_t> pending_{1};
    atomic<std::size_t> failures_{0};
    outcome<void> first_;            // written by whoever raised failures_ from 0; read once joined
    std::coroutine_handle<> joiner_; // written before the body leaves pending_
};

class scope::join {
public:
    explicit join(scope& of) noexcept : scope_{of} {}
    bool await_ready() const noexcept { return false; }
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<> body) noexcept {
        if (wait_book::open()) note(body);
        scope_.joiner_ = body;
        return scope_.pending_.fetch_sub(1, acq_rel) != 1; // [left] keeps C1
        // ---- on true the body may run elsewhere
    }
    void await_resume() const noexcept {
        if (noted_) wait_book::strike(this);
    }

private:
    WEIR_COLD void note(std::coroutine_handle<> body) noexcept {
        noted_ = wait_book::enter(this, body, {}, {0, &describe});
    }
    static void describe(void const* key, wait_text& into) noexcept {
        into.add("the end of ").add(static_cast<join const*>(key)->scope_.pending()).add(" children");
    }

    scope& scope_;
    bool noted_ = false; // in the wait_book
};

namespace detail {

template <class F, class... Args>
task<> run_child(F fn, Args... args) {
    static_assert(std::is_void_v<await_result_t<std::invoke_result_t<F&, Args...>>>,
                  "a spawned child gives nothing back; deal with its result inside, or start it");
    co_await fn(std::move(args)...);
}

// Whether a coroutine with the parameter `P` keeps what it is given as an `Arg` without help: a value of just this type,
// a number, a pointer, or by way of std::ref what somebody else keeps. A view would outlive what it was made of.
template <class P, class Arg, class Held = std::decay_t<Arg>>
inline constexpr bool keeps_argument =
    (std::is_same_v<P, Held> && std::is_nothrow_constructible_v<P, Arg> && std::is_nothrow_move_constructible_v<P>) ||
    (std::is_arithmetic_v<P> && std::is_arithmetic_v<Held>) ||
    (std::is_pointer_v<P> && std::is_convertible_v<Held, P> && (std::is_pointer_v<Held> || std::is_null_pointer_v<Held>));
// What std::ref makes, told by its shape, as <functional> is long.
template <class P, class Arg, template <class> class Wrapper, class U>
    requires std::is_trivially_copyable_v<Wrapper<U>> && std::is_same_v<decltype(std::declval<Wrapper<U>>().get()), U&>
inline constexpr bool keeps_argument<P&, Arg, Wrapper<U>> = std::is_convertible_v<U*, P*>;

template <class Function, class... Args>
inline constexpr bool keeps_arguments = false;
template <class... P, class... Args>
    requires(sizeof...(P) == sizeof...(Args))
inline constexpr bool keeps_arguments<task<> (*)(P...), Args...> = (keeps_argument<P, Args> && ...);
template <class... P, class... Args>
    requires(sizeof...(P) == sizeof...(Args))
inline constexpr bool keeps_arguments<task<> (*)(P...) noexcept, Args...> = (keeps_argument<P, Args> && ...);

// A function, or a lambda without captures, whose task keeps all of its arguments: it needs no frame round its own.
template <class F, class... Args>
concept keeps_its_own = requires(F& fn) { requires keeps_arguments<decltype(+fn), Args...>; };

template <class T, class F, class... Args>
task<> run_child_for(scope& of, value_end<T> into, F fn, Args... args) {
    WEIR_TRY {
        if constexpr (std::is_void_v<T>) {
            co_await fn(std::move(args)...);
            into->end().set_value();
        } else {
            into->end().set_value(co_await fn(std::move(args)...));
        }
        into->give();
    }
    WEIR_CATCH_ALL {
        // Given first: the failure stops who waits for this, and it is to hear of the failure rather than of its stop.
        into->end().set_current_exception();
        into->give();
        of.fail(std::current_exception());
    }
}

} // namespace detail

inline std::coroutine_handle<scope::child_promise> scope::adopt(task<> child) noexcept {
    auto const coroutine = child.release();
    coroutine.promise().ends_at(*this, opener_, context_);
    pending_.fetch_add(2, relaxed); // keeps C1: the caller is itself counted, so the scope cannot end meanwhile
    return coroutine;
}

inline std::coroutine_handle<> scope::end_of_child(joint& at, promise_base& ended) noexcept {
    auto& of = static_cast<scope&>(at);
    auto& child = static_cast<child_promise&>(ended);
    if (child.end().failed()) of.fail(child.end().error());
#if WEIR_NO_DESTROY_IN_SUSPEND
    child.run_with([](job& self) noexcept {
        auto& done = static_cast<child_promise&>(self);
        resume(static_cast<scope&>(*done.ending()).let_go(done));
    });
    of.context_.executor.post(child);
    return std::noop_coroutine();
#else
    return of.let_go(child);
#endif
}

inline std::coroutine_handle<> scope::let_go(child_promise& child) noexcept {
    std::coroutine_handle<child_promise>::from_promise(child).destroy(); // keeps C1: arguments die before the scope ends
    // ---- no frame
    task_tally::count_ended();
    return leave();
}

inline void scope::fail(std::exception_ptr error) noexcept {
    if (failures_.fetch_add(1, relaxed) == 0) first_.set_error(std::move(error)); // published by [left]
    stop_.request_stop();
}

template <class F, class... Args>
void scope::spawn(F&& fn, Args&&... args) {
    if constexpr (detail::keeps_its_own<F, Args...>) {
#if WEIR_EXCEPTIONS
        try {
            launch((+fn)(std::forward<Args>(args)...));
        } catch (std::bad_alloc const&) { // no frame
            throw;
        } catch (...) { // moving the arguments throws nothing: so it was `fn`, before it made its task
            fail(std::current_exception());
        }
#else
        launch((+fn)(std::forward<Args>(args)...));
#endif
    } else {
        launch(detail::run_child<std::decay_t<F>, std::decay_t<Args>...>(std::forward<F>(fn),
                                                                         std::forward<Args>(args)...));
    }
}

template <class F, class... Args>
auto scope::start(F&& fn, Args&&... args) {
    static_assert(survives_await_expression<F&&>, WEIR_SAY_PASS_ARGUMENTS);
    using T = await_result_t<std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>...>>;
    auto* const place = new detail::value_place<T>;
    child_value<T> value{detail::value_end<T>{place}};
    detail::value_end<T> giving{place}; // both ends are held before anything can throw
    launch(detail::run_child_for<T, std::decay_t<F>, std::decay_t<Args>...>(*this, std::move(giving), std::forward<F>(fn),
                                                                            std::forward<Args>(args)...));
    return value;
}

namespace detail {

template <class F, class... Args>
auto open_scope(F fn, Args... args) -> task<await_result_t<std::invoke_result_t<F&, scope&, Args...>>> {
    using T = await_result_t<std::invoke_result_t<F&, scope&, Args...>>;
    context const& above = co_await this_task();
    scope children{above, co_await this_coroutine()};
    outcome<T> result;
    co_await use_context(children.where());
    WEIR_TRY {
        if constexpr (std::is_void_v<T>) {
            co_await fn(children, std::move(args)...);
            result.set_value();
        } else {
            result.set_value(co_await fn(children, std::move(args)...));
        }
    }
    WEIR_CATCH_ALL { children.fail(std::current_exception()); }
    co_await use_context(above);
    co_await scope::join(children);
    children.rethrow_first();
    co_return result.take();
}

} // namespace detail

// Runs `fn(scope&, args...)`, a task<T>, in a scope of its own; ends when it and all its children have ended.
// Returns: what fn gave.  Errors: the first exception of fn and the children.
// Cancel: reaches fn and the children; they are joined all the same.
template <class F, class... Args>
auto in_scope(F&& fn, Args&&... args) {
    static_assert(survives_await_expression<F&&>, WEIR_SAY_PASS_ARGUMENTS);
    return detail::open_scope<std::decay_t<F>, std::decay_t<Args>...>(std::forward<F>(fn), std::forward<Args>(args)...);
}

} // namespace weir
