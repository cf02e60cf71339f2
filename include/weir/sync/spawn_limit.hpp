// weir/sync/spawn_limit.hpp: spawns into a scope, but no more than so many at once: who is over the limit waits.
//     spawn_limit at_most{children, 64};
//     for (auto const& url : urls) {
//         auto const begun = co_await at_most.spawn(fetch, url);
//         if (!begun) break; // stopped
//     }
// Order:    FIFO among those who wait.
// Not:      a bound on the scope: it counts the children that were spawned through it. Several limits may share a scope.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/operation.hpp>
#include <weir/coro/scope.hpp>
#include <weir/sync/semaphore.hpp>

#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

// Threads: any, for every function. It may end before its children do.
class spawn_limit : immovable {
    template <class F, class... Args>
    class awaiter;

public:
    // Needs: at_once >= 1; `of` to outlive this.  Cost: one allocation, which the last child gives back.
    spawn_limit(scope& of, std::size_t at_once) : scope_{of}, seats_{std::make_shared<semaphore>(at_once)} {
        WEIR_ASSERT(at_once >= 1, "a limit that lets nobody through");
    }

    // Waits until fewer than the limit of its children run, then spawns fn(args...), a task<>, as scope::spawn does.
    // A child counts until its frame, with what it was given, is gone; and that is before the scope counts it as gone.
    // Returns: result<void>.  Errors: as scope::spawn.  Cancel: the child was not begun.
    // Needs:   not to be awaited by as many of its own children as it lets run: they would wait for each other.
    // Cost:    the child's frame; the wait allocates nothing.
    template <class F, class... Args>
    auto spawn(F&& fn, Args&&... args) {
        static_assert(survives_await_expression<F&&>, WEIR_SAY_PASS_ARGUMENTS);
        using waits = awaiter<std::decay_t<F>, std::decay_t<Args>...>;
        return operation<waits, spawn_limit&, std::decay_t<F>, std::decay_t<Args>...>{*this, std::forward<F>(fn),
                                                                                      std::forward<Args>(args)...};
    }
    // False when the limit is reached, or others wait; and then the arguments are untouched.
    template <class F, class... Args>
    [[nodiscard]] bool try_spawn(F&& fn, Args&&... args);

    // How many more would begin at once; a hint while others spawn and end.
    std::size_t free() const noexcept { return seats_->available(); }

private:
    // What the child's frame holds instead of the callable. The permit is the last of it to go.
    template <class F>
    class seated;
    using acquisition = decltype(std::declval<semaphore&>().acquire().operator co_await());

    scope& scope_;
    std::shared_ptr<semaphore> const seats_; // children outlive this when it stands in the scope's body
};

template <class F>
class spawn_limit::seated {
public:
    template <class G>
    seated(std::shared_ptr<semaphore> seats, permit seat, G&& fn)
        : seats_{std::move(seats)}, seat_{std::move(seat)}, fn_{std::forward<G>(fn)} {}
    template <class... Args>
    decltype(auto) operator()(Args&&... args) {
        return fn_(std::forward<Args>(args)...);
    }

private:
    std::shared_ptr<semaphore> seats_;
    permit seat_;
    F fn_;
};

template <class F, class... Args>
class spawn_limit::awaiter : public acquisition {
public:
    awaiter(spawn_limit& of, F&& fn, Args&&... args)
        : acquisition{*of.seats_, 1}, limit_{of}, fn_{std::move(fn)}, args_{std::move(args)...} {}
    result<void> await_resume() {
        auto seat = acquisition::await_resume();
        if (!seat) return seat.error();
        std::apply(
            [&](Args&... args) {
                limit_.scope_.spawn(seated<F>{limit_.seats_, *std::move(seat), std::move(fn_)}, std::move(args)...);
            },
            args_);
        return {};
    }

private:
    spawn_limit& limit_;
    F fn_;
    std::tuple<Args...> args_;
};

template <class F, class... Args>
bool spawn_limit::try_spawn(F&& fn, Args&&... args) {
    permit seat = seats_->try_acquire();
    if (!seat) return false;
    scope_.spawn(seated<std::decay_t<F>>{seats_, std::move(seat), std::forward<F>(fn)}, std::forward<Args>(args)...);
    return true;
}

} // namespace weir
