// weir/io/stream_taker.hpp: one who waits for what an accept_stream or a recv_stream brings next, in the frame of its
// coroutine.
// For:      authors of primitives.
#pragma once

#include <weir/coro/waiter.hpp>

#include <cerrno>

namespace weir::inline v0::io {

template <class Item>
class stream_core;

template <class Item>
class stream_taker : public waiter {
public:
    explicit stream_taker(stream_core<Item>& of) noexcept : waiter{&is_stopped}, of_{of} {}

    stream_core<Item> const& of() const noexcept { return of_; }

    Item item;
    int outcome = -EAGAIN; // 0 when it has the item; else why it gets none

private:
    static void is_stopped(waiter& self) noexcept { static_cast<stream_taker&>(self).of_.abandon(self); }
    stream_core<Item>& of_;
};

} // namespace weir::io
