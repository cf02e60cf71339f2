// weir/io/stream_next.hpp: the awaiter of what an accept_stream or a recv_stream brings next.
// For:      authors of primitives.
#pragma once

#include <weir/base/immovable.hpp>
#include <weir/base/result.hpp>
#include <weir/io/op.hpp>
#include <weir/io/stream_core.hpp>
#include <weir/io/stream_taker.hpp>

#include <cerrno>
#include <coroutine>
#include <source_location>
#include <utility>

namespace weir::inline v0::io {

template <class Item>
class stream_next : immovable {
public:
    explicit stream_next(stream_core<Item>& of) noexcept : of_{of}, taker_{of} {}

    bool await_ready() noexcept {
        taker_.outcome = of_.try_take(taker_.item);
        return taker_.outcome != -EAGAIN;
    }
    template <class Promise>
    WEIR_HANDS_OVER bool await_suspend(std::coroutine_handle<Promise> handle,
                                       std::source_location at = std::source_location::current()) noexcept {
        waits_ = true;
        return taker_.listen(handle, at, &describe) && of_.take_or_wait(taker_);
    }
    result<Item> await_resume() noexcept {
        if (waits_) {
            auto const ended = taker_.finish();
            if (!ended) return ended.error();
        }
        int const outcome = taker_.outcome;
        if (outcome == 0 || outcome == own_reason(errc{})) return std::move(taker_.item); // empty at the end
        if (outcome < own_reason(errc{})) return static_cast<errc>(own_reason(errc{}) - outcome);
        return system_error_code(-outcome);
    }

private:
    // "next on fd 3"
    static void describe(void const* key, wait_text& into) noexcept {
        auto& taker = static_cast<stream_taker<Item> const&>(*static_cast<waiter const*>(key));
        into.add("next on fd ").add(taker.of().file().number());
    }

    stream_core<Item>& of_;
    bool waits_ = false;
    stream_taker<Item> taker_;
};

} // namespace weir::io
