// weir/channel/source.hpp: what elements are read from, one after another: a channel, a generator, a range.
// For:      authors of primitives.
#pragma once

#include <weir/base/result.hpp>
#include <weir/coro/concepts.hpp>
#include <weir/coro/context.hpp>

#include <coroutine>
#include <iterator>
#include <optional>
#include <ranges>
#include <system_error>
#include <type_traits>
#include <utility>

// For the static_assert that goes with it.
#define WEIR_SAY_READ_AHEAD                                                                                        \
    "a read of a generator that has begun cannot be left when the time is over; let a task of a scope read it, and " \
    "take from that: read_ahead(children, std::move(generator), n)"

namespace weir::inline v0 {

namespace detail {

template <class S>
concept has_recv = requires(S& s) {
    { s.recv() } -> awaitable;
};
template <class S>
concept has_next = requires(S& s) {
    { s.next() } -> awaitable;
};

// What a read of S awaits: `recv()`, or else `next()`.
template <class S>
auto ask(S& source) {
    if constexpr (has_recv<S>) return source.recv();
    else return source.next();
}
template <class S>
using answer_t = await_result_t<decltype(ask(std::declval<S&>()))>;

} // namespace detail

// Gives result<T>, and errc::closed at its end. A wait that is stopped has taken nothing, so it may be left and begun
// again: channel, unbounded_channel, the receivers of oneshot and broadcast, interval, chunks, results.
template <class S>
concept receivable = (detail::has_recv<S> || detail::has_next<S>) && is_result<detail::answer_t<S>>;

// Gives a pointer to a value, and null at its end. What was begun must be awaited to its end: async_generator.
template <class S>
concept generated = !receivable<S> && detail::has_next<S> && std::is_pointer_v<detail::answer_t<S>> &&
                    awaiter<decltype(std::declval<S&>().next())>;

// A range never waits. One that is not named is moved with who reads it, so its iterators must stay good: generator does.
template <class S>
concept source = receivable<std::remove_reference_t<S>> || generated<std::remove_reference_t<S>> ||
                 (std::ranges::input_range<S> && (std::is_lvalue_reference_v<S> || !std::ranges::forward_range<S>));

// Whose wait may be left.
template <class S>
concept leavable_source = source<S> && !generated<std::remove_reference_t<S>>;

// Whether a wait ended because of the stop that its context carries, rather than by what it waited for.
inline bool was_stopped(context const& where, std::error_code end) noexcept {
    return where.stop.stop_requested() && end == where.stop.reason();
}

// Reads an S, which is X& for a source that lies elsewhere and outlives this, X for one that lies in here.
// `co_await read()` gives result<value_type>, errc::closed at the end, or throws what the source throws.
// Needs: one read at a time; not to be moved meanwhile.
template <source S>
class reader;

template <source S>
    requires receivable<std::remove_reference_t<S>>
class reader<S> {
public:
    using value_type = typename detail::answer_t<std::remove_reference_t<S>>::value_type;

    explicit reader(S&& from) : source_{std::forward<S>(from)} {}
    auto read() { return detail::ask(source_); }

private:
    S source_;
};

// What stands in the two below has its bodies with it: clang before 17 finds no member of a constrained partial
// specialisation that is defined behind it.
template <source S>
    requires generated<std::remove_reference_t<S>>
class reader<S> {
    using next = decltype(std::declval<S&>().next());

public:
    using value_type = std::remove_pointer_t<decltype(std::declval<next&>().await_resume())>;
    static_assert(!std::is_const_v<value_type>, "elements are moved out of a generator");
    static_assert(!std::is_convertible_v<value_type, std::error_code>, "an error is no element; yield a result<void>");

private:
    class [[nodiscard]] move_out : public next {
    public:
        explicit move_out(next&& of) : next{std::move(of)} {}
        result<value_type> await_resume() {
            auto* const shown = next::await_resume();
            if (!shown) return errc::closed;
            return std::move(*shown);
        }
    };

public:
    explicit reader(S&& from) : source_{std::forward<S>(from)} {}
    move_out read() { return move_out{source_.next()}; }

private:
    S source_;
};

// Elements of a named range are copied, unless it is one whose references may be moved from.
template <source S>
    requires std::ranges::input_range<S>
class reader<S> {
public:
    using value_type = std::ranges::range_value_t<S>;
    static_assert(!std::is_convertible_v<value_type, std::error_code>, "an error is no element; give a result<void>");

private:
    class [[nodiscard]] at_once {
    public:
        explicit at_once(result<value_type>&& read) : read_{std::move(read)} {}
        bool await_ready() const noexcept { return true; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        result<value_type> await_resume() { return std::move(read_); }

    private:
        result<value_type> read_;
    };

public:
    explicit reader(S&& from) : source_{std::forward<S>(from)} {}
    at_once read() { return at_once{step()}; }

private:
    result<value_type> step() {
        if (std::exchange(ended_, true)) return errc::closed; // the end, too, when the range throws now
        if (at_) ++*at_;
        else at_.emplace(std::ranges::begin(source_));
        if (*at_ == std::ranges::end(source_)) return errc::closed;
        ended_ = false;
        return static_cast<value_type>(**at_);
    }

    S source_;
    std::optional<std::ranges::iterator_t<S>> at_; // nothing before the first step
    bool ended_ = false;
};

} // namespace weir
