// weir/coro/fork_join.hpp: runs tasks side by side and gives all their values.
//     auto both = co_await fork_join(fib(n - 1), fib(n - 2));
//     auto& [x, y] = both;
// All but the first are offered to the executor's other workers before the first one starts here. What nobody has fetched
// when that one ends is taken back and run here, one after the other, without a turn of the executor's loop in between.
// For work that computes and divides: it is joined where it was forked, and a recursion costs what its frames cost.
// Errors:   all are joined; then the first exception in the order of the arguments is thrown, the others are dropped.
//           A failure stops nobody: a stop source for each fork would cost more than the fork, and what computes does
//           not wait, so it would not hear. Use when_all, or a scope, where the first failure is to end the others.
// Cost:     no frame and no allocation but the tasks' own; for a range, what holds the values, and room in the queue.
// Not:      for waiting on several things at once, which needs no second worker: when_all.
// Source:   M. Frigo, C. E. Leiserson, K. H. Randall, "The Implementation of the Cilk-5 Multithreaded Language", PLDI
//           1998, whose work-first principle this is; we leave the younger children to thieves, and not the parent.
#pragma once

#include <weir/base/assert.hpp>
#include <weir/base/atomic.hpp>
#include <weir/coro/context.hpp>
#include <weir/coro/executor.hpp>
#include <weir/coro/joint.hpp>
#include <weir/coro/outcome.hpp>
#include <weir/coro/task.hpp>
#include <weir/coro/transfer.hpp>

#include <coroutine>
#include <cstddef>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

template <class T>
value_or_monostate<T> value_of(task<T>& ended) {
    if constexpr (std::is_void_v<T>) {
        ended.coroutine().promise().take();
        return {};
    } else {
        return ended.coroutine().promise().take();
    }
}

// The children of a fork, of several kinds.
template <class... T>
class forked_tuple {
public:
    explicit forked_tuple(task<T>&&... children) noexcept : children_{std::move(children)...} {}

    static constexpr std::size_t size() noexcept { return sizeof...(T); }
    auto& first() noexcept { return std::get<0>(children_); }
    // Calls `visit` with the child of this index.
    template <class Visit>
    void at(std::size_t index, Visit&& visit) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            static_cast<void>(((I == index && (visit(std::get<I>(children_)), true)) || ...));
        }(std::index_sequence_for<T...>{});
    }
    // Calls it with each but the first, the last one first.
    template <class Visit>
    void backwards(Visit&& visit) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (visit(std::get<sizeof...(T) - 1 - I>(children_)), ...);
        }(std::make_index_sequence<sizeof...(T) - 1>{});
    }
    std::tuple<value_or_monostate<T>...> values() {
        return std::apply(
            [](auto&... each) { return std::tuple<value_or_monostate<T>...>{value_of(each)...}; }, children_);
    }

private:
    std::tuple<task<T>...> children_;
};

// The children of a fork, any number of one kind.
template <class T>
class forked_range {
public:
    explicit forked_range(std::vector<task<T>>&& children) noexcept : children_{std::move(children)} {}

    std::size_t size() const noexcept { return children_.size(); }
    task<T>& first() noexcept { return children_.front(); }
    template <class Visit>
    void at(std::size_t index, Visit&& visit) {
        visit(children_[index]);
    }
    template <class Visit>
    void backwards(Visit&& visit) {
        for (std::size_t index = children_.size() - 1; index > 0; --index) visit(children_[index]);
    }
    auto values() {
        if constexpr (std::is_void_v<T>) {
            for (auto& each : children_) value_of(each);
        } else {
            std::vector<value_or_monostate<T>> all;
            all.reserve(children_.size());
            for (auto& each : children_) all.push_back(value_of(each));
            return all;
        }
    }

private:
    std::vector<task<T>> children_;
};

// Where the children of one fork end. It lies in the frame of who awaits them.
//
// The children that run one after the other on the parent's own way, each taken back by the one before, are the line.
// It begins with the first child and ends where the next cannot be taken back, or with the last. All others are strays,
// whom somebody runs as jobs. A child that suspends stays what it is, wherever it is resumed.
//   left_          what goes on
//   size()         no stray has ended; so it stays, where nothing strays
//   0 < n < size() n are left: strays that have not ended, and what the line has yet to tell of
//   0              all have ended, and the last was not alone; the parent goes on
// J1: a stray tells left_ of itself when it ends; the line, when it ends, of all that it has run. So where nothing
//     strays, the line finds left_ untouched and needs no read-modify-write.
// J2: ran_ and on_line_ are written by the line alone. A stray compares on_line_ with itself, which it never is: to be
//     in the line a child is taken back, and then nobody runs it as a job.
// J3: who finds that what it has to tell is all that is left, or brings left_ to zero, goes on with the parent, and
//     nobody else does; until then the parent's frame stays. Who leaves others behind touches nothing afterwards, not
//     even the frame in which it ended: all children's frames end with the parent's await expression.
template <class Children>
class fork : public joint {
public:
    explicit fork(Children& children) noexcept : joint{&end_of_child}, children_{children}, left_{children.size()} {}

