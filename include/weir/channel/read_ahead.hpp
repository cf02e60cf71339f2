// weir/channel/read_ahead.hpp: a task that reads a source, ahead of who takes the elements.
//     auto lines = read_ahead(children, read_lines(file), 4);
//     chunks some{lines, 100, 5ms};
// A generator runs only while it is awaited, and what it has begun must be awaited to its end. Read by a task of its own
// it may be waited for with a timeout, or chunk by chunk, like a channel.
#pragma once

#include <weir/channel/result_line.hpp>
#include <weir/channel/results.hpp>
#include <weir/channel/source.hpp>
#include <weir/coro/scope.hpp>

#include <cstddef>
#include <utility>

namespace weir::inline v0 {

namespace detail {

class passing_on {
public:
    template <class T>
    void operator()(scope&, result_line<T>& to, T&& one) const noexcept {
        to.give(to.begin(), std::move(one));
    }
};

} // namespace detail

// At most `most` elements lie read and not taken. Begins at once.
// Returns: results<element>, in order.
// Errors:  std::bad_alloc; then nothing was begun. What the source says or throws comes out of `recv`.
// Cancel:  a stop of the scope reaches the source. What was read can still be received; the rest is in the source.
// Needs:   most >= 1; a source that is named outlives the scope, or the `close` of the results.
// Cost:    a frame, and two allocations to begin.
template <source S>
auto read_ahead(scope& children, S&& from, std::size_t most) {
    using T = typename reader<S>::value_type;
    return detail::open_results<T, S>(children, most, detail::result_order::as_read, reader<S>{std::forward<S>(from)},
                                      detail::passing_on{});
}

} // namespace weir
