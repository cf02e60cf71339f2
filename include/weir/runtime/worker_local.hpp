// weir/runtime/worker_local.hpp: a resource of a thread of the blocking pool: a script's engine, a connection.
//     worker_local<engine> engines{&make_engine, &reset_engine};
//     auto const answer = co_await engines.with([](engine& its, std::string text) { return its.eval(text); }, script);
// A thread makes its own on the first use, resets it after each, and ends it when the reset fails, when it is too old or
// worn, and before it ends itself. So there are as many as threads have used it at once, and an idle thread takes its own
// along. Several uses at a time have different ones; so do a use and another inside of it.
// Threads:  with, and counts, from any; T is made, used and destroyed on one and the same thread.
// Not:      a pool of things that any thread may use: memory/object_pool.hpp.
#pragma once

#include <weir/base/cache_line.hpp>
#include <weir/base/slot.hpp>
#include <weir/runtime/blocking.hpp>
#include <weir/runtime/blocking_thread.hpp>
#include <weir/runtime/local_registry.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

class worker_local_options {
public:
    worker_local_options() {}

    std::uint64_t max_uses = std::numeric_limits<std::uint64_t>::max(); // at least 1
    clock::duration max_age = clock::duration::max(); // looked at before each use
    blocking_pool* pool = nullptr; // null: that of the thread which awaits; else it outlives the worker_local
};

template <class T>
class worker_local : immovable {
    class recipe;
    class place;
    template <class F>
    class use;

public:
    // `make()` gives a T and may throw: who asked gets the exception, and the next use tries again. `reset(T&)` makes it
    // as new; when it returns false or throws, the T is destroyed and nobody hears of it but the counts. Both are called
    // on threads of the pool, several at a time.  Errors: no memory.
    template <class Make, class Reset>
    worker_local(Make make, Reset reset, worker_local_options options = {})
        : pool_{options.pool},
          recipe_{std::make_shared<written_recipe<Make, Reset>>(std::move(make), std::move(reset), options)} {}
    // Each T that is left is destroyed on its own thread: at once if that is idle, else when its job has ended. It must
    // need nothing that ends with the worker_local.  Needs: nobody is inside `with`.
    ~worker_local() { recipe_->registry.close(); }

    // Calls `fn(T&, args...)` as `blocking` does, with the same results, errors, cancellation and cost.
    template <class F, class... Args>
        requires std::is_invocable_v<std::decay_t<F>&, T&, std::decay_t<Args>...>
    auto with(F&& fn, Args&&... args) {
        static_assert(survives_await_expression<F>, WEIR_SAY_PASS_ARGUMENTS);
        using wrapped = use<std::decay_t<F>>;
        return detail::blocking_operation<wrapped, Args...>{pool_, wrapped{*recipe_, std::forward<F>(fn)},
                                                            std::forward<Args>(args)...};
    }

    worker_local_counts counts() const noexcept { return recipe_->registry.counts(); }

private:
    template <class Make, class Reset>
    class written_recipe;
    class loan;

    blocking_pool* const pool_;
    std::shared_ptr<recipe> const recipe_;
};

// How a T is made and reset. The last of the worker_local and the places ends it.
template <class T>
class worker_local<T>::recipe : public std::enable_shared_from_this<recipe>, immovable {
public:
    explicit recipe(worker_local_options const& options) noexcept
        : max_uses{options.max_uses}, max_age{options.max_age} {}
    virtual ~recipe() = default;

    virtual void make(slot<T>& where) = 0;
    virtual bool reset(T& used) noexcept = 0;

    std::uint64_t const max_uses;
    clock::duration const max_age;
    local_registry registry;
};

template <class T>
template <class Make, class Reset>
class worker_local<T>::written_recipe final : public recipe {
    // A conversion, so that what make returns is made in its place and need not move.
    struct maker {
        Make& make;
        operator T() { return make(); }
    };

public:
    written_recipe(Make make, Reset reset, worker_local_options const& options)
        : recipe{options}, make_{std::move(make)}, reset_{std::move(reset)} {}

    void make(slot<T>& where) override { where.construct(maker{make_}); }
    bool reset(T& used) noexcept override {
        WEIR_TRY {
            if constexpr (std::is_void_v<std::invoke_result_t<Reset&, T&>>) reset_(used);
            else return static_cast<bool>(reset_(used));
        }
        WEIR_CATCH_ALL { return false; }
        return true;
    }

private:
    Make make_;
    Reset reset_;
};

// A thread's T, on cache lines of its own.
template <class T>
class alignas(cache_line) worker_local<T>::place final : public belonging {
public:
    // Errors: what make throws.
    place(recipe& by, blocking_thread& on)
        : belonging{&by}, recipe_{by.shared_from_this()}, entry_{by.registry, on.roster()} {
        by.make(value_);
        made_at_ = by.max_age == clock::duration::max() ? time_point{} : clock::now();
        by.registry.count_made();
    }
    ~place() override {
        value_.destroy();
        recipe_->registry.count_destroyed();
    }
    bool obsolete() const noexcept override { return recipe_->registry.closed(); }

    bool too_old() const noexcept {
        return recipe_->max_age != clock::duration::max() && clock::now() - made_at_ >= recipe_->max_age;
    }
    T& value() noexcept { return value_.value(); }
    // The end of a use. False when it must be discarded.
    bool give_back() noexcept {
        bool const reset = recipe_->reset(value());
        if (!reset) recipe_->registry.count_reset_failure();
        return reset && ++uses_ < recipe_->max_uses;
    }

private:
    std::shared_ptr<recipe> const recipe_;
    local_registry::entry entry_;
    std::uint64_t uses_ = 0;
    time_point made_at_;
    slot<T> value_;
};

// A use of this thread's T, which is made if there is none, or none that is young enough.
template <class T>
class worker_local<T>::loan : immovable {
public:
    explicit loan(recipe& by) : registry_{by.registry}, thread_{*current<blocking_thread>()} {
        place_ = static_cast<place*>(thread_.find(&by));
        if (place_ && place_->too_old()) discard();
        if (place_) {
            registry_.count_reused();
            return;
        }
        place_ = new place{by, thread_};
        thread_.keep(*place_);
    }
    ~loan() {
        if (!place_->give_back()) discard();
    }
    T& value() noexcept { return place_->value(); }

private:
    void discard() noexcept {
        registry_.count_discarded();
        thread_.end(*std::exchange(place_, nullptr));
    }

    local_registry& registry_;
    blocking_thread& thread_;
    place* place_;
};

// What runs on the thread.
template <class T>
template <class F>
class worker_local<T>::use {
public:
    template <class G>
    use(recipe& by, G&& fn) : recipe_{&by}, fn_{std::forward<G>(fn)} {}

    template <class... Args>
    auto operator()(Args&&... args) -> std::invoke_result_t<F&, T&, Args...> {
        loan one{*recipe_};
        return std::apply(fn_, std::forward_as_tuple(one.value(), std::forward<Args>(args)...));
    }

private:
    recipe* recipe_;
    F fn_;
};

} // namespace weir
