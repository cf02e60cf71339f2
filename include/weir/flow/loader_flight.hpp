// weir/flow/loader_flight.hpp: the coroutine that runs a coalescer's loader for one key, and is the flight.
// For:      authors of primitives.
#pragma once

#include <weir/base/result.hpp>
#include <weir/base/slot.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/transfer.hpp>
#include <weir/flow/flight_landing.hpp>

#include <cstddef>
#include <memory>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::inline v0::detail {

template <class Key, class Value>
class loader_flight;

// What the coroutine function returns, and all that is known of it outside.
template <class Key, class Value>
struct loader_run {
    using promise_type = loader_flight<Key, Value>;
    promise_type* flight;
};

// Whether an error tells of who asked, and when, rather than of what was asked for.
inline bool passes(std::error_code error) noexcept {
    for (errc const one : {errc::cancelled, errc::closed, errc::overloaded, errc::self_deadlock, errc::shut_down,
                           errc::circuit_open})
        if (error == one) return true;
    return false;
}

template <class Key, class Value>
class loader_flight : public promise_base, public resume_job, public flight_core {
    static_assert(!std::is_reference_v<Value> && !std::is_void_v<Value>, "a flight brings an object");
    static_assert(alignof(Key) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__ && alignof(Value) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                  "compilers do not align the frame that holds key and value so much; hold them by a pointer");

    struct finish {
        bool await_ready() const noexcept { return false; }
        WEIR_HANDS_OVER std::coroutine_handle<> await_suspend(
            std::coroutine_handle<loader_flight> self) const noexcept {
#if WEIR_NO_DESTROY_IN_SUSPEND
            self.promise().run_with([](job& done) noexcept {
                auto& one = static_cast<loader_flight&>(done);
                weir::resume(one.land(one.how(), one.weight()));
            });
            executor_of(self.promise().where()).post(self.promise());
            return std::noop_coroutine();
#else
            auto& one = self.promise();
            return transfer(one.land(one.how(), one.weight()));
#endif
        }
        void await_resume() const noexcept {}
    };

public:
    // The coroutine's own arguments: the key lies in its frame.
    template <class... Loader>
    explicit loader_flight(Key& key, Loader&...) noexcept : flight_core{&destroy}, key_{key} {
        resumes(std::coroutine_handle<loader_flight>::from_promise(*this));
    }
    ~loader_flight() {
        if (succeeded_) value_.destroy();
    }

    Key const& key() const noexcept { return key_; }
    void prepare(flight_gate& gate, flight_shard& shard, executor_ref runs_on, weir::priority urgency) noexcept {
        flight_core::prepare(gate, shard, runs_on, urgency);
        awaited_by(nullptr, where());
    }
    // Begins, for a leader on the executor `from`: at once where that is where the flight runs.
    std::coroutine_handle<> depart(executor_ref from) noexcept {
        if (from == where().executor) return transfer(handle());
        executor_of(where()).post(*this);
        return std::noop_coroutine();
    }

    // Likewise, for a leader who does not wait.
    void depart_alone() noexcept { executor_of(where()).post(*this); }

    // Needs: it has landed, and well.
    Value const& value() const noexcept { return value_.value(); }
    // What it brought, for one who was woken by it or found it kept; takes over the caller's hand.
    result<shared_value<Value>> hand_out() {
        if (succeeded_) return shared_value<Value>{*this, value_.value()};
        counted_hand const hand{*this};
        if (thrown_.failed()) thrown_.take();
        return error_;
    }

    // For the coroutine.
    loader_run<Key, Value> get_return_object() noexcept { return {this}; }
    start initial_suspend() noexcept { return start{handle().address()}; }
    finish final_suspend() const noexcept { return {}; }
    template <class U>
    void return_value(U&& brought) {
        if constexpr (is_result<std::remove_cvref_t<U>>) {
            if (!brought) {
                error_ = brought.error();
                return;
            }
            value_.construct(*std::forward<U>(brought));
        } else {
            value_.construct(std::forward<U>(brought));
        }
        succeeded_ = true;
    }
    void unhandled_exception() noexcept { thrown_.set_current_exception(); }

private:
    ending how() const noexcept {
        if (succeeded_) return ending::value;
        return !thrown_.failed() && passes(error_) ? ending::passing_error : ending::error;
    }
    std::size_t weight() const noexcept {
        return succeeded_ && rules().weigh ? rules().weigh(rules().weigher, *this) : 1;
    }
    static void destroy(counted& self) noexcept {
        auto& flight = static_cast<loader_flight&>(self);
        std::coroutine_handle<loader_flight>::from_promise(flight).destroy();
    }

    Key const& key_;
    // Written before land, read by who was woken.
    slot<Value> value_;
    std::error_code error_;
    outcome<void> thrown_;
    bool succeeded_ = false;
};

template <class Key, class Value, class Loader>
loader_run<Key, Value> run_loader(Key key, Loader& load) {
    context const& here = co_await this_task();
    if (here.stop.stop_requested()) co_return result<Value>{here.stop.reason()}; // everybody left before it began
    co_return co_await load(std::as_const(key));
}

// The same with a function and arguments of its own.
template <class Key, class Value, class F, class... Args>
loader_run<Key, Value> run_call(Key key, F fn, Args... args) {
    context const& here = co_await this_task();
    if (here.stop.stop_requested()) co_return result<Value>{here.stop.reason()};
    co_return co_await std::move(fn)(std::as_const(key), std::move(args)...);
}

template <class Value, class Brought>
inline constexpr bool brings = std::is_constructible_v<Value, Brought> || std::is_same_v<Brought, result<Value>>;

// A loader of any type, and how to begin a flight with it.
template <class Key, class Value>
class flight_loader : immovable {
public:
    using flight = loader_flight<Key, Value>;

    template <class Loader>
    explicit flight_loader(Loader load)
        : loader_{new Loader(std::move(load)), [](void* it) noexcept { delete static_cast<Loader*>(it); }},
          make_{[](void* it, Key&& key) -> flight& {
              return *run_loader<Key, Value, Loader>(std::move(key), *static_cast<Loader*>(it)).flight;
          }} {
        using brought = await_result_t<std::invoke_result_t<Loader&, Key const&>>;
        static_assert(brings<Value, brought>,
                      "a loader gives a task of the coalescer's Value, or of a result of it");
    }

    // A flight that has not begun.  Errors: what moving the key throws, bad_alloc.
    template <class K>
    flight& make(K&& key) {
        return make_(loader_.get(), Key(std::forward<K>(key)));
    }

private:
    std::unique_ptr<void, void (*)(void*) noexcept> loader_;
    flight& (*make_)(void*, Key&&);
};

// What is called for one flight only, in the place of the loader.
template <class Key, class Value, class F, class... Args>
class flight_call {
    static_assert(brings<Value, await_result_t<std::invoke_result_t<F, Key const&, Args...>>>,
                  "a loader gives a task of the coalescer's Value, or of a result of it");

public:
    template <class... From>
    explicit flight_call(F fn, From&&... args) : parts_{std::move(fn), std::forward<From>(args)...} {}

    // Needs: to be called once at most.
    template <class K>
    loader_flight<Key, Value>& make(K&& key) {
        return std::apply(
            [&](F& fn, Args&... args) -> loader_flight<Key, Value>& {
                return *run_call<Key, Value, F, Args...>(Key(std::forward<K>(key)), std::move(fn), std::move(args)...)
                            .flight;
            },
            parts_);
    }

private:
    std::tuple<F, Args...> parts_;
};

} // namespace weir::detail