    bool await_ready() const noexcept { return children_.size() == 0; }
    template <class Promise>
    WEIR_HANDS_OVER std::coroutine_handle<> await_suspend(
        std::coroutine_handle<Promise> parent, std::source_location where = std::source_location::current()) noexcept;
    auto await_resume() { return children_.values(); }

private:
    static std::coroutine_handle<> end_of_child(joint& at, promise_base& ended) noexcept;
    std::coroutine_handle<> next_in_line() noexcept;

    Children& children_;
    executor_ref executor_; // the parent's; a child's own context may lie in its frame
    std::size_t ran_ = 1;   // of the line, the present one included
    atomic<promise_base*> on_line_{nullptr};
    atomic<std::size_t> left_;
};

template <class Children>
template <class Promise>
std::coroutine_handle<> fork<Children>::await_suspend(std::coroutine_handle<Promise> parent,
                                                      std::source_location where) noexcept {
    context const& inherited = context_of(parent);
    executor_ = inherited.executor;
    auto const adopt = [&](auto& child) {
        WEIR_ASSERT(child.valid(), "a task was forked that was moved from");
        child.coroutine().promise().ends_at(*this, parent, inherited, where);
        return child.coroutine();
    };
    auto const first = adopt(children_.first());
    on_line_.store(&first.promise(), relaxed); // keeps J2
    // The next one last, as the newest is the one that can be taken back; thieves fetch the oldest, from the other end.
    children_.backwards([&](auto& child) { executor_.offer(adopt(child).promise()); });
    return transfer(first);
}

template <class Children>
std::coroutine_handle<> fork<Children>::end_of_child(joint& at, promise_base& ended) noexcept {
    auto& self = static_cast<fork&>(at);
    std::coroutine_handle<> const parent = ended.continuation();
    std::size_t told = 1;
    if (self.on_line_.load(relaxed) == &ended) { // what others write is never this: J2
        if (auto const next = self.next_in_line()) return next;
        told = self.ran_;
    }
    if (self.left_.load(acquire) == told) return parent; // [told] nobody else is left to tell
    if (self.left_.fetch_sub(told, acq_rel) == told) return parent; // [told] keeps J3
    // ---- only who goes on with the parent
    return std::noop_coroutine();
}

// The next child of the line, taken back; null where the line ends.
template <class Children>
std::coroutine_handle<> fork<Children>::next_in_line() noexcept {
    std::coroutine_handle<> next;
    if (ran_ == children_.size()) return next;
    children_.at(ran_, [&](auto& child) {
        auto const coroutine = child.coroutine();
        if (!executor_.take_back(coroutine.promise())) return;
        on_line_.store(&coroutine.promise(), relaxed); // keeps J2
        ++ran_;
        next = coroutine;
    });
    return next;
}

} // namespace detail

// What fork_join returns: it runs when it is awaited, once.
template <class Children>
class [[nodiscard]] forked {
public:
    template <class... Tasks>
    explicit forked(Tasks&&... children) noexcept : children_{std::move(children)...} {}
    detail::fork<Children> operator co_await() && noexcept { return detail::fork<Children>{children_}; }

private:
    Children children_;
};

// Runs all of them in the awaiter's context, on any of its executor's threads, and ends when they have ended.
// Returns: a tuple of what they gave, std::monostate where there is nothing.
// Cancel:  a stop is passed on to what they wait for; all are joined all the same.
template <class... T>
    requires(sizeof...(T) > 0)
auto fork_join(task<T>... children) noexcept {
    return forked<detail::forked_tuple<T...>>{std::move(children)...};
}

// The same for any number of one kind.  Returns: a vector of the values in the order of `children`; nothing for void.
template <class T>
auto fork_join(std::vector<task<T>> children) noexcept {
    return forked<detail::forked_range<T>>{std::move(children)};
}

} // namespace weir
